import { parseDocument } from "yaml";
import { printable, UserError } from "../../errors.js";
import { redact, redactText } from "../../lib/redact.js";
import type { Findings } from "./described.js";
import type { GivenFile } from "./given.js";

export type Tree = Record<string, unknown>;

/** Anchors may be used so often; more is made to fill memory. */
export const MOST_ALIASES = 10_000;

/**
 * The map that a YAML or JSON file holds, its anchors and merge keys resolved.
 * @param twice whether a key may stand twice, as Helm lets it: the last counts
 * @throws UserError with the line
 */
export function yamlMap({ path, text }: GivenFile, accepted: string, findings: Findings, { twice = false } = {}): Tree {
  const options = { merge: true, prettyErrors: true, logLevel: "error", intAsBigInt: true } as const;
  let document = parseDocument(text, options);
  const again = document.errors.find((e) => e.code === "DUPLICATE_KEY");
  if (twice && again !== undefined) {
    findings.ask(`${path} line ${again.linePos?.[0].line ?? "?"}`, "a key stands twice, and the last one counts: is it the right one?");
    document = parseDocument(text, { ...options, uniqueKeys: false });
  }
  const broken = document.errors[0];
  if (broken !== undefined) {
    const [place] = broken.linePos ?? [];
    const what =
      broken.code === "MULTIPLE_DOCS"
        ? "several documents, separated by ---"
        : (broken.message.split("\n")[0]?.replace(/:?( at line \d+, column \d+:?)$/, "") ?? "");
    throw new UserError({
      path: `${path}${place === undefined ? "" : ` line ${place.line}, column ${place.col}`}`,
      got: redactText(what),
      accepted,
    });
  }
  for (const { message } of document.warnings)
    findings.ask(path, `${message.split("\n")[0]?.replace(/ at line.*$/, "")}: what does it do?`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES, reviver: exact });
  } catch (cause) {
    throw new UserError({ path, got: (cause as Error).message, accepted }, { cause });
  }
  if (!isTree(value)) throw new UserError({ path, got: shown(value), accepted });
  return value;
}

/** Numbers with more digits than a number has stay as they are written. */
const exact = (_: unknown, value: unknown): unknown =>
  typeof value !== "bigint" ? value : Number.isSafeInteger(Number(value)) ? Number(value) : String(value);

export const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/** A list, of one where there is one value. */
export const listed = (value: unknown): unknown[] => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);

/** A scalar as text; undefined for what is none. */
export const scalar = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean" || typeof value === "bigint"
      ? String(value)
      : undefined;

/** A value as a message may show it. */
export const shown = (value: unknown): string => (value === null || value === undefined ? "nothing" : printable(redact(value)));
