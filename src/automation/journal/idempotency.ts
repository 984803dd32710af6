import { createHash } from "node:crypto";
import { canonical } from "../../config/rawConfig.js";
import { Conflict } from "../../errors.js";
import type { Recorded } from "./entries.js";
import type { RequestMark } from "./records.js";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

export const requestMark = (who: string, key: string, command: object): RequestMark => ({
  key: sha256(`${who}\n${key}`),
  digest: sha256(canonical(command)),
});

/** Whether the command of this request stands in the journal already. @throws Conflict when its key belongs to another command */
export function isRepeated(entries: readonly Recorded[], { key, digest }: RequestMark): boolean {
  const before = entries.find((e) => e.type === "command" && e.request?.key === key);
  if (before?.type !== "command") return false;
  if (before.request?.digest !== digest)
    throw new Conflict(`The idempotency key belongs to another request: entry ${before.seq}, ${before.command}.`, {
      next: "Give each request a key of its own; the same key only to the same request sent again.",
    });
  return true;
}
