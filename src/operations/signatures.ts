import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { UserError } from "../errors.js";

/**
 * Signatures of webhooks in both directions, as the Standard Webhooks specification has them: HMAC-SHA-256 over
 * `ID.TIMESTAMP.BODY`. The id stays the same when a message is sent again, so that a receiver can leave out what it has
 * seen; the timestamp is that of the sending.
 */
export const SIGNATURE_HEADERS = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;

/** How far a message's time may lie from the receiver's, in seconds. */
export const TOLERANCE_SECONDS = 300;

const PREFIX = "whsec_";
const ACCEPTED = "whsec_ and at least 24 bytes in base64, for example from: echo whsec_$(openssl rand -base64 32)";

/** The key in a secret. @throws UserError naming `path`, never the secret */
export function signingKey(secret: string, path: string): Buffer {
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  if (!secret.startsWith(PREFIX) || key.length < 24) throw new UserError({ path, got: "another text", accepted: ACCEPTED });
  return key;
}

/** By Node.js itself: the specification's own package hashes in JavaScript, which holds the thread for as long as 2 MB take. */
const signatureOf = (key: Buffer, id: string, seconds: number, body: string | Buffer): string =>
  `v1,${createHmac("sha256", key).update(`${id}.${seconds}.`).update(body).digest("base64")}`;

/** Headers that sign a body. `now` is in milliseconds. */
export function signatureHeaders(key: Buffer, id: string, body: string | Buffer, now = Date.now()): Record<string, string> {
  const seconds = Math.floor(now / 1_000);
  return {
    [SIGNATURE_HEADERS.id]: id,
    [SIGNATURE_HEADERS.timestamp]: String(seconds),
    [SIGNATURE_HEADERS.signature]: signatureOf(key, id, seconds, body),
  };
}

export type Verdict = { valid: true; id: string } | { valid: false; why: string };

/** Whether a message says itself that it was signed too long ago, or will be: known before its body is read. */
export const isStale = (headers: IncomingHttpHeaders, now = Date.now()): boolean =>
  !(Math.abs(now / 1_000 - Number(headers[SIGNATURE_HEADERS.timestamp])) <= TOLERANCE_SECONDS);

/**
 * Whether one of the keys (two while they are exchanged) signed the body as it arrived, byte by byte, a short time ago.
 * A signature may be valid and yet be a repetition: see `SeenIds`.
 */
export function verifySignature(keys: readonly Buffer[], headers: IncomingHttpHeaders, body: string | Buffer, now = Date.now()): Verdict {
  const one = (name: string): string | undefined => (typeof headers[name] === "string" ? (headers[name] as string) : undefined);
  const id = one(SIGNATURE_HEADERS.id);
  const timestamp = one(SIGNATURE_HEADERS.timestamp);
  const given = one(SIGNATURE_HEADERS.signature);
  if (id === undefined || timestamp === undefined || given === undefined)
    return { valid: false, why: `the headers ${Object.values(SIGNATURE_HEADERS).join(", ")} must be there` };
  if (!/^[\x21-\x7e]{1,256}$/.test(id) || !/^\d{1,12}$/.test(timestamp))
    return { valid: false, why: "the id or the timestamp is not well formed" };
  if (isStale(headers, now)) return { valid: false, why: `the timestamp is more than ${TOLERANCE_SECONDS} s away` };
  const expected = keys.map((key) => Buffer.from(signatureOf(key, id, Number(timestamp), body)));
  const matches = given
    .split(" ")
    .map((signature) => Buffer.from(signature))
    .some((mac) => expected.some((e) => e.length === mac.length && timingSafeEqual(e, mac)));
  if (!matches) return { valid: false, why: "no signature matches" };
  return { valid: true, id };
}

/**
 * Remembers ids for as long as their signatures are accepted: a message that was taken and comes again is a repetition.
 * One that was refused is no such thing: its sender sends it again under the same id, and is right to.
 */
export class SeenIds {
  /** Id → until when, oldest first. */
  private readonly taken = new Map<string, number>();
  private readonly underWay = new Set<string>();

  /** @returns `first` to whoever must `end` it */
  begin(id: string, now = Date.now()): "first" | "under way" | "taken" {
    for (const [old, until] of this.taken) {
      if (until > now) break;
      this.taken.delete(old);
    }
    if (this.taken.has(id)) return "taken";
    if (this.underWay.has(id)) return "under way";
    this.underWay.add(id);
    return "first";
  }

  end(id: string, taken: boolean, now = Date.now()): void {
    this.underWay.delete(id);
    // A timestamp may lie ahead by the tolerance and is then accepted for twice as long.
    if (taken) this.taken.set(id, now + 2 * TOLERANCE_SECONDS * 1_000);
  }
}
