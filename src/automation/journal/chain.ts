import { hash as hashText } from "node:crypto";
import { canonical } from "../../config/rawConfig.js";
import { PromiseViolation } from "../../errors.js";
import { redact } from "../../lib/redact.js";
import type { Entry, Recorded } from "./entries.js";

/** The hash that the first entry follows. */
export const GENESIS = "0".repeat(64);

/** SHA-256 over the entry without its own hash, keys sorted. */
export function hashOf(entry: Omit<Recorded, "hash">): string {
  return hashText("sha256", canonical(entry));
}

/** How a line ends; all before it is what was hashed. */
const sealOf = (hash: string): string => `,"hash":"${hash}"}`;

/** An entry as stores write it: the text that was hashed, with its hash at the end, so that readers hash it as it stands. */
export function lineOf({ hash, ...body }: Recorded): string {
  return `${canonical(body).slice(0, -1)}${sealOf(hash)}`;
}

function isAsWritten(entry: Recorded, line: string | undefined): boolean {
  const seal = sealOf(entry.hash);
  if (line?.endsWith(seal) === true && hashText("sha256", `${line.slice(0, -seal.length)}}`) === entry.hash) return true;
  // Earlier versions wrote their keys in another order.
  const { hash, ...body } = entry;
  return hashOf(body as Omit<Recorded, "hash">) === hash;
}

/** Chains an entry to the one before it. */
export function record(entry: Entry, before: Head | undefined, at: number, fence: number): Recorded {
  const body = {
    // No credential is written (promise 9). A stack config was checked to hold none in plain text, and must come back unchanged.
    ...redact(entry, "", (key) => key === "config"),
    seq: (before?.seq ?? 0) + 1,
    at,
    recordedAt: new Date().toISOString(),
    fence,
    prev: before?.hash ?? GENESIS,
  } as Omit<Recorded, "hash">;
  // Through JSON once, so that what is hashed is exactly what a reader of the file will hash (undefined keys are gone).
  const plain = JSON.parse(JSON.stringify(body)) as Omit<Recorded, "hash">;
  return { ...plain, hash: hashOf(plain) } as Recorded;
}

export interface ChainFault {
  seq: number;
  what: string;
}

/** What a verification may begin with. */
export interface Known {
  /** The entry that the first one follows, which was verified before. */
  follows?: Head;
  /** The texts that the entries were parsed from: hashing those is much faster than writing each entry out again. */
  lines?: readonly string[];
  /** The last entry that is known to have been there: a journal that was cut off is an unbroken chain as well. */
  last?: Head | undefined;
}

const missing = ({ seq }: Head): ChainFault => ({ seq, what: "is missing, or another one than this service has written or read" });

/** Finds any changed, removed or reordered entry. An empty list means that the journal is as it was written. */
export function verifyChain(entries: readonly Recorded[], { follows, lines, last }: Known = {}): ChainFault[] {
  const faults: ChainFault[] = [];
  let before: Head | undefined = follows;
  for (const [i, entry] of entries.entries()) {
    const expected = (before?.seq ?? 0) + 1;
    if (entry.seq !== expected) faults.push({ seq: entry.seq, what: `stands where entry ${expected} belongs` });
    if (entry.prev !== (before?.hash ?? GENESIS)) faults.push({ seq: entry.seq, what: "does not follow the entry before it" });
    if (!isAsWritten(entry, lines?.[i])) faults.push({ seq: entry.seq, what: "was changed after it was written" });
    before = entry;
  }
  if (last !== undefined && !entries.some((e) => isSame(e, last))) faults.push(missing(last));
  return faults;
}

const isSame = (a: Head, b: Head): boolean => a.seq === b.seq && a.hash === b.hash;

/** Verifies a journal piece by piece as it lies there: a long one needs no more memory than a short one. */
export class ChainCheck {
  private readonly faults: ChainFault[] = [];
  private before: Head | undefined;
  private met = false;

  /** @param last as in `Known` */
  constructor(private readonly last: Head | undefined) {}

  take(lines: readonly string[]): void {
    for (const line of lines) {
      const entry = entryIn(line);
      const seq = (this.before?.seq ?? 0) + 1;
      if (entry === undefined) this.faults.push({ seq, what: "is no entry any more" });
      else this.faults.push(...verifyChain([entry], { ...(this.before === undefined ? {} : { follows: this.before }), lines: [line] }));
      this.before = { seq: entry?.seq ?? seq, hash: entry?.hash ?? "" };
      this.met ||= this.last !== undefined && isSame(this.before, this.last);
    }
  }

  end(): ChainFault[] {
    return this.last === undefined || this.met ? this.faults : [...this.faults, missing(this.last)];
  }
}

function entryIn(line: string): Recorded | undefined {
  try {
    const entry = JSON.parse(line) as Recorded | null;
    return typeof entry === "object" && entry !== null ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** @throws PromiseViolation when the chain is broken */
export function requireIntact(entries: readonly Recorded[], where: string, known?: Known): void {
  const fault = verifyChain(entries, known)[0];
  if (fault !== undefined)
    throw new PromiseViolation(9, `the journal ${where} was tampered with: entry ${fault.seq} ${fault.what}`, {
      next: "Restore the journal from a backup; cutover goes on only from an intact one.",
    });
}

/** All that the next entry's chain needs of the one before it. */
export type Head = Pick<Recorded, "seq" | "hash">;
