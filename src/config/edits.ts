import { canonical, configDigest, isPlainMap, type RawConfig, withoutSecrets } from "./rawConfig.js";

/** One value that somebody changed in a stack's config: its keys from the outside in. Without a value it is removed. */
export interface Edit {
  path: string[];
  value?: unknown;
}

const PREFIX = "cutover:";

/** What the migration's own steps set, by dotted path: nobody else does. `workload.image` is set by both. */
const OF_STEPS = [
  "workload.deployed",
  "database.role",
  "database.active",
  "strategy.green",
  "strategy.greenWeight",
  "strategy.blue",
  "strategy.workload",
  "strategy.pingPong",
  "strategy.rolloutWeight",
  "database.target.oldSide.closed",
  "dns.records",
  "dns.weights",
  "dns.ttlSeconds",
  "traffic.records",
  "traffic.weights",
  "handover.workers",
  "handover.once",
  "verification.synthetic",
  "cluster.argoRollouts",
  "cluster.vpa",
  "alerts.enabled",
  "autoscaling.hpa.enabled",
  "autoscaling.vpa.enabled",
  "spot.enabled",
];

/** The user's own part: what runs, and how. All else decides where the migration goes and what protects it. */
const OF_THE_USER = [
  "workload",
  "strategy.image",
  "strategy.replicas",
  "identity",
  "ingress",
  "autoscaling",
  "alerts",
  "spot",
  "tags",
  "verification",
  "secrets",
  "database.target.instanceClass",
  "database.target.multiAz",
  "database.backup",
  "database.maintenanceWindow",
  "cluster.argoRolloutsVersion",
  "cluster.vpaChartVersion",
];

/** Names and keys of things that stand: another value is another thing. */
const IDENTITY = ["ingress.host", "application", "database.source", "database.target.identifier", "database.target.vpcId"];

const under = (path: string, prefixes: readonly string[]): boolean => prefixes.some((p) => path === p || path.startsWith(`${p}.`));

/** As messages show it: `workload.image`. */
export const nameOfEdit = ({ path: [section = "", ...rest] }: Edit): string =>
  [section.startsWith(PREFIX) ? section.slice(PREFIX.length) : section, ...rest].join(".");

/** Whether the migration's steps set it. */
export const isOfSteps = (edit: Edit): boolean => under(nameOfEdit(edit), OF_STEPS);

/** Why a person cannot change a value by an edit; undefined where they can. @param tunable paths that `cutover tune` changes */
export function whyNotEditable(edit: Edit, tunable: readonly string[]): string | undefined {
  const name = nameOfEdit(edit);
  if (isOfSteps(edit)) return "a value that the migration's own steps set: advance or go back";
  if (under(name, tunable)) return "a value that `cutover tune` changes";
  if (under(name, IDENTITY)) return "a name of something that stands: it stays for the whole migration";
  if (edit.path[0]?.startsWith(PREFIX) === true && !under(name, OF_THE_USER))
    return "a value that decides where the migration goes and what protects it: it stays until the migration has ended";
  return undefined;
}

/** What differs, value by value; lists are one value. */
export function editsOf(before: RawConfig, after: RawConfig): Edit[] {
  const edits: Edit[] = [];
  const walk = (path: string[], was: unknown, is: unknown): void => {
    if (canonical(was ?? null) === canonical(is ?? null)) return;
    const [a, b] = [was ?? (isPlainMap(is) ? {} : was), is ?? (isPlainMap(was) ? {} : is)];
    if (isPlainMap(a) && isPlainMap(b))
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk([...path, key], a[key], b[key]);
    else edits.push(is === undefined ? { path } : { path, value: is });
  };
  walk([], before, after);
  return edits.sort((a, b) => (nameOfEdit(a) < nameOfEdit(b) ? -1 : 1));
}

/** The config with these edits; the given one stays as it was. */
export function withEdits(raw: RawConfig, edits: readonly Edit[]): RawConfig {
  const next = structuredClone(raw);
  for (const { path, value } of edits) {
    if (value === undefined) remove(next, path);
    else set(next, path, value);
  }
  return next;
}

function set(map: Record<string, unknown>, [key = "", ...rest]: string[], value: unknown): void {
  if (rest.length === 0) map[key] = value;
  else {
    if (!isPlainMap(map[key])) map[key] = {};
    set(map[key] as Record<string, unknown>, rest, value);
  }
}

/** With the maps that are empty without it. */
function remove(map: Record<string, unknown>, [key = "", ...rest]: string[]): void {
  const inner = map[key];
  if (rest.length > 0 && isPlainMap(inner)) remove(inner, rest);
  if (rest.length === 0 || (isPlainMap(inner) && Object.keys(inner).length === 0)) delete map[key];
}

/** Weighs more than any number of the user's own values: what steps set tells which config a file was written from. */
const STEP_WEIGHT = 1_000;

/**
 * What somebody changed in a stack's file, and no config that cutover wrote has: against the one that the file comes nearest to.
 * A working copy that another process has left behind is one of those, and has no edits. Ciphertexts are no part of it.
 * @param known configs that cutover wrote or was about to write, newest first
 */
export function editsIn(file: RawConfig, known: readonly RawConfig[]): Edit[] {
  const own = withoutSecrets(file);
  let [nearest, distance]: [Edit[], number] = [[], Number.POSITIVE_INFINITY];
  for (const raw of known) {
    const edits = editsOf(withoutSecrets(raw), own);
    const weight = edits.reduce((sum, e) => sum + (isOfSteps(e) ? STEP_WEIGHT : 1), 0);
    if (weight < distance) [nearest, distance] = [edits, weight];
  }
  return nearest;
}

/** What the file is to be when a config is applied: with what somebody changed meanwhile, but for what only steps set. */
export const keepingEdits = (config: RawConfig, file: RawConfig, known: readonly RawConfig[]): RawConfig =>
  withEdits(
    config,
    editsIn(file, known).filter((e) => !isOfSteps(e)),
  );

/** Names the edits of a file, so that exactly those are taken which a person saw. */
export const editsDigest = (edits: readonly Edit[]): string => configDigest({ edits });
