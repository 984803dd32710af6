import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { peopleOf } from "../support/people.js";
import { inSandbox } from "../support/sandbox.js";

const STACK = "web-api-staging";

interface WorldFile {
  resources: Record<string, { type: string; inputs: { spec?: { replicas?: number } }; outputs: { spec?: { replicas?: number } } }>;
}

/** What somebody with a console does: changes the far side, past the engine. */
function pastTheEngine(open: OpenSandbox, change: (resources: WorldFile["resources"]) => void): void {
  const file = join(open.project.folder, "worlds", `${STACK}.json`);
  const world = JSON.parse(readFileSync(file, "utf8")) as WorldFile;
  change(world.resources);
  writeFileSync(file, JSON.stringify(world));
}

const keyOf = (resources: WorldFile["resources"], type: string): string =>
  Object.keys(resources).find((k) => resources[k]?.type === type) ?? "";

describe("drift on the real engine", function () {
  this.timeout(240_000);

  it("is found by a refreshed preview, journaled once, repaired by nobody, and its end is journaled too", function () {
    return inSandbox(this, "drift", async (open) => {
      const { migrations } = open;
      const { say, standBefore } = peopleOf(migrations, STACK);
      await standBefore("containerize.deploy");
      await say({ command: "advance", extent: "step" });
      const look = () => migrations.lookForDrift(STACK);
      const findings = async () => (await migrations.journal(STACK)).filter((e) => e.type.startsWith("drift.")).map((e) => e.type);
      expect(await look()).to.equal(undefined);
      expect(await findings()).to.deep.equal([]);

      let before = "";
      pastTheEngine(open, (resources) => {
        const key = keyOf(resources, "kubernetes:apps/v1:Deployment");
        before = JSON.stringify(resources[key]);
        for (const side of ["inputs", "outputs"] as const) (resources[key]?.[side].spec as { replicas: number }).replicas = 1;
      });
      const found = await look();
      expect(found?.changes.map((c) => [c.type, c.op, c.paths])).to.deep.equal([
        ["kubernetes:apps/v1:Deployment", "update", ["spec.replicas"]],
      ]);
      expect((await look())?.digest).to.equal(found?.digest);
      expect(await findings()).to.deep.equal(["drift.found"]);
      const { state } = await migrations.get(STACK);
      expect(state.drift).to.deep.include({ digest: found?.digest });

      pastTheEngine(open, (resources) => {
        const deployment = keyOf(resources, "kubernetes:apps/v1:Deployment");
        resources[deployment] = JSON.parse(before);
        delete resources[keyOf(resources, "kubernetes:core/v1:Service")];
      });
      const gone = await look();
      expect(gone?.changes.map((c) => [c.type, c.op])).to.deep.equal([["kubernetes:core/v1:Service", "create"]]);
      expect(await findings()).to.deep.equal(["drift.found", "drift.found"]);
      // Nothing was repaired: the engine's own history ends where it ended.
      expect(await migrations.verify(STACK)).to.deep.equal([]);
      expect((await open.sandbox.effects(STACK)).at(-1)?.kind).not.to.contain("Service");
    });
  });
});
