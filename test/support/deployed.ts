import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { projectRoot } from "../../src/engine/engine.js";
import type { KubernetesManifest } from "./cluster.js";

interface Rules {
  kind: string;
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** The objects of a manifest under deploy/. */
export async function deployed(file: string): Promise<KubernetesManifest[]> {
  const documents = parseAllDocuments(await readFile(join(projectRoot(), "deploy", file), "utf8"));
  return documents.map((d) => d.toJS() as KubernetesManifest);
}

/** What roles allow, right by right, sorted: `get apps/deployments`, `list /nodes in the cluster`. */
export function rightsIn(objects: KubernetesManifest[]): string[] {
  const rights = (objects as (KubernetesManifest & Rules)[]).flatMap(({ kind, rules = [] }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((r) => verbs.map((verb) => `${verb} ${group}/${r}${kind === "ClusterRole" ? " in the cluster" : ""}`)),
      ),
    ),
  );
  return rights.sort();
}
