import { type KubernetesObject, type KubernetesObjectApi, PatchStrategy } from "@kubernetes/client-node";
import { FIELD_MANAGER } from "../../lib/fieldManager.js";
import type { OthersFields } from "../../ports/target.js";
import { type ClusterAccess, statusOf } from "./clients.js";
import { type FieldPath, type FieldSet, hasField, isEmpty, namesOn, pathsOf, pathText, split, union, without } from "./fieldSets.js";
import { objectApi, readObject } from "./objectApi.js";
import { headOf, type StateObject, stateObjects } from "./stateObjects.js";

/**
 * What others than cutover wrote into a stack's objects. Server-side apply leaves fields of other owners alone; the engine's
 * provider does not: before each update it makes itself the owner of what every manager owns whose name begins with `kubectl`,
 * so that what the program does not name is removed with that update, and no preview says so. `kubectl rollout restart` is one
 * (`kubectl-rollout`), `annotate`, `label`, `set` and `edit` are others.
 * Source: fixCSAFieldManagers in pulumi-kubernetes, provider/pkg/await/await.go, and matchFieldManager in fluxcd/pkg, ssa/patch.go.
 */
const TAKEN = "kubectl";
/** What is kept stands under another name, which the provider leaves alone. */
const KEPT = "kept-";
/** How often an object is looked at again that somebody wrote meanwhile: a controller writes a status at any time. */
const TRIES = 4;
/** They are large, and nobody annotates them for one application. */
const LEFT_OUT = ["CustomResourceDefinition"];

interface Entry {
  manager?: string;
  operation?: string;
  subresource?: string;
  apiVersion?: string;
  time?: Date;
  fieldsType?: string;
  fieldsV1?: object;
}

const entriesOf = (live: KubernetesObject): Entry[] => live.metadata?.managedFields ?? [];
const fieldsOf = ({ fieldsV1 }: Entry): FieldSet => (fieldsV1 ?? {}) as FieldSet;
const isTaken = ({ manager = "", subresource = "" }: Entry): boolean => subresource === "" && manager.startsWith(TAKEN);
const isOurs = ({ manager, operation }: Entry): boolean => manager === FIELD_MANAGER && operation === "Apply";

/**
 * Annotations and labels, of the object and of its pods: nothing else depends on which others stand beside them, and removing one
 * from the pods' restarts them all. A variable or a port that stayed could be a second one of its name, which the API server refuses.
 */
function isKept(path: FieldPath): boolean {
  const names = namesOn(path);
  // Who wrote the first annotation made the map too.
  const isMap = path.at(-1) === ".";
  if (names.length < path.length - (isMap ? 1 : 0)) return false;
  if (isMap) return names.at(-2) === "metadata" && ["annotations", "labels"].includes(names.at(-1) ?? "");
  // `kubectl argo rollouts restart`.
  if (names.join(".") === "spec.restartAt") return true;
  const [metadata, map, key] = names.slice(-3);
  return metadata === "metadata" && (map === "annotations" || map === "labels") && key !== undefined && key !== LAST_APPLIED;
}
/** The notes of `kubectl apply` about what it applied itself: of no use beside another's. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Lets stay, through the update that follows, what others wrote beside the program's own annotations and labels, and takes back
 * what makes an object impossible to apply. What somebody writes while it runs is seen by the next one.
 * @returns what of the rest went, as sentences, once the update is done
 */
export async function keepOthers(access: ClusterAccess, deployment: unknown): Promise<() => Promise<string[]>> {
  const api = objectApi(access);
  const looked = stateObjects(deployment).filter(({ kind }) => !LEFT_OUT.includes(kind));
  const before = await Promise.all(looked.map(async (object) => ({ object, ...(await keep(api, object)) })));
  return async () => {
    const told = before.map(async ({ object, goes, tookBack }) => {
      const where = `${object.kind} ${object.metadata.name}`;
      const mended = tookBack.map(
        ({ path, by }) => `${path} of ${where}, written by ${by}, stood in the way of every update; it is the program's again.`,
      );
      if (goes.length === 0) return mended;
      const left = goingFrom(object, await readObject(api, headOf(object)));
      const went = goes.filter(({ path, by }) => !left.some((f) => f.path === path && f.by === by));
      const what = ({ next }: Field) => (next === "goes" ? "went" : "was set back");
      return [...mended, ...went.map((field) => `${field.path} of ${where}, written by ${field.by}, ${what(field)} with this update.`)];
    });
    return (await Promise.all(told)).flat();
  };
}

type Field = OthersFields["owned"][number];

const goingFrom = (object: StateObject, live: KubernetesObject | undefined): Field[] =>
  live === undefined ? [] : othersIn(object, entriesOf(live)).owned.filter((field) => field.next !== "stays");

