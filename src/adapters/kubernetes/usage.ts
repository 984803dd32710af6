import type { Evidence } from "../../ports/target.js";
import { type ClusterClients, found } from "./clients.js";

interface PodMetrics {
  items: { metadata: { name: string }; containers: { usage: { cpu: string; memory: string } }[] }[];
}
interface Recommendation {
  status?: { recommendation?: { containerRecommendations?: { containerName: string; target: { cpu?: string; memory?: string } }[] } };
}

const MEMORY: Record<string, number> = { Ki: 1_024, Mi: 1_024 ** 2, Gi: 1_024 ** 3, k: 1_000, M: 1e6, G: 1e9 };

/** A CPU quantity in thousandths of a core. */
export function millicores(text: string): number {
  const value = Number.parseFloat(text);
  if (text.endsWith("n")) return value / 1e6;
  if (text.endsWith("u")) return value / 1e3;
  return text.endsWith("m") ? value : value * 1_000;
}

/** A memory quantity in mebibytes. */
export function mebibytes(text: string): number {
  const [, number = "0", unit = ""] = /^([\d.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return (Number(number) * (MEMORY[unit] ?? 1)) / 1_024 ** 2;
}

/** `kubectl top pods` against what the pods ask for, and what the VPA would give them. */
export async function usageEvidence(
  { custom }: ClusterClients,
  namespace: string,
  app: string,
  requests: { cpu: string; memory: string },
): Promise<Evidence> {
  const metrics = (await found(
    `read the pods' usage in ${namespace}`,
    custom.listNamespacedCustomObject({
      group: "metrics.k8s.io",
      version: "v1beta1",
      plural: "pods",
      namespace,
      labelSelector: `app=${app}`,
    }),
  )) as PodMetrics | undefined;
  const vpa = (await found(
    `read the VPA of ${app}`,
    custom.getNamespacedCustomObject({
      group: "autoscaling.k8s.io",
      version: "v1",
      plural: "verticalpodautoscalers",
      namespace,
      name: `${app}-vpa`,
    }),
  )) as Recommendation | undefined;
  const target = vpa?.status?.recommendation?.containerRecommendations?.find((c) => c.containerName === app)?.target;
  const recommended = target === undefined ? "" : ` The VPA recommends ${target.cpu ?? "no"} CPU and ${target.memory ?? "no"} memory.`;
  const pods = metrics?.items ?? [];
  if (pods.length === 0)
    return { summary: `The cluster measures no usage of ${app} (is the metrics server installed?).${recommended}`, facts: { pods: 0 } };
  const cpu = pods.flatMap((p) => p.containers.map((c) => millicores(c.usage.cpu))).reduce((a, b) => a + b, 0) / pods.length;
  const memory = pods.flatMap((p) => p.containers.map((c) => mebibytes(c.usage.memory))).reduce((a, b) => a + b, 0) / pods.length;
  const share = (used: number, asked: number) => `${Math.round((100 * used) / asked)} %`;
  return {
    summary: `${pods.length} pods use ${Math.round(cpu)}m CPU each (${share(cpu, millicores(requests.cpu))} of ${requests.cpu}) and ${Math.round(memory)}Mi memory (${share(memory, mebibytes(requests.memory))} of ${requests.memory}).${recommended}`,
    facts: { pods: pods.length, cpuMillicores: Math.round(cpu), memoryMi: Math.round(memory), requests },
  };
}
