import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { known, unknown } from "../../src/ports/observations.js";
import { RAW, STACK } from "../automation/model.js";
import { afterThisTest } from "../support/cleanup.js";
import { peopleOf } from "../support/people.js";
import { tempFolder } from "../support/tmp.js";
import { cutover, modelService } from "./service.js";

describe("the command emergency", function () {
  this.timeout(120_000);

  it("says that it stands in the journal, and how to do it by hand, when the service goes away meanwhile", async () => {
    const service = await modelService();
    await peopleOf(service.migrations, STACK).standBefore("traffic.dns-100");
    // The way back takes its time.
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const journaled = new Promise<void>((resolve) => {
      service.migrations.onProgress(({ entry }) => entry.type === "action.intended" && resolve());
    });
    service.world.faults = { ...service.world.faults, fail: (kind) => (kind === "update" ? "transient" : undefined) };
    service.world.beforeSleep = () => held;
    const ran = service.run(["emergency", STACK, "--wait", "3"]);
    await journaled;
    const closed = service.close();
    release();
    await closed;
    const { code, stderr } = await ran;
    expect([code, stderr]).to.deep.equal([5, stderr]);
    expect(stderr)
      .to.contain("The emergency stands in the journal: its next process goes on with it.")
      .and.contain("Set the weights in Route 53 yourself");
    expect(service.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
  });

  it("[safety-1] says that it is taken only when the far side shows it, and until then what is waited for", async () => {
    const service = await modelService();
    afterThisTest(() => service.close());
    await peopleOf(service.migrations, STACK).standBefore("traffic.dns-100");
    // The name servers are silent, and then behind; in the end they show it.
    const shown = [unknown("no server answers"), known(25), known(25)];
    let asked = 0;
    let showing = false;
    service.world.faults = {
      ...service.world.faults,
      reading: (name) => {
        if (name !== "dns-weight-new" || showing) return undefined;
        asked += 1;
        return shown[Math.min(asked, shown.length) - 1];
      },
    };
    const ran = service.run(["emergency", STACK, "--wait", "60"]);
    const view = async () => {
      const { state } = await service.migrations.get(STACK);
      return state.sentBack;
    };
    while (asked < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    // Config and engine agree long before.
    await service.migrations.settled(STACK);
    expect(await view()).to.include({ shown: false });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    showing = true;
    const { code, stdout, stderr } = await ran;
    expect(code).to.equal(0);
    expect(await view()).to.include({ shown: true });
    expect(stderr).to.not.contain("the emergency exit is taken");
    expect(stderr).to.match(/is ordered[\s\S]*not there yet; waits for the name servers[\s\S]*the far side shows it: 100 % old, 0 % new/);
    expect(stdout).to.contain("100 % old, 0 % new");
  });

  it("[safety-1] prints zone, records and the exact commands when the service cannot be reached", async () => {
    const stacks = tempFolder("stacks");
    await writeFile(join(stacks, `Pulumi.${STACK}.yaml`), stringify({ config: RAW }));
    const { code, stderr } = await cutover(["--stacks", stacks, "emergency", STACK], { env: { CUTOVER_SERVER: "http://127.0.0.1:1" } });
    expect(code).to.equal(5);
    expect(stderr)
      .to.contain("Zone Z1234567890ABC, api.example.com: record old-infra to weight 100, record new-infra to weight 0.")
      .and.contain("aws route53 change-resource-record-sets --hosted-zone-id Z1234567890ABC --change-batch file://weights.json");
  });
});
