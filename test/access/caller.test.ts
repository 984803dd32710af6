import { expect } from "chai";
import { type Caller, may, ROLES } from "../../src/access/caller.js";

const WEB = { application: "web-api", environment: "production" };
const holder = (...grants: Caller["grants"]): Caller => ({ name: "alice", grants });

describe("roles", () => {
  it("include those below them: viewer, operator, approver, admin", () => {
    for (const [held, role] of ROLES.entries())
      for (const [asked, needed] of ROLES.entries())
        expect(may(holder({ role }), needed, WEB), `${role} as ${needed}`).to.equal(held >= asked);
  });

  it("hold for the named applications and environments only", () => {
    const alice = holder(
      { role: "operator", applications: ["web-api"], environments: ["staging"] },
      { role: "viewer", applications: ["web-api"] },
    );
    expect(may(alice, "operator", { ...WEB, environment: "staging" })).to.equal(true);
    expect(may(alice, "operator", WEB)).to.equal(false);
    expect(may(alice, "viewer", WEB)).to.equal(true);
    expect(may(alice, "viewer", { application: "billing", environment: "staging" })).to.equal(false);
    expect(may(alice, "operator")).to.equal(true);
    expect(may(alice, "approver")).to.equal(false);
    expect(may(holder(), "viewer")).to.equal(false);
  });
});
