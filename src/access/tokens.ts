import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { Unauthenticated } from "../errors.js";
import { type Caller, ROLES } from "./caller.js";
import { addressIds } from "./ids.js";

export const grantSchema = z.strictObject({
  role: z.enum(ROLES),
  applications: z.array(z.string().min(1)).min(1).optional(),
  environments: z.array(z.string().min(1)).min(1).optional(),
});

/** What is kept of an API token: never the token itself. */
export const storedTokenSchema = z.strictObject({
  id: z.string(),
  /** Whose it is: the name in the journal. */
  name: z.string(),
  /** SHA-256 of the whole token, in hex. A token is random, so that a slow hash would add nothing. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  grants: z.array(grantSchema).min(1),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
});
export type StoredToken = z.output<typeof storedTokenSchema>;

/** Where tokens are kept: a folder for one machine, a table for service processes on several. */
export interface TokenStore {
  /** By name, then by time. */
  list(): Promise<StoredToken[]>;
  find(id: string): Promise<StoredToken | undefined>;
  add(token: StoredToken): Promise<void>;
  /** @returns false when there is no such token */
  revoke(id: string): Promise<boolean>;
  close(): Promise<void>;
}

const TOKEN = /^cutover_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

export const isApiToken = (given: string): boolean => TOKEN.test(given);

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether two secrets are the same, in a time that does not tell where they differ. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** A new token, to be shown once, and what is kept of it. */
export function makeToken(
  of: Pick<StoredToken, "name" | "grants" | "expiresAt">,
  now = new Date(),
): { token: string; stored: StoredToken } {
  const id = randomBytes(6).toString("hex");
  const token = `cutover_${id}_${randomBytes(32).toString("base64url")}`;
  return { token, stored: { ...of, id, hash: digest(token).toString("hex"), createdAt: now.toISOString() } };
}

/** @throws Unauthenticated for a token that is unknown, revoked or expired */
export async function callerOfToken(store: TokenStore, given: string, now = Date.now()): Promise<Caller> {
  const stored = await store.find(TOKEN.exec(given)?.[1] ?? "");
  if (stored === undefined || !timingSafeEqual(digest(given), Buffer.from(stored.hash, "hex")))
    throw new Unauthenticated("The API token is not known.", { next: "cutover token create makes one." });
  if (stored.expiresAt !== undefined && Date.parse(stored.expiresAt) <= now)
    throw new Unauthenticated(`The API token ${stored.id} of ${stored.name} ended at ${stored.expiresAt}.`, {
      next: "cutover token create makes another one.",
    });
  const ids = addressIds(stored.name);
  return { name: stored.name, grants: stored.grants, ...(ids.length === 0 ? {} : { ids }) };
}
