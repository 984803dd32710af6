/** What names an object of the API server. */
export interface Head {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
}

/** A Kubernetes object of an exported state. */
export interface StateObject extends Head {
  urn: string;
  type: string;
  /** Name under which it was applied last. */
  manager: string | undefined;
  /** As the program registered it; secrets sealed. */
  inputs: Record<string, unknown>;
}

/** A resource of an exported state, as far as it is looked at here. */
interface Resource {
  urn?: string;
  type?: string;
  inputs?: Record<string, unknown>;
  outputs?: { __fieldManager?: unknown; apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown; namespace?: unknown } };
}

/** The objects that a stack has in its cluster, by its exported state. */
export function stateObjects(deployment: unknown): StateObject[] {
  const { resources = [] } = (deployment ?? {}) as { resources?: Resource[] };
  return resources.flatMap(({ urn = "", type = "", inputs = {}, outputs = {} }) => {
    const { __fieldManager: manager, apiVersion, kind, metadata } = outputs;
    const { name, namespace = "" } = metadata ?? {};
    // Helm's releases are no objects.
    if (!type.startsWith("kubernetes:") || typeof apiVersion !== "string" || typeof kind !== "string" || typeof name !== "string")
      return [];
    const named = typeof manager === "string" ? manager : undefined;
    return [{ apiVersion, kind, metadata: { name, namespace: String(namespace) }, urn, type, inputs, manager: named }];
  });
}

export const headOf = ({ apiVersion, kind, metadata: { name, namespace } }: Head): Head => ({
  apiVersion,
  kind,
  metadata: { name, namespace },
});
