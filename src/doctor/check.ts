import { CutoverError } from "../errors.js";

/** What one check found. `unknown` could not be looked at because of what failed before. */
export type Standing = "ok" | "warning" | "failed" | "unknown";

export interface Finding {
  /** What was looked at: `credentials`. */
  check: string;
  /** Of what: an environment or a stack. */
  of: string;
  standing: Standing;
  detail: string;
  /** How to put it right. */
  mend?: string;
}

/** A check's answer when it did not fail: its detail, or a warning with how to mend it. */
export type Answer = string | { warning: string; mend: string };

/** Runs a check. What it throws is what it found; our own errors say better than `mend` what to do next. */
export async function examine(check: string, of: string, mend: string, look: () => Promise<Answer>): Promise<Finding> {
  try {
    const answer = await look();
    if (typeof answer === "string") return { check, of, standing: "ok", detail: answer };
    return { check, of, standing: "warning", detail: answer.warning, mend: answer.mend };
  } catch (error) {
    const { message } = error as Error;
    const next = error instanceof CutoverError ? error.next : undefined;
    return { check, of, standing: "failed", detail: message.replaceAll("\n", " "), mend: next ?? mend };
  }
}

export const unknownOf = (check: string, of: string, because: string): Finding => ({ check, of, standing: "unknown", detail: because });

/** What a refusal itself says to do: its last sentence, or what follows its last colon. */
export function mendIn(refused: string): string {
  const [, sentence] = /^.*\S\. (?=[A-Z])(.+)$/s.exec(refused) ?? [];
  const said = sentence ?? refused.slice(refused.lastIndexOf(": ") + 2);
  return `${said.slice(0, 1).toUpperCase()}${said.slice(1)}`;
}

/** A finding of what cannot be, with what to do instead. */
export const refusalOf = (check: string, of: string, refused: string): Finding => ({
  check,
  of,
  standing: "failed",
  detail: refused,
  mend: mendIn(refused),
});
