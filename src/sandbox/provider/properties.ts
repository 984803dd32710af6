import type { Properties } from "../backend.js";

/** How the engine writes a value it does not know yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** The key and value that mark an object of the wire as a special one: here, a secret. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

interface WireSecret {
  [SIGNATURE]: typeof SECRET;
  value: unknown;
}

function isSecret(value: unknown): value is WireSecret {
  return typeof value === "object" && value !== null && (value as Record<string, unknown>)[SIGNATURE] === SECRET;
}

/** A value with every secret unwrapped. */
export function revealed(value: unknown): unknown {
  if (isSecret(value)) return revealed(value.value);
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revealed(v)]));
  return value;
}

const holdsSecret = (value: unknown): boolean =>
  isSecret(value) ||
  (Array.isArray(value) ? value.some(holdsSecret) : typeof value === "object" && value !== null && Object.values(value).some(holdsSecret));

/**
 * Outputs as they go back: a property that held a secret as an input is a secret as a whole, or the engine would
 * write what the provider echoes into its state in plain text.
 */
export function sealedLike(outputs: Properties, ...inputs: (Properties | undefined)[]): Properties {
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => {
      const secret = inputs.some((i) => i !== undefined && holdsSecret(i[key]));
      return [key, secret ? { [SIGNATURE]: SECRET, value } : value];
    }),
  );
}

export const isUnknown = (value: unknown): boolean => value === UNKNOWN;

export interface Difference {
  /** Property path: `spec.replicas`, `weights[0].weight`, `annotations["a.b/c"]`. */
  path: string;
  kind: "add" | "delete" | "update";
}

/** What differs between two plain values, by property path. An unknown value differs from any known one. */
export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  if (Object.is(before, after)) return [];
  if (before === undefined || before === null) return after === undefined || after === null ? [] : [{ path, kind: "add" }];
  if (after === undefined || after === null) return [{ path, kind: "delete" }];
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, i) => differences(before[i], after[i], `${path}[${i}]`)).flat();
  }
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((k) => k !== "__defaults");
    return keys.flatMap((key) => differences(before[key], after[key], joined(path, key)));
  }
  return [{ path, kind: "update" }];
}

/**
 * Inputs with the values that the live object has in their place: what pulumi-kubernetes compares new inputs with, so that a field
 * which somebody wrote over is one that is updated. What the live object does not have stays as the input was: a Secret's
 * `stringData` is never shown. Source: pruneLiveState in pulumi-kubernetes v4.34.2, provider/pkg/provider/provider.go.
 */
export function asLive<T>(inputs: T, live: unknown): T {
  if (live === undefined || live === null) return inputs;
  if (Array.isArray(inputs) && Array.isArray(live)) return inputs.slice(0, live.length).map((value, i) => asLive(value, live[i])) as T;
  if (isMap(inputs) && isMap(live))
    return Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, asLive(value, live[key])])) as T;
  return live as T;
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function joined(path: string, key: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) return `${path}["${key}"]`;
  return path === "" ? key : `${path}.${key}`;
}
