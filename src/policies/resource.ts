export type Properties = Record<string, unknown>;

/** Stands for a value that is known only after another resource exists. */
export const UNKNOWN = Symbol("unknown");
/** Stands for a secret: that it is one is all a check may know. */
export const SEALED = Symbol("secret");

export const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

/** The value at a dotted path; UNKNOWN when anything on the way is. */
export function atOnce(root: unknown, path: string): unknown {
  let at: unknown = root;
  for (const key of path.split(".")) {
    if (at === UNKNOWN) return UNKNOWN;
    at = (at as Properties | undefined | null)?.[key];
  }
  return at ?? undefined;
}

export interface ContainerAt {
  /** Path of the container in the resource. */
  path: string;
  container: Properties;
  pod: Properties;
  podPath: string;
}

/** The containers of whatever holds a pod: a Pod, or anything with a pod template (Deployment, Job, Rollout, CronJob). */
export function containersOf(props: Properties): ContainerAt[] {
  const pods: [string, unknown][] = [
    ["spec.jobTemplate.spec.template.spec", atOnce(props, "spec.jobTemplate.spec.template.spec")],
    ["spec.template.spec", atOnce(props, "spec.template.spec")],
    ["spec", atOnce(props, "spec")],
  ];
  const found = pods.find(([, pod]) => Array.isArray((pod as Properties | undefined)?.containers));
  if (found === undefined) return [];
  const [podPath, value] = found;
  const pod = value as Properties;
  return ["initContainers", "containers"].flatMap((list) =>
    ((pod[list] ?? []) as Properties[]).map((container, i) => ({ path: `${podPath}.${list}[${i}]`, container, pod, podPath })),
  );
}
