import { namespaceOf, type StackConfig } from "./schema.js";

/**
 * What carries users: the Service that leads to it and the image that it runs. Of two colours it is the one that was
 * there first, until the other one carries everything; what was rolled out is then what is live.
 */
export function liveOf({ application: { name }, strategy, workload }: Pick<StackConfig, "application" | "strategy" | "workload">): {
  service: string;
  image: string;
} {
  if (strategy.kind !== "blue-green") return { service: name, image: workload.image };
  return strategy.greenWeight === 100
    ? { service: `${name}-green`, image: strategy.image }
    : { service: `${name}-blue`, image: workload.image };
}

/** Where the live pods' health page is, from inside the cluster: what their own probes ask over the Service's port. */
export function liveUrl(config: StackConfig): string {
  const { servicePort, probes } = config.workload;
  const own = [probes.liveness, probes.readiness].find(
    ({ kind, port }) => kind === "http" && (port === undefined || port === config.workload.containerPort),
  );
  const path = own?.path ?? config.ingress?.healthCheckPath ?? "/";
  return `http://${liveOf(config).service}.${namespaceOf(config)}.svc.cluster.local:${servicePort}${path}`;
}
