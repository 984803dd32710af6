import { expect } from "chai";
import { parseInventory } from "../../src/inventory/csv.js";
import { type Found, matchResources } from "../../src/inventory/matching.js";

const INVENTORY = parseInventory(
  Buffer.from(
    "Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner\nweb-api,Node.js 16,,10k req/day,PostgreSQL,High,Platform\nadmin-portal,React,web-api,100 users,None,Medium,Admin\n",
  ),
  "applications.csv",
);
const found = (change: Partial<Found>): Found => ({ kind: "instance", id: "i-1", name: undefined, tags: {}, linked: [], ...change });
const matched = (...all: Found[]) => matchResources(INVENTORY, all);

describe("matching what was found with the inventory", () => {
  it("takes a tag for certain, a whole name for likely and a part of one for possible, and says why", () => {
    const of = (f: Partial<Found>) => matched(found(f)).matches.map((m) => [m.application, m.confidence, m.evidence.join()]);
    expect(of({ tags: { Application: "Web-API" } })).to.deep.equal([["web-api", "certain", "tag Application is Web-API"]]);
    expect(of({ name: "prod-web-api-7" })).to.deep.equal([["web-api", "likely", "its name prod-web-api-7 names it"]]);
    expect(of({ name: "adminbox" })).to.deep.equal([["admin-portal", "possible", 'its name adminbox has "admin" in it']]);
  });

  it("does not take a name for another's part of it", () => {
    expect(matched(found({ name: "web-apis" })).matches).to.deep.equal([]);
  });

  it("follows a load balancer to what is behind it", () => {
    const balancer = found({ kind: "load balancer", id: "lb", name: "old-web-api" });
    const { matches } = matched(balancer, found({ id: "i-2", linked: [{ id: "lb", how: "behind" }] }));
    expect(matches[1]).to.deep.include({
      application: "web-api",
      id: "i-2",
      confidence: "likely",
      evidence: ["behind lb, which belongs to web-api"],
    });
  });

  it("follows a security group to the database that it opens", () => {
    const instance = found({ id: "i-6", tags: { app: "web-api" } });
    const database = found({ kind: "database", id: "main", linked: [{ id: "i-6", how: "open to" }] });
    expect(matched(instance, database).matches[1]).to.deep.include({ id: "main", confidence: "likely" });
    const shared = found({ kind: "database", id: "shared", linked: ["i-6", "i-7"].map((id) => ({ id, how: "open to" })) });
    expect(matched(instance, found({ id: "i-7", tags: { app: "admin-portal" } }), shared).unmatched[0]?.why).to.equal(
      "several applications claim it: web-api, admin-portal",
    );
  });

  it("takes for certain what a stack config names, and what its users' host name leads to", () => {
    const stated = [{ application: "web-api", hosts: ["api.example.com"], ids: ["i-8"] }];
    const all = [found({ id: "i-8" }), found({ kind: "load balancer", id: "edge", hosts: ["api.example.com"] }), found({ id: "i-9" })];
    const { matches, unmatched } = matchResources(INVENTORY, all, stated);
    expect(matches.map((m) => [m.id, m.application, m.confidence, m.evidence])).to.deep.equal([
      ["i-8", "web-api", "certain", ["a stack config names it"]],
      ["edge", "web-api", "certain", ["api.example.com leads to it"]],
    ]);
    expect(unmatched).to.have.length(1);
  });

  it("lists what belongs to none, and what several claim, and drops nothing", () => {
    const all = [
      found({ id: "i-3", name: "bastion" }),
      found({ id: "i-4", name: "web-api-and-admin-portal" }),
      found({ id: "i-5", tags: { app: "web-api" } }),
    ];
    const { matches, unmatched } = matched(...all);
    expect(matches.length + unmatched.length).to.equal(all.length);
    expect(unmatched.map((u) => [u.found.id, u.why])).to.deep.equal([
      ["i-3", "no tag, name or neighbour names an application of the inventory"],
      ["i-4", "several applications claim it: web-api, admin-portal"],
    ]);
  });
});
