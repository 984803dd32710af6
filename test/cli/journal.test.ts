import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Entry } from "../../src/automation/journal/entries.js";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import { projectRoot } from "../../src/engine/engine.js";
import { command } from "../support/consumer.js";
import { postgresForSuite, urlOf } from "../support/postgres.js";
import { tempFolder } from "../support/tmp.js";

const MAIN = join(projectRoot(), "dist", "src", "cli", "main.js");
const entry = (reason: string): Entry => ({ type: "migration.held", reason });

/** A state folder with two journals and a file of evidence. */
async function stateWith(): Promise<string> {
  const state = tempFolder("journal");
  const store = await FolderStore.open(join(state, "journal"));
  for (const stack of ["a-production", "b-production"])
    for (const reason of ["one", "two", "three"]) await store.append(stack, entry(`${stack} ${reason}`), 1);
  await store.keepFile("a-production", "risks.md", "# Risks");
  await store.close();
  return state;
}

describe("cutover journal", function () {
  this.timeout(120_000);
  const postgres = postgresForSuite();
  const run = (state: string, args: string[], databaseUrl = "") =>
    command(process.execPath, [MAIN, "--state", state, "journal", ...args], {
      cwd: projectRoot(),
      env: { ...process.env, DATABASE_URL: databaseUrl } as Record<string, string>,
    });

  it("promise 9: verifies every journal, and names each that was tampered with", async () => {
    const state = await stateWith();
    const whole = await run(state, ["verify"]);
    expect(whole.code, whole.output).to.equal(0);
    expect(whole.output).to.match(/^a-production: intact, 3 entries, head [0-9a-f]{64}\nb-production: intact, 3 entries/);
    const file = join(state, "journal", "a-production", "journal.ndjson");
    await writeFile(file, (await readFile(file, "utf8")).replace("a-production two", "a-production TWO"));
    const broken = await run(state, ["verify"]);
    expect(broken.code).to.equal(7);
    expect(broken.output).to.contain("a-production: BROKEN").and.to.contain("b-production: intact");
    expect(broken.output).to.not.match(/^ +at /m);
  });

  it("exports into a folder, imports into PostgreSQL and back, entry for entry, and overwrites nothing", async () => {
    const state = await stateWith();
    const server = await postgres.primary("journal");
    const exported = join(tempFolder("exported"), "journals");
    expect((await run(state, ["export", exported, "a-production"])).output).to.contain("a-production: 3 entries and 1 file,");
    const imported = await run(state, ["import", exported], urlOf(server));
    expect(imported.code, imported.output).to.equal(0);
    expect((await run(state, ["verify"], urlOf(server))).output).to.match(/^a-production: intact, 3 entries/);
    const again = await run(state, ["import", exported], urlOf(server));
    expect(again.code).to.equal(4);
    expect(again.output).to.contain("There is a journal of a-production at the destination already; nothing was copied.");
    const back = join(tempFolder("back"), "journals");
    expect((await run(state, ["export", back], urlOf(server))).code).to.equal(0);
    const file = (of: string) => readFile(join(of, "a-production", "journal.ndjson"), "utf8");
    expect(await file(back)).to.equal(await file(exported));
    expect(await readFile(join(back, "a-production", "files", "risks.md"), "utf8")).to.equal("# Risks");
  });

  it("says what is wrong in one sentence", async () => {
    const state = await stateWith();
    const unknown = await run(state, ["verify", "c-production"]);
    expect(unknown.output).to.contain("There is no journal of c-production.");
    expect(unknown.code).to.equal(3);
    const address = await run(state, ["verify"], "mysql://a:secret@b/c");
    expect(address.output).to.contain("DATABASE_URL").and.to.not.contain("secret");
    expect(address.code).to.equal(2);
  });
});
