import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { giveUpFolder, ownFolder } from "../../src/database/folderOwner.js";
import { Conflict } from "../../src/errors.js";
import { spawnForTest } from "../support/processes.js";
import { tempFolder } from "../support/tmp.js";

const SCRIPT = fileURLToPath(new URL("../support/ownerProcess.js", import.meta.url));
const dead = (host = hostname()) => JSON.stringify({ pid: 2 ** 22 + 1, instance: "ended", host });

/** Started together, told together. @returns what each said, and how to end them */
async function race(folder: string, count: number): Promise<{ said: string[]; end: () => Promise<void> }> {
  const children = Array.from({ length: count }, () =>
    spawnForTest(process.execPath, [SCRIPT, folder], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const lines = children.map((c) => createInterface({ input: c.stdout as Readable })[Symbol.asyncIterator]());
  const next = () => Promise.all(lines.map(async (l) => String((await l.next()).value)));
  await next();
  for (const child of children) child.stdin?.write("go\n");
  const said = await next();
  const end = async () => {
    const ended = children.map((c) => once(c, "exit"));
    for (const child of children) child.stdin?.end();
    await Promise.all(ended);
  };
  return { said, end };
}

describe("who owns a folder", function () {
  this.timeout(120_000);

  const found: [string, Record<string, string>][] = [
    ["a new folder", {}],
    ["a folder whose owner was killed", { ".owner.7.json": dead(), ".owner.json": dead() }],
    ["a folder that an earlier version's killed process owned", { ".owner.json": dead() }],
  ];
  for (const [what, files] of found)
    it(`[safety-9] of four processes started together exactly one owns ${what}`, async () => {
      const folder = tempFolder();
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
      const { said, end } = await race(folder, 4);
      expect(said.filter((s) => s === "owner")).to.have.length(1);
      expect(said.filter((s) => s === "Conflict")).to.have.length(3);
      expect(await ownFolder(folder, "journal").catch((e) => e)).to.be.instanceOf(Conflict);
      await end();
      // The one that had it has ended without giving it up.
      await ownFolder(folder, "journal");
      await giveUpFolder(folder);
    });

  it("[safety-9] stays another host's, whatever runs here: nobody can say that it has ended", async () => {
    const folder = tempFolder();
    await writeFile(join(folder, ".owner.3.json"), dead("elsewhere"));
    expect(await ownFolder(folder, "journal").catch((e) => e))
      .to.be.instanceOf(Conflict)
      .with.property("holder", `elsewhere process ${2 ** 22 + 1}`);
  });

  it("is given up to whoever comes next, and is owned again by the same process", async () => {
    const folder = tempFolder();
    for (let i = 0; i < 3; i += 1) {
      await ownFolder(folder, "journal");
      await ownFolder(folder, "journal");
      await giveUpFolder(folder);
    }
    const { said, end } = await race(folder, 1);
    expect(said).to.deep.equal(["owner"]);
    await end();
  });
});
