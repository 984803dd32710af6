import { createReadStream } from "node:fs";
import { access, constants, type FileHandle, mkdir, open, readdir, readFile, stat, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomically } from "../../config/stackFile.js";
import { giveUpFolder, isThisProcess, livesElsewhere, type Owner, ownFolder, thisProcess } from "../../database/folderOwner.js";
import { Conflict, UserError } from "../../errors.js";
import { ChainCheck, type ChainFault, lineOf, record, requireIntact } from "../journal/chain.js";
import type { Entry, Recorded } from "../journal/entries.js";
import { JournalCache } from "./journalCache.js";
import { isLease, type Lease, lostTo, requireUnmoved, type Store } from "./store.js";

const JOURNAL = "journal.ndjson";
/** A first entry that a crash cut off may be this long. */
const FIRST_BYTES = 65_536;

/**
 * A folder a stack: `journal.ndjson` (one entry a line, synced before an append is answered), `files/`, `lease.json`.
 * A last line that a crash cut off was never answered, so it is dropped on opening.
 */
export class FolderStore implements Store {
  private readonly cache = new JournalCache();
  private readonly tails = new Map<string, Promise<unknown>>();
  private owning: Promise<void> | undefined;

  private constructor(private readonly root: string) {}

  /** @throws UserError when the folder cannot be made, read or written */
  static async open(root: string): Promise<FolderStore> {
    try {
      await mkdir(root, { recursive: true });
      await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
      // Root may write where the mode says no, and a read-only mount only shows on a write.
      await writeAtomically(join(root, ".writable"), "");
    } catch (cause) {
      const code =
        (cause as NodeJS.ErrnoException).code ?? ((cause as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? "an error";
      throw new UserError(
        { path: `state folder ${root}`, got: code, accepted: "a folder that cutover can read and write" },
        { cause, next: "Make it writable, or name another one with --state." },
      );
    }
    return new FolderStore(root);
  }

  async answers(): Promise<void> {
    await access(this.root, constants.R_OK | constants.W_OK | constants.X_OK);
  }

  async stacks(): Promise<string[]> {
    const found = await readdir(this.root, { withFileTypes: true });
    return found
      .filter((e) => e.isDirectory())
      .map((e) => e.name)
      .sort();
  }

  async lengths(): Promise<ReadonlyMap<string, number>> {
    const lengths = new Map<string, number>();
    for (const stack of await this.stacks()) {
      const length = this.cache.head(stack)?.seq ?? (await this.lengthOf(stack));
      if (length > 0) lengths.set(stack, length);
    }
    return lengths;
  }

  /** Of a journal that was not read yet: whoever asks for it reads it then, so that a long one is only looked at. */
  private async lengthOf(stack: string): Promise<number> {
    // One that cannot be read is there all the same: whoever asks for it is told why.
    try {
      return (await sizeOf(join(this.root, stack, JOURNAL))) > FIRST_BYTES ? 1 : (await this.text(stack)).split("\n").length - 1;
    } catch {
      return 1;
    }
  }

  async entries(stack: string, after = 0): Promise<Recorded[]> {
    if (after > 0 && this.cache.head(stack)?.seq === after) return [];
    // Never beside an append: half a line would be taken for one that a crash cut off.
    const entries = this.cache.entries(stack) ?? (await this.oneAtATime(stack, () => this.journal(stack)));
    return after === 0 ? entries : entries.slice(after);
  }

  async verify(stack: string): Promise<ChainFault[]> {
    const file = join(this.root, stack, JOURNAL);
    // What is appended meanwhile is looked at the next time.
    const [head, size] = await this.oneAtATime(stack, async () => [this.cache.head(stack), await sizeOf(file)]);
    const check = new ChainCheck(head);
    let rest = "";
    if (size > 0)
      for await (const text of createReadStream(file, { encoding: "utf8", end: size - 1 })) {
        const lines = `${rest}${text}`.split("\n");
        rest = lines.pop() ?? "";
        check.take(lines.filter((l) => l !== ""));
      }
    // Of a journal that was read, nothing is left that a crash cut off.
    if (head !== undefined && rest !== "") check.take([rest]);
    return check.end();
  }

  private async journal(stack: string): Promise<Recorded[]> {
    return this.cache.entries(stack) ?? (await this.load(stack));
  }

  append(stack: string, entry: Entry, at: number, by?: Lease | { after: number }): Promise<Recorded> {
    return this.oneAtATime(stack, async () => {
      await this.own();
      if (isLease(by)) await this.requireHeld(by);
      const head = this.cache.head(stack) ?? (await this.journal(stack)).at(-1);
      requireUnmoved(by, head);
      const recorded = record(entry, head, at, isLease(by) ? by.fence : 0);
      const line = `${lineOf(recorded)}\n`;
      const file = join(this.root, stack, JOURNAL);
      try {
        const handle = await appending(file);
        try {
          await handle.appendFile(line);
          await handle.datasync();
        } finally {
          // What is synced is there: whoever waits for it does not wait for this too.
          handle.close().catch(() => undefined);
        }
      } catch (cause) {
        // Whatever part of the line was written is dropped when the journal is read again.
        this.cache.forget(stack);
        const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
        throw new UserError(
          { path: file, got: code, accepted: "a file that can be appended to, on a disk with free space" },
          { cause, next: "Free space or mend the permissions, then resume." },
        );
      }
      this.cache.add(stack, recorded, line.length);
      return recorded;
    });
  }

  adopt(stack: string, entries: readonly Recorded[]): Promise<void> {
    return this.oneAtATime(stack, async () => {
      requireIntact(entries, `of ${stack}`);
      await this.own();
      if ((await this.journal(stack)).length > 0) throw new Conflict(`There is a journal of ${stack} already.`);
      await writeAtomically(join(this.root, stack, JOURNAL), entries.map((e) => `${lineOf(e)}\n`).join(""));
      this.cache.forget(stack);
    });
  }

  async keepFile(stack: string, name: string, content: string): Promise<string> {
    await writeAtomically(join(this.root, stack, "files", name), content);
    return name;
  }

  async file(stack: string, name: string): Promise<string | undefined> {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return undefined;
    return readFile(join(this.root, stack, "files", name), "utf8").catch(() => undefined);
  }

  async files(stack: string): Promise<string[]> {
    return (await readdir(join(this.root, stack, "files")).catch(() => [])).sort();
  }

  lease(stack: string, holder: string): Promise<Lease> {
    return this.oneAtATime(stack, async () => {
      await this.own();
      const held = await this.readLease(stack);
      if (held !== undefined && lasts(held)) {
        throw new Conflict(`${stack} is run by ${held.holder} since ${held.since}.`, {
          holder: held.holder,
          next: "Wait until it has finished, or pause it first.",
        });
      }
      const fence = (held?.fence ?? 0) + 1;
      await this.writeLease(stack, { holder, fence, ...thisProcess(), since: new Date().toISOString() });
      return { stack, holder, fence };
    });
  }

  release(lease: Lease): Promise<void> {
    return this.oneAtATime(lease.stack, async () => {
      const held = await this.readLease(lease.stack);
      if (held?.fence === lease.fence) await this.writeLease(lease.stack, { ...held, released: true });
    });
  }

  async held(stacks: readonly string[]): Promise<ReadonlySet<string>> {
    const leases = await Promise.all(stacks.map((stack) => this.readLease(stack)));
    return new Set(stacks.filter((_, i) => leases[i] !== undefined && lasts(leases[i])));
  }

  async requireHeld(lease: Lease): Promise<void> {
    const held = await this.readLease(lease.stack);
    if (held?.fence !== lease.fence || held.released === true) throw lostTo(lease, held?.holder);
  }

  /** A folder belongs to one process. */
  onForeign(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    if (this.owning === undefined) return;
    await this.owning;
    await giveUpFolder(this.root);
  }

  /** From its first write on the folder is this process's: two that append to one file would break the chain. */
  private own(): Promise<void> {
    this.owning ??= ownFolder(this.root, "journal");
    this.owning.catch(() => {
      this.owning = undefined;
    });
    return this.owning;
  }

  /** A journal as it lies there; empty without one. */
  private text(stack: string): Promise<string> {
    const file = join(this.root, stack, JOURNAL);
    return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw new UserError({ path: file, got: error.code ?? String(error), accepted: "a journal that can be read" }, { cause: error });
    });
  }

