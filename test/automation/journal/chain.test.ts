import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { lineOf, record, verifyChain } from "../../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../../src/automation/journal/entries.js";
import { FolderStore } from "../../../src/automation/store/folderStore.js";
import { Conflict, PromiseViolation, UserError } from "../../../src/errors.js";
import { storeContract, type Tamper } from "../../contracts/store.js";
import { tempFolder, tempFolderForSuite } from "../../support/tmp.js";

const entry = (reason: string): Entry => ({ type: "migration.held", reason });
const chain = (reasons: string[]): Recorded[] => {
  const all: Recorded[] = [];
  for (const [i, reason] of reasons.entries()) all.push(record(entry(reason), all.at(-1), i, 1));
  return all;
};

describe("the journal", () => {
  it("promise 9: finds any entry that was changed, removed or moved", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 2, maxLength: 12 }),
        fc.nat(),
        fc.constantFrom("change", "remove", "swap"),
        (reasons, pick, how) => {
          const entries = chain(reasons);
          expect(verifyChain(entries)).to.deep.equal([]);
          // Removing the last one is not visible in the chain itself.
          const at = pick % (entries.length - 1);
          const bad = [...entries];
          if (how === "change") bad[at] = { ...(entries[at] as Recorded), at: 999_999 };
          else if (how === "remove") bad.splice(at, 1);
          else [bad[at], bad[at + 1]] = [entries[at + 1] as Recorded, entries[at] as Recorded];
          expect(verifyChain(bad)).to.not.deep.equal([]);
        },
      ),
    );
  });

  it("promise 9: finds any change of a line's text, also one that leaves its end and its length as they were", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 6 }), fc.nat(), fc.nat(), fc.nat(94), (reasons, pick, place, code) => {
        const lines = chain(reasons).map(lineOf);
        const entries = lines.map((l) => JSON.parse(l) as Recorded);
        expect(verifyChain(entries, { lines })).to.deep.equal([]);
        const at = pick % lines.length;
        const line = lines[at] as string;
        const i = place % line.length;
        const changed = `${line.slice(0, i)}${String.fromCharCode(32 + code)}${line.slice(i + 1)}`;
        let entry: Recorded;
        try {
          entry = JSON.parse(changed) as Recorded;
        } catch {
          return; // It cannot be read at all.
        }
        const faults = verifyChain(entries.with(at, entry), { lines: lines.with(at, changed) });
        // What says the same in another way (an escaped character) is the same entry.
        if (JSON.stringify(entry) === JSON.stringify(entries[at])) expect(faults).to.deep.equal([]);
        else expect(faults).to.not.deep.equal([]);
      }),
    );
  });

  it("verifies journals of earlier versions, whose lines have their keys in another order", () => {
    const entries = chain(["one", "two"]);
    expect(verifyChain(entries, { lines: entries.map((e) => JSON.stringify(e)) })).to.deep.equal([]);
    expect(entries.map((e) => JSON.parse(lineOf(e)) as Recorded)).to.deep.equal(entries);
  });

  it("promise 9: replaces what looks like a credential, and leaves configs as they are", () => {
    const config = { "cutover:workload": { secretEnv: { API_TOKEN: "api-token" } }, "cutover:secrets": { a: { secure: "v1:x" } } };
    const told = { type: "test", error: "connect postgresql://app:hunter2@db/x failed", facts: { password: "hunter2" }, config };
    expect(record(told as never, undefined, 0, 1)).to.deep.include({
      error: "connect postgresql://[secret]@db/x failed",
      facts: { password: "[secret]" },
      config,
    });
  });
});

describe("the folder store", () => {
  it("keeps entries over a restart, and drops a last line that a crash cut off", async () => {
    const folder = tempFolder();
    const store = await FolderStore.open(folder);
    await store.append("s", entry("one"), 1);
    await store.append("s", entry("two"), 2);
    await appendFile(join(folder, "s", "journal.ndjson"), '{"type":"migration.he');
    const again = await FolderStore.open(folder);
    expect((await again.entries("s")).map((e) => e.seq)).to.deep.equal([1, 2]);
    await again.append("s", entry("three"), 3);
    expect((await (await FolderStore.open(folder)).entries("s")).map((e) => e.seq)).to.deep.equal([1, 2, 3]);
  });

  it("promise 9: refuses a journal that was tampered with", async () => {
    const folder = tempFolder();
    const store = await FolderStore.open(folder);
    for (const reason of ["one", "two", "three"]) await store.append("s", entry(reason), 1);
    const file = join(folder, "s", "journal.ndjson");
    await writeFile(file, (await readFile(file, "utf8")).replace("two", "TWO"));
    expect(await (await FolderStore.open(folder)).entries("s").catch((e) => e))
      .to.be.instanceOf(PromiseViolation)
      .with.property("message")
      .that.contains("entry 2 was changed");
  });

  it("says what to do with a corrupt journal and a folder that cannot be written", async () => {
    const folder = tempFolder();
    const store = await FolderStore.open(folder);
    await store.append("s", entry("one"), 1);
    await writeFile(join(folder, "s", "journal.ndjson"), "not json\n");
    expect(await (await FolderStore.open(folder)).entries("s").catch((e) => e))
      .to.be.instanceOf(UserError)
      .with.property("next")
      .that.contains("restore it from a backup");
    await writeFile(join(folder, "file"), "");
    const problem = await FolderStore.open(join(folder, "file", "state")).catch((e) => e);
    expect(problem).to.be.instanceOf(UserError);
    expect(problem.message).to.match(/state folder .* got (ENOTDIR|EEXIST); accepted: a folder that cutover can read and write/);
  });

  it("promise 6: takes over the lease of a process that has ended", async () => {
    const folder = tempFolder();
    const store = await FolderStore.open(folder);
    const { fence } = await store.lease("s", "ended");
    const file = join(folder, "s", "lease.json");
    const lease = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...lease, pid: 2 ** 22 + 1, instance: "another" }));
    expect((await store.lease("s", "new")).fence).to.equal(fence + 1);
  });

  it("promise 8: belongs to one process at a time; another one is told to use a database", async () => {
    const folder = tempFolder();
    const store = await FolderStore.open(folder);
    await store.append("s", entry("one"), 1);
    const owner = join(folder, ".owner.json");
    const mine = JSON.parse(await readFile(owner, "utf8"));
    // This process's parent lives.
    await writeFile(owner, JSON.stringify({ ...mine, pid: process.ppid, instance: "another" }));
    const other = await FolderStore.open(folder);
    expect(await other.entries("s")).to.have.length(1);
    expect(await other.append("s", entry("two"), 1).catch((e) => e))
      .to.be.instanceOf(Conflict)
      .with.property("next")
      .that.contains("DATABASE_URL");
    await writeFile(owner, JSON.stringify({ ...mine, pid: 2 ** 22 + 1, instance: "another" }));
    await other.append("s", entry("two"), 1);
  });
});

describe("the folder store, opened again and again", () => {
  const folder = tempFolderForSuite("store");
  const tamper: Tamper = async (stack, change) => {
    const file = join(folder(), stack, "journal.ndjson");
    const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
    await writeFile(
      file,
      change(lines)
        .map((l) => `${l}\n`)
        .join(""),
    );
  };
  storeContract("a folder", () => FolderStore.open(folder()), tamper);
});
