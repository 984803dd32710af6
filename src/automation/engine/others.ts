import type { ProviderFacts } from "../../ports/providers.js";
import type { OthersFields } from "../../ports/target.js";
import type { Preview, ResourceChange } from "../journal/records.js";
import { namesOn, previewOf } from "./preview.js";

/** Whether it updates what others may write too. */
export const changesObjects = ({ changes }: Preview, { isApplied }: Pick<ProviderFacts, "isApplied">): boolean =>
  changes.some((c) => isApplied(c.type) && c.op === "update");

/**
 * A preview with who else wrote what it changes, and with what an update takes away of others although the engine shows nothing of
 * it. A resource that the engine leaves alone keeps that; it is named all the same where what is really there was asked for.
 * @param really whether the preview is against what is really there
 */
export function withOthers(preview: Preview, others: readonly OthersFields[], really: boolean): Preview {
  const known = new Map(others.map((o) => [o.urn, o]));
  // A refresh takes what kubectl wrote for the program's, which then no longer names it: an update without a field that differs.
  const isKept = ({ urn, op, diff }: ResourceChange) => {
    const owned = known.get(urn)?.owned ?? [];
    return really && op === "update" && diff.length === 0 && owned.length > 0 && owned.every((field) => field.next === "stays");
  };
  const left = preview.changes.filter((change) => !isKept(change));
  const changed = left.map((change) => {
    const found = known.get(change.urn);
    return found === undefined || change.op !== "update" ? change : naming(change, found);
  });
  const seen = new Set(changed.map((c) => c.urn));
  const more = others.flatMap((found): ResourceChange[] => {
    if (!really || seen.has(found.urn) || !found.owned.some((field) => field.next !== "stays")) return [];
    const { urn, type, name } = found;
    return [naming({ urn, type, name: urn.split("::").at(-1) ?? name, op: "update", diff: [] }, found)];
  });
  return previewOf([...changed, ...more], preview.unchanged + preview.changes.length - left.length - more.length);
}

function naming(change: ResourceChange, { owned }: OthersFields): ResourceChange {
  const shown = change.diff.map(({ path }) => namesOn(path));
  const touched = owned.filter(({ names }) => shown.some((path) => isWithin(names, path) || isWithin(path, names)));
  const gone = owned.filter((f) => f.next !== "stays" && (f.element || !shown.some((path) => path.join("\n") === f.names.join("\n"))));
  const by = [...new Set([...touched, ...gone].map((f) => f.by))].sort();
  if (by.length === 0) return change;
  // No values: one may be a secret.
  const lost = gone.map(({ path, by: who, next }) => {
    const before = `(written by ${who})`;
    return next === "goes" ? { path, before } : { path, before, after: "(as the program has it)" };
  });
  return { ...change, diff: [...change.diff, ...lost], by };
}

const isWithin = (inner: readonly string[], outer: readonly string[]): boolean => outer.every((name, i) => inner[i] === name);
