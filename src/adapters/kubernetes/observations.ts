import {
  onceIsNew,
  processName,
  replicasOnNew,
  schedulesOf,
  servicesOf,
  singletonsOf,
  WEB,
  webReplicas,
  workersOf,
  workersOnNew,
} from "../../config/processes.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { known, type ObservationName, type Reading, unknown } from "../../ports/observations.js";
import { type ClusterClients, found } from "./clients.js";
import { isSeen } from "./objectApi.js";
import { runningOnce } from "./once.js";
import { rolloutOf } from "./rollouts.js";

/** Label of an application's Spot nodes; see SpotNodeGroup. */
const SPOT = "cutover.dev/spot";

type Ask = (clients: ClusterClients, config: StackConfig) => Promise<Reading>;

const READINGS = {
  "pods-ready": allReady,
  "workers-ready": async (clients, config) => {
    const workers = workersOf(config);
    if (workers.length === 0) return unknown("no process is a worker");
    return leastOf(await Promise.all(workers.map(([name]) => processReady(clients, config, name))));
  },
  "once-ready": onceReady,
  "new-once-running": async (clients, config) => {
    const running = await runningOnce(clients, config);
    return known(running.length, running.join(", "));
  },
  "green-ready": (clients, config) => deploymentReady(clients, config, "-green"),
  "rollout-healthy": rolloutHealthy,
  "rollout-weight": async (clients, config) => {
    const rollout = await rolloutOf(clients, namespaceOf(config), config.application.name);
    const weight = rollout?.status?.canary?.weights?.canary.weight;
    return weight === undefined ? unknown("the Rollout shows no weight") : known(weight);
  },
  "hpa-active": hpaActive,
  "spot-nodes-ready": spotNodes,
} satisfies Partial<Record<ObservationName, Ask>>;

export type ClusterReading = keyof typeof READINGS;
export const CLUSTER_READINGS = Object.keys(READINGS) as ClusterReading[];

/** What the cluster itself answers. Never throws: a cluster that fails is unknown. */
export const clusterObservation = (clients: ClusterClients, config: StackConfig, name: ClusterReading): Promise<Reading> =>
  (READINGS[name] as Ask)(clients, config).catch((error: Error) => unknown(error.message));

/** Of all that is to run on the new side now: the least. */
async function allReady(clients: ClusterClients, config: StackConfig): Promise<Reading> {
  const beside = [...servicesOf(config), ...workersOf(config), ...(onceIsNew(config) ? singletonsOf(config) : [])];
  const web = config.workload.web ? [carrierReady(clients, config)] : [];
  return leastOf(await Promise.all([...web, ...beside.map(([name]) => processReady(clients, config, name))]));
}

const leastOf = (all: Reading[]): Reading =>
  all.find((r) => !r.known) ?? known(Math.min(1, ...all.flatMap((r) => (r.known ? [r.value] : []))));

/** As many as the config wants, and not only as many as the cluster was told of last. */
async function processReady(clients: ClusterClients, config: StackConfig, name: string): Promise<Reading> {
  if (name === WEB) return carrierReady(clients, config);
  const process = config.processes[name];
  const share = process?.kind === "worker" ? replicasOnNew(process.replicas, workersOnNew(config)) : undefined;
  const wanted = process?.kind === "singleton" ? 1 : share;
  return deploymentReady(clients, config, `-${name}`, wanted);
}

async function onceReady(clients: ClusterClients, config: StackConfig): Promise<Reading> {
  const namespace = namespaceOf(config);
  const cronJobs = schedulesOf(config).map(async ([process]) => {
    const name = processName(config.application.name, process);
    const cronJob = await found(`read the CronJob ${namespace}/${name}`, clients.batch.readNamespacedCronJob({ name, namespace }));
    return known(cronJob !== undefined && cronJob.spec?.suspend !== true ? 1 : 0);
  });
  const all = await Promise.all([...cronJobs, ...singletonsOf(config).map(([name]) => processReady(clients, config, name))]);
  if (all.length === 0) return unknown("nothing of it may run once");
  const ready = all.reduce((sum, r) => sum + (r.known ? r.value : 0), 0);
  return all.find((r) => !r.known) ?? known(ready / all.length);
}

