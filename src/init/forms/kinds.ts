import { basename, dirname } from "node:path";
import { parseDocument } from "yaml";
import { printable, UserError } from "../../errors.js";
import { ACCEPTED, type GivenFile } from "./given.js";
import { isTree, MOST_ALIASES, shown } from "./yamlText.js";

export const KINDS = ["compose", "procfile", "systemd", "helm"] as const;
export type Kind = (typeof KINDS)[number];

/** Keys by which a chart's values are known: those of `helm create` and of the usual charts. */
const HELM_KEYS = [
  "replicaCount",
  "image",
  "service",
  "ingress",
  "resources",
  "fullnameOverride",
  "nameOverride",
  "imagePullSecrets",
  "serviceAccount",
  "podAnnotations",
  "nodeSelector",
  "tolerations",
  "affinity",
  "autoscaling",
  "persistence",
  "livenessProbe",
  "readinessProbe",
  "global",
];
/** What begins with these is YAML, and no command. */
const PROCFILE_LINE = /^[A-Za-z0-9_-]+:\s*[^\s[{&*|>!]/;
const PROCESS_TYPES = /^(web|worker|release|clock):/m;

/** `compose=FILE`: what a file is, where nothing in it says so. */
export function kindGiven(text: string): { path: string; kind?: Kind } {
  const [, kind = "", path = ""] = /^([a-z]+)=(.+)$/s.exec(text) ?? [];
  return KINDS.includes(kind as Kind) ? { path, kind: kind as Kind } : { path: text };
}

/** What a file is, by what it says; its name counts where that is not enough. @throws UserError for what is none of them, or may be two */
export function kindOf({ path, text }: GivenFile): Kind {
  const name = basename(path);
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^[#;]/.test(line));
  const isDropIn = basename(dirname(path)).endsWith(".d");
  if (/^\[(Unit|Service|Timer|Install|Socket|Path|Mount)\]$/.test(lines[0] ?? "") || (isDropIn && /^\[\w+\]$/.test(lines[0] ?? "")))
    return "systemd";
  const isProcfile = lines.length > 0 && lines.every((line) => PROCFILE_LINE.test(line)) && !/^[ \t]+\S/m.test(text);
  if (isProcfile && (/^procfile/i.test(name) || PROCESS_TYPES.test(text))) return "procfile";
  const value = mapIn(text);
  return (value === undefined ? undefined : kindOfMap(value, path, isProcfile)) ?? kindOfName(name) ?? refuse(path, lines[0] ?? "");
}

/** What a map is, by its keys. */
function kindOfMap(map: Record<string, unknown>, path: string, isProcfile: boolean): Kind | undefined {
  const refuse = (got: string, accepted: string): never => {
    throw new UserError({ path, got, accepted });
  };
  const isHelm = HELM_KEYS.some((key) => key in map);
  // A chart may have values called services.
  if (("services" in map && !(isHelm && !hasMaps(map.services))) || "include" in map) return "compose";
  if ("apiVersion" in map && "kind" in map)
    return refuse(`a Kubernetes object (kind ${printable(map.kind)})`, `${ACCEPTED}: of a chart, its values.yaml`);
  if ("apiVersion" in map && "version" in map) return refuse("a chart's own description", `${ACCEPTED}: the chart's values.yaml beside it`);
  if (isHelm) return "helm";
  const isService = (value: unknown): boolean =>
    typeof value === "object" && value !== null && !Array.isArray(value) && ("image" in value || "build" in value);
  if (Object.values(map).length > 0 && Object.values(map).every(isService))
    return refuse("a compose file of version 1, without a key services", "the same below a key services, which Compose asks for too");
  const byName = kindOfName(basename(path));
  if (byName !== undefined) return byName;
  if (isProcfile)
    return refuse("lines that a Procfile and a chart's values may both have", `its kind with its name: procfile=${path} or helm=${path}`);
  return refuse(`a map with the keys ${Object.keys(map).slice(0, 8).join(", ")}`, otherwise(path));
}

const hasMaps = (value: unknown): boolean => isTree(value) && Object.values(value).every(isTree);

/** Names that only one kind has. */
const NAMES: [RegExp, Kind][] = [
  [/^procfile/i, "procfile"],
  [/\.(service|timer)$/, "systemd"],
  [/^values[\w.-]*\.ya?ml$/i, "helm"],
  [/compose[\w.-]*\.(ya?ml|json)$/i, "compose"],
];
const kindOfName = (name: string): Kind | undefined => NAMES.find(([is]) => is.test(name))?.[1];

const otherwise = (path: string): string =>
  `${ACCEPTED}; where it is one of them, its kind with its name: ${KINDS.map((kind) => `${kind}=${path}`).join(", ")}`;

function refuse(path: string, line: string): never {
  if (line.includes(",") && !/[:=[{]/.test(line))
    throw new UserError({ path, got: "a table", accepted: `${ACCEPTED}; an inventory without --from` });
  throw new UserError({ path, got: shown(line), accepted: otherwise(path) });
}

/** The map of a file that is one, be it broken further down: its reader says where. */
function mapIn(text: string): Record<string, unknown> | undefined {
  try {
    const document = parseDocument(text, { logLevel: "error" });
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    return isTree(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
