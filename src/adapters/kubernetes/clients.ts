import {
  ApiException,
  AppsV1Api,
  AuthorizationV1Api,
  AutoscalingV2Api,
  BatchV1Api,
  CoreV1Api,
  CustomObjectsApi,
  createConfiguration,
  KubeConfig,
  NetworkingV1Api,
  ServerConfiguration,
  Watch,
} from "@kubernetes/client-node";
import { CutoverError, Terminal, Transient, UserError } from "../../errors.js";
import { orderSignal } from "../order.js";
import { callOf, watched } from "./calls.js";

/** Longest that the API server may take for an answer, in milliseconds; watches have deadlines of their own. */
const DEADLINE_MS = 30_000;

export interface ClusterAccess {
  /** Path of a kubeconfig. @default KUBECONFIG, ~/.kube/config, or the pod's own account */
  kubeconfig?: string | undefined;
  /** Context in it. @default its current one */
  context?: string | undefined;
  /** @default 30 000 */
  deadlineMs?: number;
}

/** The parts of the API that are used. */
export interface ClusterClients {
  core: CoreV1Api;
  apps: AppsV1Api;
  batch: BatchV1Api;
  autoscaling: AutoscalingV2Api;
  networking: NetworkingV1Api;
  authorization: AuthorizationV1Api;
  custom: CustomObjectsApi;
  watch: Pick<Watch, "watch">;
  /** What was asked of the API server, as rules of RBAC have it; see `callOf`. */
  calls: ReadonlySet<string>;
  /** Host of the API server, for messages. */
  server: string;
}

/**
 * How the API server is asked: where, as whom, and within which time.
 * @throws UserError when the context does not exist
 */
export function settingsOf({ kubeconfig, context }: ClusterAccess, deadlineMs: number) {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) {
    const names = config.getContexts().map((c) => c.name);
    if (!names.includes(context))
      throw new UserError({ path: "context", got: context, accepted: `one of ${names.join(", ") || "none in that kubeconfig"}` });
    config.setCurrentContext(context);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new UserError({ path: "kubeconfig", accepted: "one whose context names a cluster" });
  const calls = new Set<string>();
  const settings = createConfiguration({
    baseServer: new ServerConfiguration(server, {}),
    authMethods: { default: config },
    promiseMiddleware: [watched(calls, deadlineMs)],
  });
  return { config, server, calls, settings };
}

/** @throws UserError when the context does not exist */
export function clusterClients(access: ClusterAccess = {}): ClusterClients {
  const { config, server, calls, settings } = settingsOf(access, access.deadlineMs ?? DEADLINE_MS);
  const watch = new Watch(config);
  return {
    core: new CoreV1Api(settings),
    apps: new AppsV1Api(settings),
    batch: new BatchV1Api(settings),
    autoscaling: new AutoscalingV2Api(settings),
    networking: new NetworkingV1Api(settings),
    authorization: new AuthorizationV1Api(settings),
    custom: new CustomObjectsApi(settings),
    watch: {
      watch: (path, ...rest) => {
        calls.add(callOf("GET", `${server}${path}?watch=true`));
        return watch.watch(path, ...rest);
      },
    },
    calls,
    server,
  };
}

/** The answer's status, when it is one of the API server's. */
export const statusOf = (error: unknown): number | undefined => (error instanceof ApiException ? error.code : undefined);

/** Runs a call whose "it is not there" is an answer. Other errors become ours, naming what was asked. */
export async function found<T>(what: string, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw described(error, what);
  }
}

/** @throws Terminal or Transient naming what was asked */
export async function asked<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw described(error, what);
  }
}

export function described(error: unknown, what: string): Error {
  const signal = orderSignal();
  if (signal?.aborted === true && signal.reason instanceof Error) return signal.reason;
  if (error instanceof CutoverError) return error;
  const status = statusOf(error);
  const message = messageOf(error);
  if (status === 401 || status === 403)
    return new Terminal(`The cluster does not allow it to ${what}: ${message}`, {
      cause: error,
      next: "Allow it in the role of deploy/kubernetes-rbac.yaml.",
    });
  const passing = status === undefined || status === 429 || status >= 500;
  return passing
    ? new Transient(`The cluster could not ${what}: ${message}`, { cause: error })
    : new Terminal(`The cluster refused to ${what}: ${message}`, { cause: error });
}

/** The API server's own sentence, from its Status object. */
function messageOf(error: unknown): string {
  if (!(error instanceof ApiException)) return (error as Error).message;
  try {
    return (JSON.parse(String(error.body)) as { message?: string }).message ?? error.message;
  } catch {
    return `status ${error.code}`;
  }
}
