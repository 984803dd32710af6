import { ApiException, KubeConfig, type KubernetesObject, KubernetesObjectApi, PatchStrategy } from "@kubernetes/client-node";
import { type FieldSet, union } from "../adapters/kubernetes/fieldSets.js";
import { isSeen } from "../adapters/kubernetes/objectApi.js";
import type { Properties, ResourceRef, SandboxBackend } from "./backend.js";

/** How long an object may take to be ready, or to be gone. */
const READY_MS = 120_000;
const POLL_MS = 200;
/** The name of whoever applies, in the objects' managed fields, where the object says none. */
const MANAGER = "pulumi-kubernetes";
/** Managers whose fields the real provider makes its own before it updates; see src/adapters/kubernetes/others.ts. */
const TAKEN = "kubectl";

interface Condition {
  type: string;
  status: string;
}
interface Observed extends KubernetesObject {
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number | string;
    availableReplicas?: number;
    updatedReplicas?: number;
    replicas?: number;
    conditions?: Condition[];
  };
}

/**
 * Puts a real API server behind a sandbox's Kubernetes resources: each is applied server-side and strictly there first,
 * awaited until it is ready, and deleted with its finalizers; what the API server refuses, the provider refuses, and so
 * does a field that another manager owns, unless the object says that it is to be forced. The
 * rest of the world stays simulated, also what a load balancer's controller would write into an Ingress.
 */
export function onCluster(inner: SandboxBackend, kubeconfig: string): SandboxBackend {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const api = KubernetesObjectApi.makeApiClient(config);
  const isObject = ({ type }: ResourceRef) => type.startsWith("kubernetes:") && !type.startsWith("kubernetes:helm.sh");
  return {
    create: async (ref, inputs) => {
      if (isObject(ref)) await apply(api, inputs);
      return inner.create(ref, inputs);
    },
    read: (ref, id) => inner.read(ref, id),
    update: async (ref, id, olds, news) => {
      if (isObject(ref)) {
        await takeOver(api, news);
        await apply(api, await withoutIgnored(api, news, ref.ignoreChanges ?? []));
      }
      return inner.update(ref, id, olds, news);
    },
    delete: async (ref, id, state) => {
      if (isObject(ref)) await remove(api, state);
      return inner.delete(ref, id, state);
    },
  };
}

const objectOf = (inputs: Properties) => inputs as unknown as KubernetesObject & { metadata: { name: string; namespace?: string } };
const headOf = (inputs: Properties) => {
  const { apiVersion, kind, metadata } = objectOf(inputs);
  const { name, namespace } = metadata;
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } } as ReturnType<typeof objectOf>;
};

async function apply(api: KubernetesObjectApi, inputs: Properties): Promise<void> {
  const what = `${inputs.kind} ${headOf(inputs).metadata.name}`;
  try {
    await api.patch(objectOf(inputs), undefined, undefined, managerOf(inputs), isForced(inputs), PatchStrategy.ServerSideApply);
  } catch (error) {
    const conflicts = error instanceof ApiException && error.code === 409;
    const problem = conflicts ? `that ${what} has a field conflict` : `that ${what} is invalid`;
    throw new Error(`the Kubernetes API server reported ${problem}: ${messageOf(error)}`, { cause: error });
  }
  await until(`${what} to be ready`, async () => ready((await api.read(headOf(inputs))) as Observed));
}

const managerOf = (inputs: Properties): string => objectOf(inputs).metadata.annotations?.["pulumi.com/patchFieldManager"] ?? MANAGER;
const isForced = (inputs: Properties): boolean => objectOf(inputs).metadata.annotations?.["pulumi.com/patchForce"] === "true";

/** As the real provider does it: what kubectl wrote becomes the engine's, so that the next apply removes what the program does not name. */
async function takeOver(api: KubernetesObjectApi, inputs: Properties): Promise<void> {
  const live = (await api.read(headOf(inputs)).catch(() => undefined)) as KubernetesObject | undefined;
  const owners = live?.metadata?.managedFields ?? [];
  const isTaken = (o: (typeof owners)[number]) => (o.subresource ?? "") === "" && (o.manager ?? "").startsWith(TAKEN);
  const own = owners.find((o) => o.manager === managerOf(inputs) && o.operation === "Apply");
  const taken = owners.filter(isTaken);
  if (own === undefined || taken.length === 0) return;
  const fieldsV1 = [own, ...taken].reduce<FieldSet>((all, o) => union(all, (o.fieldsV1 ?? {}) as FieldSet), {});
  const managedFields = [...owners.filter((o) => o !== own && !isTaken(o)), { ...own, fieldsV1 }];
  const head = headOf(inputs);
  const patch = { ...head, metadata: { ...head.metadata, managedFields } };
  await api.patch(patch, undefined, undefined, undefined, undefined, PatchStrategy.MergePatch);
}

/** As the real provider does it: what the program ignores and only others own is not sent; of the rest, what stands there. */
async function withoutIgnored(api: KubernetesObjectApi, inputs: Properties, ignored: readonly string[]): Promise<Properties> {
  // It knows no keys that hold dots.
  const paths = ignored.filter((path) => !path.includes("[")).map((path) => path.split("."));
  if (paths.length === 0) return inputs;
  const live = (await api.read(headOf(inputs))) as KubernetesObject & Properties;
  const owners = live.metadata?.managedFields ?? [];
  const sent = structuredClone(inputs);
  for (const path of paths) {
    const fields = path.map((part) => `f:${part}`);
    const by = owners.filter((o) => at(o.fieldsV1, fields) !== undefined).map((o) => o.manager);
    const parent = at(sent, path.slice(0, -1)) as Properties | undefined;
    const [last = ""] = path.slice(-1);
    if (parent === undefined) continue;
    if (by.length > 0 && !by.includes(managerOf(inputs))) delete parent[last];
    else if (at(live, path) !== undefined) parent[last] = at(live, path);
  }
  return sent;
}

const at = (object: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, part) => (inner as Properties | undefined)?.[part], object);

/** As the real provider awaits: Deployments until all pods are available; of a Rollout it only knows that it is there. */
function ready(object: Observed): boolean {
  const { kind, spec, status } = object;
  if (kind !== "Deployment") return true;
  const wanted = spec?.replicas ?? 1;
  return isSeen(object) && status?.updatedReplicas === wanted && status.availableReplicas === wanted && status.replicas === wanted;
}

async function remove(api: KubernetesObjectApi, state: Properties): Promise<void> {
  const head = headOf(state);
  const gone = (error: unknown): boolean => error instanceof ApiException && error.code === 404;
  await api.delete(head, undefined, undefined, undefined, undefined, "Foreground").catch((error: unknown) => {
    if (!gone(error)) throw new Error(`${head.kind} ${head.metadata.name} could not be deleted: ${messageOf(error)}`, { cause: error });
  });
  await until(`${head.kind} ${head.metadata.name} to be gone`, () =>
    api.read(head).then(
      () => false,
      (error: unknown) => {
        if (gone(error)) return true;
        throw error;
      },
    ),
  );
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_MS;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`waited ${READY_MS / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof ApiException)) return (error as Error).message;
  try {
    return (JSON.parse(String(error.body)) as { message?: string }).message ?? error.message;
  } catch {
    return error.message;
  }
}
