import { expect } from "chai";
import { gateNamed } from "../../src/automation/gates/catalogue.js";
import { judge } from "../../src/automation/gates/gate.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { UserError } from "../../src/errors.js";
import { unfinishedIn } from "../../src/rehearsal/unfinished.js";
import { afterWeight, cannotStrike, parseFault } from "../../src/sandbox/faults.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { signal } from "../../src/sandbox/world/signals.js";
import { newWorld } from "../../src/sandbox/world/state.js";
import { RAW, STACK } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

const OWN = [
  { name: "refused-orders", source: "prometheus", expression: "sum(orders_refused)", limit: 0.01 },
  { name: "sent", source: "cloudwatch", namespace: "AWS/SES", metric: "Send", statistic: "Sum", limit: 5, direction: "at-least" },
  { ...{ name: "of-many", source: "prometheus", expression: "sum(slow)", limit: 1 }, samples: "sum(all)", leastSamples: 1_000_000_000 },
];
const SANDBOXED = patched(RAW, { "gates.own": OWN, "strategy.blue": true });
const CONFIG = readConfig(SANDBOXED, "test", STACK);
const DEPLOYMENT = "kubernetes:apps/v1:Deployment|production/web-api-blue";

/** A world with or without pods, with all users on the new side. */
function worldWith(faults: string[], pods = true) {
  const world = newWorld(STACK, CONFIG, 1, faults);
  if (pods) world.resources[DEPLOYMENT] = { type: "", id: "", inputs: {}, outputs: {}, createdAt: world.now, changedAt: world.now };
  world.faults = afterWeight(world.faults, 100);
  return world;
}
const read = (name: "own.refused-orders" | "own.sent" | "own.of-many" | "own.gone", faults: string[] = [], pods = true) =>
  signal(name, { state: worldWith(faults, pods), config: CONFIG, side: undefined, windowSeconds: 300 });
const judged = (name: "own.refused-orders" | "own.sent", faults: string[]) => {
  const gate = gateNamed(name);
  return judge(gate, { gate: name, holdSeconds: 0 }, { name, reading: read(name, faults), at: 0, source: "t" }, CONFIG, 0);
};

describe("[observing-7] a gate of the user's own in a sandbox", () => {
  it("reads its limit, and is unknown where a real source would have nothing either", () => {
    expect(read("own.refused-orders")).to.deep.equal({ known: true, value: 0.01 });
    expect(read("own.sent")).to.deep.equal({ known: true, value: 5 });
    expect(read("own.refused-orders", [], false)).to.deep.equal({ known: false, reason: "no pod runs that could be measured" });
    expect(read("own.gone")).to.have.property("known", false);
    // More samples than all users of this world make.
    expect(read("own.of-many"))
      .to.have.property("reason")
      .that.matches(/^only \d+ samples in the window$/);
  });

  it("fails, or is unknown, with the fault that rehearses it", () => {
    for (const name of ["own.refused-orders", "own.sent"] as const) {
      expect(judged(name, [])).to.equal("pass");
      expect(judged(name, ["own-gates@25%"]), name).to.equal("fail");
      expect(judged(name, ["own-unknown@25%"]), name).to.equal("unknown");
    }
    expect(() => parseFault("own-gates@promotion")).to.throw(UserError);
    expect(cannotStrike(parseFault("own-gates@25%"), readConfig(RAW, "test", STACK))).to.contain("gates.own");
    expect(cannotStrike(parseFault("own-gates@25%"), CONFIG)).to.equal(undefined);
  });

  it("is as old as its real source would be, and names it as one that is not asked", async () => {
    const sandbox = await Sandbox.open({ folder: tempFolder(), seed: 1, faults: {}, config: async () => CONFIG });
    const { observer, clock } = await sandbox.target(STACK, () => CONFIG);
    expect(await observer.observe("own.refused-orders", undefined, 300)).to.include({
      source: "sandbox prometheus, which is not asked",
      at: clock.now(),
    });
    const late = await observer.observe("own.sent", undefined, 300);
    expect(late).to.include({ source: "sandbox cloudwatch, which is not asked", delaySeconds: 180 });
    expect(clock.now() - late.at).to.be.above(120_000);
  });

  it("is said in the verdict not to be evaluated", () => {
    const { open, notTried } = unfinishedIn(SANDBOXED, CONFIG, undefined);
    expect(open).to.deep.equal([]);
    expect(notTried[0]).to.contain("own.refused-orders is not evaluated").and.contain("read its limit, 0.01");
    expect(notTried[1]).to.contain("own.sent is not evaluated").and.contain("CloudWatch");
  });
});
