import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, readdir, readFile, truncate } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { writeAtomically } from "../config/stackFile.js";
import { Conflict, UserError } from "../errors.js";
import { isAlive } from "./engine/locks.js";
import type { Entry, Recorded } from "./entries.js";
import { record, requireIntact } from "./journal.js";

/** Who may run a migration's decisions, until it is given back. */
export interface Lease {
  stack: string;
  holder: string;
  /** Grows with every lease of the stack: effects and entries of an older one are refused (promise 6). */
  fence: number;
}

/** What keeps journals and leases. The folder store is the embedded default; others implement the same. */
export interface Store {
  stacks(): Promise<string[]>;
  /** All entries, checked to be an intact chain; empty when there is no such migration. */
  entries(stack: string): Promise<Recorded[]>;
  /** Appends as the holder of the lease, or as a command (no lease). @throws Conflict when the lease was lost */
  append(stack: string, entry: Entry, at: number, lease?: Lease): Promise<Recorded>;
  /** Keeps a file of evidence and answers its name. */
  keepFile(stack: string, name: string, content: string): Promise<string>;
  file(stack: string, name: string): Promise<string | undefined>;
  /** @throws Conflict naming the holder */
  lease(stack: string, holder: string): Promise<Lease>;
  release(lease: Lease): Promise<void>;
}

/** Tells this process from an earlier one that had the same id, as after the restart of a container. */
const INSTANCE = randomUUID();
const JOURNAL = "journal.ndjson";

/**
 * A folder a stack: `journal.ndjson` (one entry a line, synced before an append is answered), `files/`, `lease.json`.
 * A last line that a crash cut off was never answered, so it is dropped on opening.
 */
export class FolderStore implements Store {
  private readonly journals = new Map<string, Promise<Recorded[]>>();
  private readonly tails = new Map<string, Promise<unknown>>();

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

  async stacks(): Promise<string[]> {
    const found = await readdir(this.root, { withFileTypes: true });
    return found
      .filter((e) => e.isDirectory())
      .map((e) => e.name)
      .sort();
  }

  entries(stack: string): Promise<Recorded[]> {
    let journal = this.journals.get(stack);
    if (journal === undefined) {
      journal = this.load(stack);
      this.journals.set(stack, journal);
      journal.catch(() => this.journals.delete(stack));
    }
    return journal;
  }

  append(stack: string, entry: Entry, at: number, lease?: Lease): Promise<Recorded> {
    return this.oneAtATime(stack, async () => {
      if (lease !== undefined) await this.requireLease(lease);
      const entries = await this.entries(stack);
      const recorded = record(entry, entries.at(-1), at, lease?.fence ?? 0);
      await mkdir(join(this.root, stack), { recursive: true });
      const file = join(this.root, stack, JOURNAL);
      try {
        const handle = await open(file, "a", 0o600);
        try {
          await handle.appendFile(`${JSON.stringify(recorded)}\n`);
          await handle.datasync();
        } finally {
          await handle.close();
        }
      } catch (cause) {
        // Whatever part of the line was written is dropped when the journal is read again.
        this.journals.delete(stack);
        const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
        throw new UserError(
          { path: file, got: code, accepted: "a file that can be appended to, on a disk with free space" },
          { cause, next: "Free space or mend the permissions, then resume." },
        );
      }
      entries.push(recorded);
      return recorded;
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

  lease(stack: string, holder: string): Promise<Lease> {
    return this.oneAtATime(stack, async () => {
      const held = await this.readLease(stack);
      // A holder on another host, or a process that lives (this one included), keeps its lease.
      if (
        held !== undefined &&
        held.released !== true &&
        (held.host !== hostname() || (held.instance !== INSTANCE && held.pid === process.pid ? false : isAlive(held.pid)))
      ) {
        throw new Conflict(`${stack} is run by ${held.holder} since ${held.since}.`, {
          holder: held.holder,
          next: "Wait until it has finished, or pause it first.",
        });
      }
      const fence = (held?.fence ?? 0) + 1;
      await this.writeLease(stack, {
        holder,
        fence,
        pid: process.pid,
        instance: INSTANCE,
        host: hostname(),
        since: new Date().toISOString(),
      });
      return { stack, holder, fence };
    });
  }

  release(lease: Lease): Promise<void> {
    return this.oneAtATime(lease.stack, async () => {
      const held = await this.readLease(lease.stack);
      if (held?.fence === lease.fence) await this.writeLease(lease.stack, { ...held, released: true });
    });
  }

  private async requireLease(lease: Lease): Promise<void> {
    const held = await this.readLease(lease.stack);
    if (held?.fence !== lease.fence || held.released === true)
      throw new Conflict(`The lease ${lease.fence} of ${lease.stack} was lost${held === undefined ? "" : ` to ${held.holder}`}.`, {
        ...(held === undefined ? {} : { holder: held.holder }),
      });
  }

  private async load(stack: string): Promise<Recorded[]> {
    const file = join(this.root, stack, JOURNAL);
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw new UserError({ path: file, got: error.code ?? String(error), accepted: "a journal that can be read" }, { cause: error });
    });
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
    const entries = whole
      .split("\n")
      .filter((l) => l !== "")
      .map((line, i) => parseLine(line, `${file} line ${i + 1}`));
    requireIntact(entries, `of ${stack} (${file})`);
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
      result.catch(() => undefined),
    );
    return result;
  }
}

interface LeaseFile {
  holder: string;
  fence: number;
  pid: number;
  instance: string;
  host: string;
  since: string;
  released?: boolean;
}

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
