/**
 * Sets of an object's fields as `managedFields` writes them: a tree whose keys are `f:NAME` for a field, `k:{…}` for an element of
 * a list by its keys, `v:…` by its value, and `.` for what stands there itself.
 * Source: sigs.k8s.io/structured-merge-diff, fieldpath/serialize.go.
 */
export interface FieldSet {
  [key: string]: FieldSet;
}

export type FieldPath = readonly string[];

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const all: FieldSet = { ...a };
  for (const [key, inner] of Object.entries(b)) all[key] = union(all[key] ?? {}, inner);
  return all;
}

/** What of a set is not in another. */
export function without(set: FieldSet, other: FieldSet): FieldSet {
  const left: FieldSet = {};
  for (const [key, inner] of Object.entries(set)) {
    const theirs = other[key];
    if (theirs === undefined) left[key] = inner;
    else if (Object.keys(inner).length > 0) {
      const rest = without(inner, theirs);
      if (Object.keys(rest).length > 0) left[key] = rest;
    }
  }
  return left;
}

/** Those that a rule takes, with all below them, and the rest. */
export function split(set: FieldSet, takes: (path: FieldPath) => boolean, at: FieldPath = []): { taken: FieldSet; rest: FieldSet } {
  const taken: FieldSet = {};
  const rest: FieldSet = {};
  for (const [key, inner] of Object.entries(set)) {
    const path = [...at, key];
    if (takes(path)) taken[key] = inner;
    else if (Object.keys(inner).length === 0) rest[key] = inner;
    else {
      const parts = split(inner, takes, path);
      if (!isEmpty(parts.taken)) taken[key] = parts.taken;
      if (!isEmpty(parts.rest)) rest[key] = parts.rest;
    }
  }
  return { taken, rest };
}

export const isEmpty = (set: FieldSet): boolean => Object.keys(set).length === 0;

/** Each field of a set; of what is whole in it, as an element of a list, only itself. */
export function pathsOf(set: FieldSet, at: FieldPath = []): FieldPath[] {
  return Object.entries(set).flatMap(([key, inner]) => {
    if (key === ".") return [];
    const path = [...at, key];
    return isEmpty(inner) || inner["."] !== undefined ? [path] : pathsOf(inner, path);
  });
}

/** As the engine writes a property's path, but for elements of lists, which stand by their keys: `spec.containers[web].image`. */
export function pathText(path: FieldPath): string {
  const parts = path.map((part) => {
    const text = part.slice(2);
    if (part.startsWith("f:")) return /^[A-Za-z_]\w*$/.test(text) ? `.${text}` : `["${text}"]`;
    return `[${part.startsWith("k:") ? Object.values(parsed(text)).join(" ") : text}]`;
  });
  return parts.join("").replace(/^\./, "");
}

function parsed(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return { text };
  }
}

/** The names of the fields on a path, whichever element of a list they belong to: what both ways of writing have in common. */
export const namesOn = (path: FieldPath): string[] => path.filter((p) => p.startsWith("f:")).map((p) => p.slice(2));

/** Whether an object has a value there. */
export function hasField(object: unknown, path: FieldPath): boolean {
  const found = path.reduce<unknown>((inner, part) => {
    const text = part.slice(2);
    if (part.startsWith("f:")) return (inner as Record<string, unknown> | undefined)?.[text];
    const wanted = parsed(text) as Record<string, unknown>;
    const isIt = (element: unknown): boolean =>
      part.startsWith("k:")
        ? Object.entries(wanted).every(([key, value]) => (element as Record<string, unknown> | undefined)?.[key] === value)
        : JSON.stringify(element) === text;
    return Array.isArray(inner) ? inner.find(isIt) : undefined;
  }, object);
  return found !== undefined;
}
