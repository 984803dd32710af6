import { expect } from "chai";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { liveOf, liveUrl } from "../../src/config/live.js";
import type { StackConfig } from "../../src/config/schema.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { RAW, STACK } from "../automation/model.js";

const [OLD, NEW] = ["example.org/web-api:1.0.0", "example.org/web-api:1.1.0"];
const config = (patch: Record<string, unknown>): StackConfig =>
  readConfig(patched(RAW, { "workload.deployed": true, ...patch }), "test", STACK);
const live = (strategy: object) => liveOf(config({ "workload.image": OLD, strategy: { image: NEW, ...strategy } }));

describe("what is live", () => {
  it("is blue until green carries everything, and then green's version", () => {
    const colours = (green: boolean, greenWeight: number, blue = true) => live({ kind: "blue-green", green, greenWeight, blue });
    const [blue, green] = [
      { service: "web-api-blue", image: OLD },
      { service: "web-api-green", image: NEW },
    ];
    expect(colours(false, 0)).to.deep.equal(blue);
    expect(colours(true, 0)).to.deep.equal(blue);
    expect(colours(true, 75)).to.deep.equal(blue);
    expect(colours(true, 100)).to.deep.equal(green);
    expect(colours(true, 100, false)).to.deep.equal(green);
  });

  it("is the workload's image behind the application's own Service for the other strategies, whatever runs the pods", () => {
    const plain = { service: "web-api", image: OLD };
    expect(live({ kind: "rolling" })).to.deep.equal(plain);
    for (const workload of ["deployment", "both", "rollout"]) expect(live({ kind: "canary", workload })).to.deep.equal(plain);
  });

  it("is the rolled-out version at the end of every strategy's rollout, which the smoke and the integration tests then ask", () => {
    for (const kind of ["rolling", "blue-green", "canary"]) {
      let raw = patched(RAW, { "workload.image": OLD, strategy: { kind, image: NEW } });
      for (const step of buildPlan(readConfig(raw, "test", STACK))) {
        if (step.id === "rollout.smoke") break;
        if (step.kind === "config") raw = patched(raw, step.change(readConfig(raw, "test", STACK)));
      }
      expect(liveOf(readConfig(raw, "test", STACK)).image, kind).to.equal(NEW);
    }
  });

  it("is asked for its liveness path at its port, in its namespace", () => {
    const patch = { "application.namespace": "shop", "workload.servicePort": 8080, "workload.probes.liveness.path": "/alive" };
    expect(liveUrl(config(patch))).to.equal("http://web-api-blue.shop.svc.cluster.local:8080/alive");
  });
});
