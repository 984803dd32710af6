import { expect } from "chai";
import { answersOf, authoritativeServers, confirmedWeight, resolversFollow, shownTtl } from "../../../src/adapters/dns/answers.js";
import { gdnsdForSuite, type Weighted } from "../../support/gdnsd.js";

const NAME = "api.example.com";
const SIDES = { old: ["1.2.3.4"], new: ["5.6.7.8"] };
const at = (oldWeight: number, newWeight: number, ttl = 60) => ({
  old: ["1.2.3.4", oldWeight] as [string, number],
  new: ["5.6.7.8", newWeight] as [string, number],
  ttl,
});

describe("weights as authoritative name servers show them", function () {
  this.timeout(60_000);
  const dns = gdnsdForSuite();

  it("promise 11: confirms a weight that the answers fit, and no other", async () => {
    const server = await dns.serve(at(75, 25));
    const answers = [await answersOf(server, NAME, { samples: 400 })];
    expect(confirmedWeight(25, answers, SIDES)).to.deep.equal({ known: true, value: 25 });
    for (const asked of [0, 10, 50, 100]) expect(confirmedWeight(asked, answers, SIDES), String(asked)).to.include({ known: false });
    expect(shownTtl(answers, SIDES.old)).to.deep.equal({ known: true, value: 60 });
  });

  it("promise 11: at 0 and 100 % not a single answer is the other side's", async () => {
    const none = [await answersOf(await dns.serve(at(100, 0, 300)), NAME)];
    expect(confirmedWeight(0, none, SIDES)).to.deep.equal({ known: true, value: 0 });
    expect(shownTtl(none, SIDES.old)).to.deep.equal({ known: true, value: 300 });
    const all = [await answersOf(await dns.serve(at(0, 100)), NAME)];
    expect(confirmedWeight(100, all, SIDES)).to.deep.equal({ known: true, value: 100 });
    expect(shownTtl(all, SIDES.old)).to.include({ known: false });
    expect(shownTtl(all, SIDES.old, 300)).to.deep.equal({ known: true, value: 300 });
    expect(shownTtl(none, SIDES.old, 60), "a server that still answers with the old side").to.deep.equal({ known: true, value: 300 });
    const almost = [await answersOf(await dns.serve(at(5, 95)), NAME, { samples: 300 })];
    expect(confirmedWeight(100, almost, SIDES)).to.include({ known: false });
  });

  it("promise 11: every authoritative server must show it, not only one", async () => {
    const servers = [await dns.serve(at(0, 100)), await dns.serve(at(100, 0))];
    const answers = await Promise.all(servers.map((s) => answersOf(s, NAME)));
    expect(confirmedWeight(100, answers, SIDES))
      .to.include({ known: false })
      .and.have.property("reason")
      .that.contains("in 0 % of 40 queries, not in 100 %");
    expect(shownTtl([...answers, await answersOf(await dns.serve(at(100, 0, 300)), NAME)], SIDES.old)).to.have.property(
      "reason",
      "the servers show different TTLs: 60, 300 s",
    );
  });

  it("promise 10: a silent server, no server, and an address of neither side are unknown", async () => {
    const silent = await answersOf({ address: "127.0.0.1", port: 1 }, NAME, { timeoutMs: 200 });
    expect(confirmedWeight(0, [silent], SIDES)).to.include({ known: false });
    expect(confirmedWeight(0, [], SIDES)).to.deep.equal({ known: false, reason: "no authoritative name server is known" });
    const strange = [await answersOf(await dns.serve(at(100, 0)), NAME)];
    expect(confirmedWeight(0, strange, { old: ["9.9.9.9"], new: ["5.6.7.8"] }))
      .to.have.property("reason")
      .that.contains("answers with 1.2.3.4, which is of neither side");
  });

  it("promise 11: resolvers have let go once none answers with a side without weight, or with an earlier, longer TTL", async () => {
    const ask = async (...servers: Weighted[]) =>
      Promise.all(servers.map(async (s) => answersOf(await dns.serve(s), NAME, { samples: 2 })));
    const now = (weights: { old: number; new: number }) => ({ oldAddresses: SIDES.old, weights, ttlSeconds: 60 });
    const two = await ask(at(0, 100), at(100, 0));
    expect(resolversFollow(two, now({ old: 0, new: 100 }))).to.deep.equal({ known: true, value: 0.5 });
    expect(resolversFollow(two, now({ old: 50, new: 50 }))).to.deep.equal({ known: true, value: 1 });
    expect(resolversFollow(two, now({ old: 100, new: 0 }))).to.deep.equal({ known: true, value: 0.5 });
    const slow = await ask(at(100, 0, 300));
    expect(resolversFollow(slow, now({ old: 100, new: 0 }))).to.deep.equal({ known: true, value: 0 });
    const silent = await answersOf({ address: "127.0.0.1", port: 1 }, NAME, { samples: 2, timeoutMs: 200 });
    expect(resolversFollow([...two, silent], now({ old: 50, new: 50 }))).to.include({ known: false });
    expect(resolversFollow([], now({ old: 50, new: 50 }))).to.deep.equal({ known: false, reason: "no resolver is known" });
  });

  it("finds the servers that are in charge of a name", async () => {
    const server = await dns.serve(at(50, 50));
    expect(await authoritativeServers(NAME, server)).to.deep.equal([server]);
    expect(await authoritativeServers("nothing.invalid", server)).to.deep.equal([]);
  });
});