  private async load(stack: string): Promise<Recorded[]> {
    const file = join(this.root, stack, JOURNAL);
    const text = await this.text(stack);
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
    const lines = whole.split("\n").filter((l) => l !== "");
    const entries = lines.map((line, i) => parseLine(line, `${file} line ${i + 1}`));
    requireIntact(entries, `of ${stack} (${file})`, { lines, last: this.cache.head(stack) });
    if (entries.length > 0) this.cache.keep(stack, entries, whole.length);
    return entries;
  }

  private leaseFile(stack: string): string {
    return join(this.root, stack, "lease.json");
  }

  private async readLease(stack: string): Promise<LeaseFile | undefined> {
    const text = await readFile(this.leaseFile(stack), "utf8").catch(() => undefined);
    return text === undefined ? undefined : (parseLine(text, this.leaseFile(stack)) as unknown as LeaseFile);
  }

  private writeLease(stack: string, lease: LeaseFile): Promise<void> {
    return writeAtomically(this.leaseFile(stack), JSON.stringify(lease));
  }

  private oneAtATime<T>(stack: string, operation: () => Promise<T>): Promise<T> {
    const result = (this.tails.get(stack) ?? Promise.resolve()).then(operation, operation);
    this.tails.set(
      stack,
      // Without its answer, which would stay in memory until the next one.
      result.then(
        () => undefined,
        () => undefined,
      ),
    );
    return result;
  }
}

/** A journal's first entry makes its folder. */
async function appending(file: string): Promise<FileHandle> {
  try {
    return await open(file, "a", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(dirname(file), { recursive: true });
    return open(file, "a", 0o600);
  }
}

/** 0 without a file. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return 0;
    throw new UserError({ path: file, got: code, accepted: "a journal that can be read" }, { cause });
  }
}

interface LeaseFile extends Owner {
  holder: string;
  fence: number;
  since: string;
  released?: boolean;
}

/** A holder on another host, or a process that lives (this one included), keeps its lease. */
const lasts = (lease: LeaseFile): boolean => lease.released !== true && (isThisProcess(lease) || livesElsewhere(lease));

function parseLine(line: string, where: string): Recorded {
  try {
    return JSON.parse(line) as Recorded;
  } catch (cause) {
    throw new UserError(
      { path: where, got: "no JSON", accepted: "what cutover wrote there" },
      { cause, next: "The state folder is damaged: restore it from a backup, or start over with another --state folder." },
    );
  }
}
