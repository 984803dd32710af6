import { createHash } from "node:crypto";
import { type InputIssue, printable, UserError } from "../errors.js";
import { looksSecret } from "../lib/secrets.js";
import { CONNECTION_KEYS } from "./connection.js";
import { secretsIn } from "./files.js";
import { parseStackConfig, readStackConfig, SECTIONS, type StackConfig } from "./schema.js";

/** The `config:` map of a stack's file as it stands there: `namespace:key` → value, secrets as `{ secure: ciphertext }`. */
export type RawConfig = Record<string, unknown>;

/** What a step changes: dotted path within the sections (`dns.weights.new`) → new value. */
export type ConfigPatch = Record<string, unknown>;

export const PREFIX = "cutover:";

/** Stands in for a secret's value when only the shape is checked: the ciphertext is not decrypted outside the engine. */
const SEALED = "sealed";

/**
 * The typed config of a raw `config:` map.
 * @param options.lenient for what stands in a journal: see `readStackConfig`
 */
export function readConfig(raw: RawConfig, file: string, stack: string, { lenient = false } = {}): StackConfig {
  const strange = (path: string): void => void (strangeIn.get(raw) ?? strangeIn.set(raw, new Set()).get(raw))?.add(path);
  const issues: InputIssue[] = [];
  const input: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (!key.startsWith(PREFIX)) {
      if (typeof value === "string" && looksSecret(key.split(":").at(-1) ?? "", value))
        issues.push({ path: key, got: "plain text (hidden)", accepted: `an encrypted value: pulumi config set --secret ${key}` });
      continue;
    }
    const section = key.slice(PREFIX.length);
    if (!SECTIONS.includes(section as keyof StackConfig)) {
      if (lenient) strange(section);
      else issues.push({ path: key, got: "an unknown section", accepted: `one of ${SECTIONS.join(", ")}` });
    } else input[section] = section === "secrets" ? sealed(value, issues) : value;
  }
  if (issues.length > 0) throw new UserError(issues, { summary: `${file} is not a valid stack config.` });
  const config = lenient ? readStackConfig(input, file, strange) : parseStackConfig(input, file);
  const expected = `${config.application.name}-${config.application.environment}`;
  if (stack !== expected)
    throw new UserError(
      { path: "application", got: printable(expected), accepted: `name and environment that make the stack's name, ${stack}` },
      { summary: `${file} is not a valid stack config.` },
    );
  return config;
}

const strangeIn = new WeakMap<RawConfig, Set<string>>();
const strangeKeysOf = new WeakMap<RawConfig, readonly string[]>();

/** Sections and keys that only another version knows: an update without them would remove what they stand for. */
export function strangeKeys(raw: RawConfig, stack: string): readonly string[] {
  let keys = strangeKeysOf.get(raw);
  if (keys === undefined) {
    readConfig(raw, `a config of ${stack}`, stack, { lenient: true });
    keys = [...(strangeIn.get(raw) ?? [])].sort();
    strangeKeysOf.set(raw, keys);
  }
  return keys;
}

/** Keys of the secrets that a config needs, each sealed with nothing. */
export function everySecret(raw: RawConfig): Record<string, { secure: string }> {
  return Object.fromEntries(neededSecrets(raw).map((key) => [key, { secure: "" }]));
}

/** Keys of the secrets that a config needs: the database's password, and what environment variables and files name. */
export function neededSecrets(raw: RawConfig): string[] {
  const database = raw[`${PREFIX}database`] as { forms?: Record<string, unknown> } | undefined;
  // What is built from the database section, where there is one.
  const made = database === undefined ? [] : [...CONNECTION_KEYS, ...Object.keys(database.forms ?? {})];
  const named = [raw[`${PREFIX}workload`], raw[`${PREFIX}processes`]].flatMap(secretsNamedIn).filter((key) => !made.includes(key));
  return [...new Set([...(database === undefined ? [] : ["database-password"]), ...named])];
}

