import { isTree, scalar, type Tree } from "../yamlText.js";

/** What the later of two files replaces as a whole. */
const REPLACED = ["command", "entrypoint", "test"];

/** Two compose files, or a service and what it extends, as Compose merges them: maps key by key, lists one after the other. */
export function merged(base: Tree, over: Tree): Tree {
  const result: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const was = result[key];
    if (REPLACED.includes(key)) result[key] = value;
    else if (isTree(was) && isTree(value)) result[key] = merged(was, value);
    else if (Array.isArray(was) && Array.isArray(value)) result[key] = joined(was, value);
    else if (value !== null || was === undefined) result[key] = value;
  }
  return result;
}

/** One mount stands for a place in the container, the later one. */
function joined(base: unknown[], over: unknown[]): unknown[] {
  const places = new Map<string, unknown>();
  for (const entry of [...base, ...over]) places.set(placeOf(entry), entry);
  return [...places.values()];
}

function placeOf(entry: unknown): string {
  const path = isTree(entry) ? scalar(entry.target) : /^[^:]+:(\/[^:]*)(:[\w,]+)?$/.exec(scalar(entry) ?? "")?.[1];
  return path ?? JSON.stringify(entry);
}
