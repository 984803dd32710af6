import { hash as hashText } from "node:crypto";
import { looksSecret } from "../config/secrets.js";
import { canonical } from "../config/stackFile.js";
import { PromiseViolation } from "../errors.js";
import type { Entry, Recorded } from "./entries.js";
import type { Head } from "./journalCache.js";

/** The hash that the first entry follows. */
export const GENESIS = "0".repeat(64);

/** SHA-256 over the entry without its own hash, keys sorted. */
export function hashOf(entry: Omit<Recorded, "hash">): string {
  return hashText("sha256", canonical(entry));
}

/** Chains an entry to the one before it. */
export function record(entry: Entry, before: Head | undefined, at: number, fence: number): Recorded {
  const body = {
    ...redact(entry),
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

/**
 * Finds any changed, removed or reordered entry. An empty list means that the journal is as it was written.
 * @param follows the entry that the first one follows, which was verified before
 */
export function verifyChain(entries: readonly Recorded[], follows?: Head): ChainFault[] {
  const faults: ChainFault[] = [];
  let before: Head | undefined = follows;
  for (const entry of entries) {
    const expected = (before?.seq ?? 0) + 1;
    if (entry.seq !== expected) faults.push({ seq: entry.seq, what: `stands where entry ${expected} belongs` });
    if (entry.prev !== (before?.hash ?? GENESIS)) faults.push({ seq: entry.seq, what: "does not follow the entry before it" });
    const { hash, ...body } = entry;
    if (hashOf(body as Omit<Recorded, "hash">) !== hash) faults.push({ seq: entry.seq, what: "was changed after it was written" });
    before = entry;
  }
  return faults;
}

/** Replaces anything that looks like a credential before it is hashed and written (promise 9). Ciphertexts stay. */
export function redact<T>(value: T, key = ""): T {
  if (typeof value === "string") return (looksSecret(key, value) ? "[redacted]" : value) as T;
  if (Array.isArray(value)) return value.map((v) => redact(v, key)) as T;
  if (typeof value === "object" && value !== null) {
    // A stack config was checked to hold no plain secret, and must come back unchanged when it is restored.
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "config" ? v : redact(v, k)])) as T;
  }
  return value;
}

/** @throws PromiseViolation when the chain is broken */
export function requireIntact(entries: readonly Recorded[], where: string, follows?: Head): void {
  const fault = verifyChain(entries, follows)[0];
  if (fault !== undefined)
    throw new PromiseViolation(9, `the journal ${where} was tampered with: entry ${fault.seq} ${fault.what}`, {
      next: "Restore the journal from a backup; cutover goes on only from an intact one.",
    });
}
