import { expect } from "chai";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { Transient } from "../../src/errors.js";
import type { Side } from "../../src/ports/observations.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { STACK, WITH_FILES } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

const LISTED = { checksums: false };
const HOUR = 3_600_000;

/** A world with 40 GB of files on the old side's disks. */
async function world(faults: string[] = []) {
  const config = readConfig(patched(WITH_FILES, { "application.criticality": "low" }), "test", STACK);
  const sandbox = await Sandbox.open({ folder: tempFolder(), seed: 1, faults: { [STACK]: faults }, config: async () => config });
  const { fleet, clock, observer } = await sandbox.target(STACK, () => config);
  let calls = 0;
  const effect = () => {
    calls += 1;
    return { key: `call ${calls}`, fence: 1 };
  };
  const differing = async (side: Side) => {
    const { reading } = await observer.observe("files-differing", side, 0);
    return reading.known ? reading.value : reading.reason;
  };
  const seconds = async (run: () => Promise<unknown>) => {
    const from = clock.now();
    await run();
    return (clock.now() - from) / 1_000;
  };
  return { sandbox, fleet, clock, effect, differing, seconds };
}

describe("the sandbox's files", () => {
  it("take the time that their size says, less where only what changed is copied, and change while users write", async () => {
    const { fleet, clock, effect, differing, seconds } = await world();
    expect(await differing("old")).to.equal(40_000);
    expect(await seconds(() => fleet.copyFiles("old", { checksums: true }, effect()))).to.be.above(600);
    expect(await differing("old")).to.equal(0);
    await clock.sleepUntil(clock.now() + HOUR);
    expect(await differing("old")).to.equal(6);
    expect(await seconds(() => fleet.copyFiles("old", LISTED, effect()))).to.be.below(5);
    const late = await fleet.copyFiles("old", { checksums: true, withinSeconds: 60 }, effect()).catch((e) => e);
    expect(late).to.be.instanceOf(Transient);
  });

  it("promise 13: are lost to whoever uses a folder that lacks some", async () => {
    const { sandbox, fleet, clock, effect, differing } = await world();
    await fleet.copyFiles("old", { checksums: true }, effect());
    await clock.sleepUntil(clock.now() + HOUR);
    await fleet.setMaintenance(true, effect());
    await fleet.copyFiles("old", LISTED, effect());
    await clock.sleepUntil(clock.now() + HOUR);
    // Nobody writes meanwhile.
    expect(await differing("old")).to.equal(0);
    await fleet.useFiles("new", effect());
    await fleet.setMaintenance(false, effect());
    expect(await sandbox.violations(STACK)).to.deep.equal([]);
    await clock.sleepUntil(clock.now() + HOUR);
    expect(await differing("old")).to.equal(0);
    expect(await differing("new")).to.be.above(0);
    await fleet.useFiles("old", effect());
    expect(await sandbox.violations(STACK)).to.deep.equal(["promise 13: the old fleet uses a folder that lacks files"]);
  });

  it("show a file that somebody writes in maintenance, until that ends", async () => {
    const { fleet, effect, differing } = await world(["late-file@window"]);
    await fleet.copyFiles("old", { checksums: true }, effect());
    await fleet.setMaintenance(true, effect());
    await fleet.copyFiles("old", LISTED, effect());
    expect(await differing("old")).to.equal(1);
    await fleet.setMaintenance(false, effect());
    await fleet.setMaintenance(true, effect());
    await fleet.copyFiles("old", LISTED, effect());
    expect(await differing("old")).to.equal(0);
  });
});
