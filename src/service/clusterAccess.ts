import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type RawConfig, writeAtomically } from "../config/stackFile.js";
import type { TargetConfig } from "../config/targets.js";
import { printable, UserError } from "../errors.js";

type Access = TargetConfig["cluster"];

/**
 * The cluster that the service looks at, which is the one that the engine changes: what targets.yaml says, and what the stack's
 * own file tells the engine's provider where targets.yaml says nothing.
 * @throws UserError where the two mean different clusters
 */
export function clusterAccess(raw: RawConfig, target: Access, file: string): Access {
  const told = (key: "context" | "kubeconfig"): string | undefined => {
    const value = raw[`kubernetes:${key}`];
    if (value === undefined) return target[key];
    const isText = typeof value === "string" && !value.includes("\n") && !value.trim().startsWith("{");
    if (isText && (target[key] ?? value) === value) return value;
    const accepted =
      target[key] === undefined ? "a file's path, which the service can read too" : `nothing, or ${target[key]} as targets.yaml says`;
    throw new UserError(
      { path: `${file}: kubernetes:${key}`, got: isText ? printable(value) : "(hidden)", accepted },
      { next: `Remove it, and name the cluster in targets.yaml (cluster.${key}): the engine gets it from there.` },
    );
  };
  if (raw["kubernetes:cluster"] !== undefined)
    throw new UserError(
      {
        path: `${file}: kubernetes:cluster`,
        got: "another cluster than the context's",
        accepted: "nothing: the service would look at the context's own",
      },
      { next: "Remove it, and name a context of that cluster in targets.yaml (cluster.context)." },
    );
  const [kubeconfig, context] = [told("kubeconfig"), told("context")];
  return { ...(kubeconfig === undefined ? {} : { kubeconfig }), ...(context === undefined ? {} : { context }) };
}

/**
 * What leads the engine's provider to that cluster. A context is named by a file of its own in front of the others: the first
 * that names one counts, for every client of Kubernetes.
 * @param folder for that file
 */
export async function clusterEnvironment({ kubeconfig, context }: Access, folder: string): Promise<Record<string, string>> {
  if (context === undefined) return kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig };
  const file = join(folder, `context-${context.replaceAll(/[^A-Za-z0-9.-]/g, "_")}.json`);
  await mkdir(folder, { recursive: true });
  await writeAtomically(file, JSON.stringify({ apiVersion: "v1", kind: "Config", "current-context": context }));
  const others = kubeconfig ?? process.env.KUBECONFIG ?? join(homedir(), ".kube", "config");
  return { KUBECONFIG: [file, others].join(delimiter) };
}
