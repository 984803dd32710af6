import { counted } from "../../lib/plural.js";
import type { Evidence } from "../../ports/target.js";
import { asked, type ClusterClients, found } from "./clients.js";
import { mebibytes, millicores } from "./quantities.js";

type Resources = { cpu: string; memory: string };
interface Metrics {
  metadata: { name: string };
}
type PodMetrics = Metrics & { containers: { usage: Resources }[] };
type NodeMetrics = Metrics & { usage: Resources };
interface Recommendation {
  status?: { recommendation?: { containerRecommendations?: { containerName: string; target: Partial<Resources> }[] } };
}

const METRICS = { group: "metrics.k8s.io", version: "v1beta1" };
const VPA = { group: "autoscaling.k8s.io", version: "v1", plural: "verticalpodautoscalers" };
/** A request of which no pod uses this much is larger than it need be. */
const WELL_USED = 0.5;

/** CPU in thousandths of a core and memory in mebibytes. */
interface Used {
  name: string;
  cpu: number;
  memory: number;
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const percent = (used: number, of: number): string => (of === 0 ? "-" : `${Math.round((100 * used) / of)} %`);

/** `kubectl top pods` and `top nodes` against what the pods ask for, what of it is too much, and what the VPA would give them. */
export async function usageEvidence(clients: ClusterClients, namespace: string, app: string, requests: Resources): Promise<Evidence> {
  const [pods, nodes, target] = await Promise.all([
    podsOf(clients, namespace, app),
    nodesOf(clients),
    recommendationOf(clients, namespace, app),
  ]);
  const recommended = target === undefined ? "" : ` The VPA recommends ${target.cpu ?? "no"} CPU and ${target.memory ?? "no"} memory.`;
  if (pods.length === 0)
    return { summary: `The cluster measures no usage of ${app} (is the metrics server installed?).${recommended}`, facts: { pods: 0 } };
  const wanted = { cpu: millicores(requests.cpu), memory: mebibytes(requests.memory) };
  const mean = { cpu: sum(pods.map((p) => p.cpu)) / pods.length, memory: sum(pods.map((p) => p.memory)) / pods.length };
  const wasted = (["cpu", "memory"] as const).filter((kind) => pods.every((p) => p[kind] < wanted[kind] * WELL_USED));
  const over = wasted.length === 0 ? "" : ` No pod uses half of the ${wasted.join(" or ")} that it asks for.`;
  const cpu = `${Math.round(mean.cpu)}m CPU each (${percent(mean.cpu, wanted.cpu)} of ${requests.cpu})`;
  const memory = `${Math.round(mean.memory)}Mi memory (${percent(mean.memory, wanted.memory)} of ${requests.memory})`;
  return {
    summary: `${counted(pods.length, "pod uses", "pods use")} ${cpu} and ${memory}.${over}${recommended}`,
    facts: {
      pods: pods.length,
      cpuMillicores: Math.round(mean.cpu),
      memoryMi: Math.round(mean.memory),
      requests,
      overProvisioned: wasted,
      ...(target === undefined ? {} : { recommended: target }),
    },
    files: {
      "usage.md": `# Usage\n\n${table("Pod", pods, () => wanted)}\n\n${table("Node", nodes, (n) => n.allocatable)}\n`,
    },
  };
}

function table<T extends Used>(what: string, rows: T[], of: (row: T) => { cpu: number; memory: number }): string {
  const lines = rows.map((row) => {
    const { cpu, memory } = of(row);
    return `| ${row.name} | ${Math.round(row.cpu)}m | ${percent(row.cpu, cpu)} | ${Math.round(row.memory)}Mi | ${percent(row.memory, memory)} |`;
  });
  return [
    `| ${what} | CPU | of ${what === "Pod" ? "its request" : "allocatable"} | Memory | of it |`,
    "|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}

async function podsOf({ custom }: ClusterClients, namespace: string, app: string): Promise<Used[]> {
  const answer = await found(
    `read the pods' usage in ${namespace}`,
    custom.listNamespacedCustomObject({ ...METRICS, plural: "pods", namespace, labelSelector: `app=${app}` }),
  );
  return ((answer as { items: PodMetrics[] } | undefined)?.items ?? []).map(({ metadata, containers }) => ({
    name: metadata.name,
    cpu: sum(containers.map((c) => millicores(c.usage.cpu))),
    memory: sum(containers.map((c) => mebibytes(c.usage.memory))),
  }));
}

/** Every node that is measured, with what it has to give. */
async function nodesOf({ custom, core }: ClusterClients): Promise<(Used & { allocatable: { cpu: number; memory: number } })[]> {
  const answer = await found("read the nodes' usage", custom.listClusterCustomObject({ ...METRICS, plural: "nodes" }));
  const { items } = await asked("list the nodes", core.listNode());
  const allocatable = new Map(items.map(({ metadata, status }) => [metadata?.name, status?.allocatable ?? {}]));
  return ((answer as { items: NodeMetrics[] } | undefined)?.items ?? []).map(({ metadata, usage }) => {
    const { cpu = "0", memory = "0" } = allocatable.get(metadata.name) ?? {};
    return {
      name: metadata.name,
      cpu: millicores(usage.cpu),
      memory: mebibytes(usage.memory),
      allocatable: { cpu: millicores(cpu), memory: mebibytes(memory) },
    };
  });
}

async function recommendationOf({ custom }: ClusterClients, namespace: string, app: string): Promise<Partial<Resources> | undefined> {
  const answer = await found(`read the VPA of ${app}`, custom.getNamespacedCustomObject({ ...VPA, namespace, name: `${app}-vpa` }));
  const vpa = answer as Recommendation | undefined;
  return vpa?.status?.recommendation?.containerRecommendations?.find((c) => c.containerName === app)?.target;
}
