import { spawnSync } from "node:child_process";
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { commandFleet, filesDiffering } from "../../src/adapters/fleet.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { targetSchema } from "../../src/config/targets.js";
import type { Side } from "../../src/ports/observations.js";
import { STACK, WITH_FILES } from "../automation/model.js";
import { requirePart } from "../support/parts.js";
import { tempFolder } from "../support/tmp.js";

const SCRIPT = resolve("deploy/fleet/files.sh");
const LISTED = { checksums: false };
const effect = (key: string) => ({ key, fence: 1 });

/** An old instance in a folder: its disk, the volume mounted beside it, and the shipped commands. */
async function instance() {
  const root = tempFolder("files");
  const folder = join(root, "app", "files");
  const shares = join(root, "mnt");
  const volume = join(shares, "files");
  await mkdir(folder, { recursive: true });
  await mkdir(volume, { recursive: true });
  await writeFile(join(volume, ".cutover-volume"), "");
  const run = (what: string) => ["env", `SHARES=${shares}`, "sh", SCRIPT, what];
  const commands = { copyFiles: run("copy"), filesDiffering: run("differing"), useFiles: run("use") };
  const { fleet } = targetSchema.parse({ prometheus: { url: "http://127.0.0.1:1" }, fleet: commands });
  const volumes = { files: { kind: "efs", fileSystemId: "fs-0123abc", copy: { from: folder, sizeGb: 1 } } };
  const config = readConfig(patched(WITH_FILES, { volumes }), "test", STACK);
  const port = commandFleet(
    () => config,
    fleet,
    async () => "new.example.com",
  );
  return { folder, volume, port, differing: (from: Side) => filesDiffering(config, fleet, from) };
}

describe("files of the old side's disks, by the shipped commands with a real rsync", function () {
  this.timeout(120_000);
  before(function () {
    requirePart(this, "rsync", spawnSync("rsync", ["--version"]).error === undefined, "apt-get install rsync");
  });

  it("promise 13: what is on the disk comes to the volume, the application writes there, and all of it comes back", async () => {
    const { folder, volume, port, differing } = await instance();
    await mkdir(join(folder, "2026", "a b"), { recursive: true });
    await writeFile(join(folder, "2026", "a b", "ünïcode 'quoted'.txt"), "one");
    await writeFile(join(folder, "gone"), "x");
    await symlink("2026", join(folder, "latest"));
    await chmod(join(folder, "gone"), 0o640);
    await port.copyFiles("old", { checksums: true }, effect("1"));
    expect(await differing("old")).to.deep.equal({ known: true, value: 0 });

    // The application goes on: one file more, one less, one changed.
    await writeFile(join(folder, "new"), "two");
    await rm(join(folder, "gone"));
    await writeFile(join(folder, "2026", "a b", "ünïcode 'quoted'.txt"), "one and more");
    expect((await differing("old")) as { value: number })
      .to.have.property("value")
      .that.is.above(2);
    await port.copyFiles("old", LISTED, effect("2"));
    expect(await differing("old")).to.deep.equal({ known: true, value: 0 });
    expect((await readdir(volume)).sort()).to.deep.equal([".cutover-volume", "2026", "latest", "new"]);

    await port.useFiles("new", effect("3"));
    await port.useFiles("new", effect("3 again"));
    expect((await lstat(folder)).isSymbolicLink()).to.equal(true);
    await writeFile(join(folder, "written after"), "three");
    // What the old fleet uses is the volume: nothing of the disk is copied over it.
    await port.copyFiles("old", LISTED, effect("4"));
    expect(await readFile(join(volume, "written after"), "utf8")).to.equal("three");
    expect(await differing("old")).to.deep.equal({ known: true, value: 0 });
    expect((await differing("new")) as { value: number })
      .to.have.property("value")
      .that.is.above(0);

    await port.copyFiles("new", LISTED, effect("5"));
    expect(await differing("new")).to.deep.equal({ known: true, value: 0 });
    await port.useFiles("old", effect("6"));
    await port.useFiles("old", effect("6 again"));
    expect((await lstat(folder)).isSymbolicLink()).to.equal(false);
    expect((await readdir(folder)).sort()).to.deep.equal(["2026", "latest", "new", "written after"]);
  });

  it("promise 13: with checksums a file of the same size and time that holds something else is found and copied", async () => {
    const { folder, volume, port } = await instance();
    const when = new Date("2026-01-05T09:00:00Z");
    for (const [place, text] of [
      [folder, "right"],
      [volume, "wrong"],
    ] as const) {
      await writeFile(join(place, "f"), text);
      await utimes(join(place, "f"), when, when);
    }
    await port.copyFiles("old", LISTED, effect("1"));
    expect(await readFile(join(volume, "f"), "utf8")).to.equal("wrong");
    await port.copyFiles("old", { checksums: true }, effect("2"));
    expect(await readFile(join(volume, "f"), "utf8")).to.equal("right");
  });

  it("promise 13: a volume that is not mounted is never taken for an empty one", async () => {
    const { folder, volume, port, differing } = await instance();
    await writeFile(join(folder, "f"), "x");
    await port.copyFiles("old", LISTED, effect("1"));
    await port.useFiles("new", effect("2"));
    // Unmounted: the folder below is empty.
    await rm(volume, { recursive: true });
    await mkdir(volume);
    const error = await port.copyFiles("new", LISTED, effect("3")).catch((e) => e);
    expect(error).to.be.instanceOf(Error).with.property("message").that.contains("has no .cutover-volume");
    expect(await differing("old")).to.include({ known: false });
    expect(await readdir(`${folder}.disk`)).to.deep.equal(["f"]);
  });

  it("promise 13: a switch that ended half-way is finished, forth or back", async () => {
    const { folder, volume, port } = await instance();
    await writeFile(join(folder, "f"), "x");
    await port.copyFiles("old", LISTED, effect("1"));
    await port.useFiles("new", effect("2"));
    await rm(folder);
    await port.useFiles("new", effect("3"));
    expect(await readdir(folder)).to.include("f");
    await rm(folder);
    await port.useFiles("old", effect("4"));
    expect(await readdir(folder)).to.deep.equal(["f"]);
    expect(await readdir(volume)).to.include("f");
  });

  it("a copy that takes longer than it may is ended, and says so", async () => {
    const { folder, port } = await instance();
    await writeFile(join(folder, "f"), "x");
    const error = await port.copyFiles("old", { checksums: false, withinSeconds: 0.001 }, effect("1")).catch((e) => e);
    expect(error).to.be.instanceOf(Error).with.property("message").that.contains("took longer than 0.001 s");
  });
});