/** What the next update of the object takes away, and what was taken back from others now. */
async function keep(api: KubernetesObjectApi, object: StateObject): Promise<{ goes: Field[]; tookBack: Field[] }> {
  for (let tries = 1; ; tries += 1) {
    const live = await readObject(api, headOf(object));
    const goes = goingFrom(object, live);
    if (live === undefined) return { goes, tookBack: [] };
    const kept = keptIn(entriesOf(live));
    const mixed = mixedIn(kept ?? entriesOf(live));
    const tookBack = mixed !== undefined && (await isRefused(api, object)) ? othersIn(object, mixed.taken).owned : [];
    const entries = tookBack.length > 0 ? mixed?.entries : kept;
    if (entries === undefined) return { goes, tookBack };
    const head = headOf(object);
    const { resourceVersion = "" } = live.metadata ?? {};
    const patch = { ...head, metadata: { ...head.metadata, resourceVersion, managedFields: entries } };
    try {
      await api.patch(patch as KubernetesObject, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
      return { goes, tookBack };
    } catch (error) {
      if (statusOf(error) !== 409 || tries === TRIES) throw error;
    }
  }
}

/**
 * What others wrote into a specification beside the program's own, and the owners once that is the program's: the next apply
 * removes it. The number of pods and what kubectl wrote is told apart elsewhere; undefined where there is nothing of it.
 */
export function mixedIn(entries: readonly Entry[]): { taken: Entry[]; entries: Entry[] } | undefined {
  const ours = entries.find(isOurs);
  if (ours === undefined) return undefined;
  const isTheirs = (entry: Entry) => entry.operation === "Update" && (entry.subresource ?? "") === "" && !isTaken(entry);
  const parts = entries.flatMap((entry) => {
    if (!isTheirs(entry)) return [];
    const kept = split(fieldsOf(entry), isKept);
    const { taken, rest } = split(kept.rest, (path) => path.length === 1 && path[0] === "f:spec");
    return isEmpty(without(taken, fieldsOf(ours))) ? [] : [{ entry, taken, rest: union(kept.taken, rest) }];
  });
  if (parts.length === 0) return undefined;
  const left = entries.flatMap((entry) => {
    const part = parts.find((p) => p.entry === entry);
    if (part !== undefined) return isEmpty(part.rest) ? [] : [{ ...entry, fieldsV1: part.rest }];
    return entry === ours ? [{ ...ours, fieldsV1: parts.reduce((all, p) => union(all, p.taken), fieldsOf(ours)) }] : [entry];
  });
  return { taken: [ours, ...parts.map((p) => ({ ...p.entry, fieldsV1: p.taken }))], entries: left };
}

/**
 * Whether the API server would refuse the object as the program last had it: a variable with a value of another's beside the
 * program's reference, a second port of one name. Force overwrites fields, and removes none.
 */
async function isRefused(api: KubernetesObjectApi, object: StateObject): Promise<boolean> {
  // What is sealed in the state cannot be sent.
  if (JSON.stringify(object.inputs).includes(SEALED)) return false;
  const applied = api.patch(object.inputs as KubernetesObject, undefined, "All", FIELD_MANAGER, true, PatchStrategy.ServerSideApply);
  return applied.then(
    () => false,
    (error: unknown) => statusOf(error) === 422,
  );
}
/** Key of a sealed value in an exported state. Source: sdk/go/common/resource/sig/sig.go of Pulumi. */
const SEALED = "4dabf18193072939515e22adb298388d";

/** The owners of an object with what is kept under names of their own; undefined where nothing is to be kept. */
export function keptIn(entries: readonly Entry[]): Entry[] | undefined {
  const found: Entry[] = [];
  const kept: Entry[] = [];
  for (const entry of entries) {
    const { taken, rest } = isTaken(entry) ? split(fieldsOf(entry), isKept) : { taken: {}, rest: fieldsOf(entry) };
    if (isEmpty(taken)) {
      found.push(entry);
      continue;
    }
    if (!isEmpty(rest)) found.push({ ...entry, fieldsV1: rest });
    kept.push({ ...entry, manager: `${KEPT}${entry.manager}`, fieldsV1: taken });
  }
  if (kept.length === 0) return undefined;
  for (const entry of kept) {
    const same = found.findIndex(
      (o) =>
        o.manager === entry.manager &&
        o.operation === entry.operation &&
        o.apiVersion === entry.apiVersion &&
        (o.subresource ?? "") === (entry.subresource ?? ""),
    );
    const before = found[same];
    if (before === undefined) found.push(entry);
    else found[same] = { ...entry, fieldsV1: union(fieldsOf(before), fieldsOf(entry)) };
  }
  return found;
}

/** What others wrote into the objects of an exported state. */
export async function othersFields(access: ClusterAccess, deployment: unknown): Promise<OthersFields[]> {
  const api = objectApi(access);
  const looked = stateObjects(deployment).filter(({ kind }) => !LEFT_OUT.includes(kind));
  const found = await Promise.all(
    looked.map(async (object) => {
      const live = await readObject(api, headOf(object));
      return live === undefined ? [] : [othersIn(object, entriesOf(live))];
    }),
  );
  return found.flat().filter(({ owned }) => owned.length > 0);
}

export function othersIn({ urn, type, metadata, inputs }: StateObject, entries: readonly Entry[]): OthersFields {
  const ours = entries.filter(isOurs).reduce<FieldSet>((all, entry) => union(all, fieldsOf(entry)), {});
  const others = entries.filter((entry) => !isOurs(entry) && entry.subresource !== "status");
  const owned = others.flatMap((entry) => {
    const by = (entry.manager ?? "").replace(KEPT, "");
    const alone = without(fieldsOf(entry), ours);
    const goes = isTaken(entry) ? split(alone, isKept).rest : {};
    const going = new Set(pathsOf(goes).map(pathText));
    return pathsOf(alone).flatMap((path): OthersFields["owned"] => {
      const text = pathText(path);
      if (namesOn(path).at(-1) === LAST_APPLIED) return [];
      const next = !going.has(text) ? "stays" : hasField(inputs, path) ? "set-back" : "goes";
      return [{ path: text, names: namesOn(path), element: !path.at(-1)?.startsWith("f:"), by, next }];
    });
  });
  return { urn, type, name: metadata.name, owned };
}