/** Keys that a part of a config which may not be checked yet names: `secretEnv` of any container, and files. */
function secretsNamedIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(secretsNamedIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === "secretEnv" && isPlainMap(inner)) return Object.values(inner).map(String);
    if (key !== "configFiles" || !Array.isArray(inner)) return secretsNamedIn(inner);
    return (inner as { content?: unknown; secret?: unknown }[]).flatMap(({ content, secret }) => [
      ...(typeof secret === "string" ? [secret] : []),
      ...(typeof content === "string" ? secretsIn(content) : []),
    ]);
  });
}

function sealed(value: unknown, issues: InputIssue[]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      const isSealed = typeof entry === "object" && entry !== null && typeof (entry as { secure?: unknown }).secure === "string";
      if (!isSealed) {
        issues.push({
          path: `secrets.${key}`,
          got: "plain text (hidden)",
          accepted: `an encrypted value: pulumi config set --secret --path 'cutover:secrets.${key}'`,
        });
      }
      return [key, SEALED];
    }),
  );
}

const isSealed = (value: unknown): boolean =>
  typeof value === "object" && value !== null && typeof (value as { secure?: unknown }).secure === "string";

/** A config without its ciphertexts: they may be rotated at any time, and are no decision about the migration. */
export const withoutSecrets = (raw: RawConfig): RawConfig =>
  Object.fromEntries(Object.entries(raw).filter(([key, value]) => key !== `${PREFIX}secrets` && !isSealed(value)));

/** A config with the ciphertexts as they are now: what was rotated since is never taken back with an earlier config. */
export function withSecretsOf(raw: RawConfig, now: RawConfig): RawConfig {
  const own = Object.entries(now).filter(([key, value]) => key in raw && isSealed(value));
  const secrets = { ...(raw[`${PREFIX}secrets`] as object | undefined), ...(now[`${PREFIX}secrets`] as object | undefined) };
  return { ...raw, ...Object.fromEntries(own), ...(Object.keys(secrets).length === 0 ? {} : { [`${PREFIX}secrets`]: secrets }) };
}

/** SHA-256 over the config with sorted keys, as hex: the same config has the same digest whatever the order in its file. */
export function configDigest(raw: RawConfig): string {
  return createHash("sha256").update(canonical(raw)).digest("hex");
}

/** JSON with sorted keys. */
export function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  // Every entry of every journal goes through here when it is verified: no lists in between.
  let text = "";
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonical(member)}`;
  }
  return `{${text}}`;
}

/** A raw config with a patch's dotted paths set, leaving the given one as it was. */
export function patched(raw: RawConfig, patch: ConfigPatch): RawConfig {
  const next = structuredClone(raw);
  for (const [path, value] of Object.entries(patch)) {
    const [name, ...rest] = path.split(".") as [string, ...string[]];
    const keys = [`${PREFIX}${name}`, ...rest];
    let at = next as Record<string, unknown>;
    for (const key of keys.slice(0, -1)) {
      if (typeof at[key] !== "object" || at[key] === null) at[key] = {};
      at = at[key] as Record<string, unknown>;
    }
    const last = keys.at(-1) as string;
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  return next;
}

export interface ConfigChange {
  path: string;
  before: unknown;
  after: unknown;
}

/** What differs between two raw configs, by dotted path without the namespace, sorted. Ciphertexts show as `(secret)`. */
export function configChanges(before: RawConfig, after: RawConfig): ConfigChange[] {
  const changes: ConfigChange[] = [];
  const walk = (path: string, a: unknown, b: unknown): void => {
    if (canonical(a ?? null) === canonical(b ?? null)) return;
    if (isPlainMap(a) && isPlainMap(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk(path === "" ? key : `${path}.${key}`, a[key], b[key]);
    } else changes.push({ path, before: hideSecure(path, a), after: hideSecure(path, b) });
  };
  walk("", strip(before), strip(after));
  return changes.sort((x, y) => (x.path < y.path ? -1 : 1));
}

const strip = (raw: RawConfig) =>
  Object.fromEntries(Object.entries(raw).map(([k, v]) => [k.startsWith(PREFIX) ? k.slice(PREFIX.length) : k, v]));
export const isPlainMap = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v) && !("secure" in v);
const hideSecure = (path: string, v: unknown) =>
  path.startsWith("secrets") || (typeof v === "object" && v !== null && "secure" in v) || (typeof v === "string" && looksSecret("", v))
    ? "(secret)"
    : v;
