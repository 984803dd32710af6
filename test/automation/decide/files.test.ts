import { expect } from "chai";
import { configViolations } from "../../../src/automation/decide/promises.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { known, unknown } from "../../../src/ports/observations.js";
import { stateAfter } from "../history.js";
import { RAW, STACK, WITH_FILES } from "../model.js";
import { failing, ModelService } from "../service.js";

const FILES = { workload: WITH_FILES["cutover:workload"], volumes: WITH_FILES["cutover:volumes"] };
const open = () => ModelService.open(FILES);
const WINDOW = "database.maintenance-on";
const BACK = { command: "rollback" as const, revision: 0, why: "a person said so" };

describe("files that move with the database", () => {
  it("promise 13: are moved while writes are stopped, and before the promotion", async () => {
    const m = await open();
    await m.reach("rollout.smoke");
    const { effects } = m.world;
    expect(effects.indexOf("files new")).to.be.above(effects.indexOf("writes old false"));
    expect(effects.indexOf("files new")).to.be.below(effects.indexOf("promote"));
    expect(m.world).to.include({ filesUsed: "new", maintenance: false });
    expect(m.world.violations).to.deep.equal([]);
  });

  for (const [what, reading] of [
    ["a file that differs", known(3)],
    ["nobody who could tell", unknown("fleet.filesDiffering ended with 1")],
  ] as const)
    it(`promise 13: ${what} undoes the window before the promotion`, async () => {
      const m = await open();
      await m.reach(WINDOW);
      m.world.faults = { ...m.world.faults, reading: (name, side) => (name === "files-differing" && side === "old" ? reading : undefined) };
      await m.say({ command: "advance", extent: "end" });
      expect(await m.position).to.equal(WINDOW);
      expect(m.world.effects).not.to.include("promote");
      expect(m.world).to.include({ filesUsed: "old", oldWrites: true, maintenance: false });
    });

  it("promise 13: going back brings what was written since to the old side's disks, which are used again", async () => {
    const m = await open();
    await m.reach("rollout.smoke");
    await m.say(BACK);
    expect(m.world).to.include({ filesUsed: "old", oldWrites: true, newWrites: false, maintenance: false });
    expect(m.world.violations).to.deep.equal([]);
  });

  it("promises 5 and 13: a copy that fails is in nobody's way back: the old fleet stays on the volumes, and it says so", async () => {
    const m = await open();
    await m.reach("rollout.smoke");
    failing(m, { "files from new": "terminal" });
    await m.say(BACK);
    expect(m.world).to.include({ filesUsed: "new", oldWrites: true, newWrites: false, maintenance: false });
    const undone = (await m.journal("action.succeeded")).find((e) => e.step === "database.files-use" && e.undo);
    expect(undone?.summary).to.contain("goes on using the volumes, which have every file").and.to.contain("was refused");
    expect(m.world.violations).to.deep.equal([]);
  });

  it("promise 13: nobody is sent to the new side while both sides would write files apart", () => {
    const plan = buildPlan(readConfig(WITH_FILES, "test", STACK));
    const weights = (old: number) =>
      readConfig(
        patched(WITH_FILES, { "workload.deployed": true, "dns.records": "both", "dns.weights": { old, new: 100 - old } }),
        "test",
        STACK,
      );
    const refused = (last: string) =>
      configViolations(
        stateAfter(WITH_FILES, last),
        weights(100),
        weights(75),
        plan.find((s) => s.id === "traffic.dns-25"),
      ).filter((v) => v.promise === 13);
    expect(refused("database.files-same")).to.have.length(1);
    expect(refused("database.files-use")).to.have.length(0);
  });

  it("are refused where there is no window that they could move in, by the volume's name", () => {
    const without = patched(RAW, { ...FILES, database: undefined, "workload.secretEnv": {} });
    expect(() => readConfig(without, "test", STACK))
      .to.throw()
      .with.property("message")
      .that.contains("volumes.files.copy")
      .and.contains("an entry of stores of kind files");
  });

  for (const from of ["/", "relative", "/a/../b", "/a b", "/a/$(x)", "/a/", ""])
    it(`refuse the folder ${JSON.stringify(from)}`, () => {
      const volumes = { files: { kind: "efs", fileSystemId: "fs-0123abc", copy: { from, sizeGb: 1 } } };
      expect(() => readConfig(patched(RAW, { ...FILES, volumes }), "test", STACK))
        .to.throw()
        .with.property("message")
        .that.contains("volumes.files.copy.from")
        .and.contains("absolute folder");
    });
});
