import { basename, dirname } from "node:path";
import { parseDocument } from "yaml";
import { printable, UserError } from "../../errors.js";
import { ACCEPTED, type GivenFile } from "./given.js";

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
const PROCFILE_LINE = /^[A-Za-z0-9_-]+:\s*\S/;
const PROCESS_TYPES = /^(web|worker|release|clock):/m;

/** `compose=FILE`: what a file is, where nothing in it says so. */
export function kindGiven(text: string): { path: string; kind?: Kind } {
  const [, kind = "", path = ""] = /^([a-z]+)=(.+)$/s.exec(text) ?? [];
  return KINDS.includes(kind as Kind) ? { path, kind: kind as Kind } : { path: text };
}

/** What a file is, by what it says; its name counts where that is not enough. @throws UserError for what is none of them, or may be two */
export function kindOf({ path, text }: GivenFile): Kind {
  const refuse = (got: string, accepted: string): UserError => new UserError({ path, got, accepted });
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^[#;]/.test(line));
  if (/^\[(Unit|Service|Timer|Install|Socket|Path|Mount)\]$/.test(lines[0] ?? "")) return "systemd";
  if (basename(dirname(path)).endsWith(".d") && /^\[\w+\]$/.test(lines[0] ?? "")) return "systemd";
  const isProcfile = lines.length > 0 && lines.every((line) => PROCFILE_LINE.test(line)) && !/^\s+\S/m.test(text);
  const name = basename(path);
  if (isProcfile && (/^procfile/i.test(name) || PROCESS_TYPES.test(text))) return "procfile";
  const value: unknown = toJs(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const map = value as Record<string, unknown>;
    if ("services" in map || "include" in map) return "compose";
    if ("apiVersion" in map && "kind" in map)
      throw refuse(`a Kubernetes object (kind ${printable(map.kind)})`, `${ACCEPTED}: of a chart, its values.yaml`);
    if ("apiVersion" in map && "version" in map)
      throw refuse("a chart's own description", `${ACCEPTED}: the chart's values.yaml beside it`);
    const services = Object.values(map).filter(
      (v) => typeof v === "object" && v !== null && !Array.isArray(v) && ("image" in v || "build" in v) && !("repository" in v),
    );
    if (services.length > 0 && services.length === Object.keys(map).length && !HELM_KEYS.some((key) => key in map))
      throw refuse("a compose file of version 1, without a key services", "the same below a key services, which Compose asks for too");
    if (isProcfile && !HELM_KEYS.some((key) => key in map)) {
      if (/^values/i.test(name)) return "helm";
      throw refuse("lines that a Procfile and a chart's values may both have", `its kind with its name: procfile=${path} or helm=${path}`);
    }
    if (HELM_KEYS.some((key) => key in map) || /^values[\w.-]*\.ya?ml$/i.test(name)) return "helm";
    throw refuse(
      `a map with the keys ${Object.keys(map).slice(0, 8).join(", ")}`,
      `${ACCEPTED}; where it is one of them, its kind with its name: ${KINDS.join("=, ")}=${path}`,
    );
  }
  if (/(compose|values)[\w.-]*\.(ya?ml|json)$/i.test(name)) return /values/i.test(name) ? "helm" : "compose";
  if (isProcfile) return "procfile";
  if (lines[0]?.includes(",") && !/[:=[{]/.test(lines[0])) throw refuse("a table", `${ACCEPTED}; an inventory without --from`);
  throw refuse(printable(lines[0] ?? ""), `${ACCEPTED}; where it is one of them, its kind with its name: ${KINDS.join("=, ")}=${path}`);
}

/** What is broken is told by the reader of its kind. */
function toJs(text: string): unknown {
  try {
    const document = parseDocument(text, { logLevel: "silent" });
    return document.errors.length > 0 && document.contents === null ? undefined : document.toJS({ maxAliasCount: 1_000 });
  } catch {
    return undefined;
  }
}
