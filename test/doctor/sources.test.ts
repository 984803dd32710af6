import { expect } from "chai";
import { type ConfigPatch, patched, readConfig } from "../../src/config/stackFile.js";
import type { Finding } from "../../src/doctor/check.js";
import { draining } from "../../src/doctor/sources.js";
import { RAW, STACK } from "../automation/model.js";
import { motoForSuite } from "../support/moto.js";
import { prometheusForSuite } from "../support/prometheus.js";

describe("[traffic-9] cutover doctor says what counts the connections of a side that goes", function () {
  this.timeout(60_000);
  const moto = motoForSuite();
  const prometheus = prometheusForSuite();

  const found = (patch: ConfigPatch): Promise<Finding> =>
    draining(STACK, readConfig(patched(RAW, patch), "test", STACK), { clients: moto.clients(), prometheus: { url: prometheus.url() } });

  it("by a reading where something does", async () => {
    prometheus.expose(() => "open_websockets 3\n");
    const expressions = { "drain.expressions": { old: "sum(open_websockets)", new: "sum(open_websockets)" } };
    let { standing, detail } = await found(expressions);
    for (let i = 0; i < 100 && standing !== "ok"; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ({ standing, detail } = await found(expressions));
    }
    expect(standing, detail).to.equal("ok");
    expect(detail).to.contain("old side 3 open (prometheus)");
  });

  it("by a warning where nothing does, with how long is waited then and what to name", async () => {
    const { standing, detail, mend } = await found({ "old.loadBalancerArn": undefined, "drain.seconds": 120 });
    expect(standing).to.equal("warning");
    expect(detail).to.contain("old side unknown").and.contain("drain.expressions.old");
    expect(mend).to.contain("waits 120 s");
  });

  it("and that nothing is waited for where the config says so", async () => {
    expect(await found({ "drain.seconds": 0 })).to.include({ standing: "ok", detail: "nothing is waited for: drain.seconds is 0" });
  });
});