/** What runs the application's pods now. */
function carrierReady(clients: ClusterClients, config: StackConfig): Promise<Reading> {
  const { strategy } = config;
  if (strategy.kind === "canary" && strategy.workload === "rollout") return rolloutReady(clients, config);
  const wanted = config.workload.once ? webReplicas(config) : undefined;
  return deploymentReady(clients, config, strategy.kind !== "blue-green" ? "" : strategy.blue ? "-blue" : "-green", wanted);
}

async function deploymentReady(
  { apps }: ClusterClients,
  config: StackConfig,
  suffix: string,
  asked?: number | undefined,
): Promise<Reading> {
  const name = `${config.application.name}${suffix}`;
  const namespace = namespaceOf(config);
  const deployment = await found(`read the Deployment ${namespace}/${name}`, apps.readNamespacedDeployment({ name, namespace }));
  if (deployment === undefined) return known(0);
  const { spec, status } = deployment;
  if (!isSeen(deployment)) return known(0);
  const wanted = spec?.replicas ?? 1;
  if (asked !== undefined && asked !== wanted) return known(0);
  const ready = Math.min(status?.readyReplicas ?? 0, status?.updatedReplicas ?? 0);
  return known(wanted === 0 ? 1 : Math.min(1, ready / wanted));
}

async function rolloutReady(clients: ClusterClients, config: StackConfig): Promise<Reading> {
  const rollout = await rolloutOf(clients, namespaceOf(config), config.application.name);
  if (rollout === undefined) return known(0);
  const wanted = rollout.spec.replicas ?? 1;
  return known(wanted === 0 ? 1 : Math.min(1, (rollout.status?.readyReplicas ?? 0) / wanted));
}

/** Healthy on the wanted image: the version that was released last is the stable one, and the controller has seen all of it. */
async function rolloutHealthy(clients: ClusterClients, config: StackConfig): Promise<Reading> {
  const rollout = await rolloutOf(clients, namespaceOf(config), config.application.name);
  if (rollout === undefined) return known(0);
  const { spec, status } = rollout;
  const released = status?.currentPodHash !== undefined && status.currentPodHash === status.stableRS;
  const image = spec.template.spec.containers.some((c) => c.image === config.workload.image);
  return known(isSeen(rollout) && released && image && status?.phase === "Healthy" ? 1 : 0);
}

async function hpaActive({ autoscaling }: ClusterClients, config: StackConfig): Promise<Reading> {
  const name = config.application.name;
  const namespace = namespaceOf(config);
  const hpa = await found(`read the HPA ${namespace}/${name}`, autoscaling.readNamespacedHorizontalPodAutoscaler({ name, namespace }));
  const condition = hpa?.status?.conditions?.find((c) => c.type === "ScalingActive");
  return known(condition?.status === "True" ? 1 : 0);
}

async function spotNodes({ core }: ClusterClients, config: StackConfig): Promise<Reading> {
  const nodes = await found("list the Spot nodes", core.listNode({ labelSelector: `${SPOT}=${config.application.name}` }));
  const ready = (nodes?.items ?? []).filter((n) => n.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True")).length;
  return known(Math.min(1, ready / Math.max(1, config.spot?.minSize ?? 1)));
}

/** What follows the application's name in the Service that leads to the canary; undefined where nobody knows. */
export async function canaryServiceOf(clients: ClusterClients, config: StackConfig): Promise<string | undefined> {
  const { strategy, application } = config;
  if (strategy.kind !== "canary" || !strategy.pingPong) return "canary";
  const stable = (await rolloutOf(clients, namespaceOf(config), application.name))?.status?.canary?.stablePingPong;
  return stable === undefined ? undefined : stable === "ping" ? "pong" : "ping";
}

/** The host name that the Ingress's controller gave it; undefined before it did. */
export async function ingressHostOf({ networking }: ClusterClients, config: StackConfig): Promise<string | undefined> {
  const name = config.application.name;
  const namespace = namespaceOf(config);
  const ingress = await found(`read the ingress ${namespace}/${name}`, networking.readNamespacedIngress({ name, namespace }));
  return ingress?.status?.loadBalancer?.ingress?.[0]?.hostname;
}
