import { createHash } from "node:crypto";
import { filesOf } from "../config/files.js";
import { liveOf } from "../config/live.js";
import { onceIsNew, type Process, replicasOnNew, workersOnNew } from "../config/processes.js";
import { namespaceOf, type StackConfig } from "../config/schema.js";
import type { DatabaseSecret } from "./DatabaseSecret.js";
import { ALB, type IngressRoute, protocol } from "./objects.js";
import type { FileArgs, PodTemplateArgs } from "./podArgs.js";
import type { ProcessShape } from "./processObjects.js";

/** What a stack config says of an application's pods, as arguments of the components. */

/** Until a pod without a load balancer is told that it must go nobody need wait. */
const DEFAULT_GRACE_SECONDS = 75;

/** What a process has at least for itself after the pause. */
const STOP_SECONDS = 30;

/** Where the routes of the load balancer lead. */
export const routesOf = (config: StackConfig): IngressRoute[] =>
  (config.ingress?.routes ?? []).flatMap(({ path, host, process }) => {
    const to = config.processes[process];
    if (to?.kind !== "service") return [];
    return [{ path, ...(host === undefined ? {} : { host }), service: `${config.application.name}-${process}`, port: to.servicePort }];
  });

/** The web process's pods. */
export function webPods(config: StackConfig, secret: DatabaseSecret | undefined, files: FileArgs[]): PodTemplateArgs {
  const { image, containerPort, imagePullPolicy, env, secretEnv, resources, probes, metrics, preStopSeconds } = config.workload;
  const { terminationGraceSeconds, runAsUser } = config.workload;
  return {
    ...ofAny(config, config.workload, files),
    image,
    containerPort,
    imagePullPolicy,
    env,
    secretEnv,
    resources,
    probes,
    metrics,
    runAsUser,
    // Without a load balancer there is nothing that must let go of a pod first.
    preStopSeconds: config.ingress === undefined ? 0 : preStopSeconds,
    ...(config.ingress === undefined && terminationGraceSeconds === DEFAULT_GRACE_SECONDS ? {} : { terminationGraceSeconds }),
    spot: config.spot?.enabled === true,
    ...ofSecret(secret),
  };
}

/** A process beside the web; undefined while it is not to be on this side. */
export function processArgs(
  config: StackConfig,
  process: Process,
  secret: DatabaseSecret | undefined,
  files: FileArgs[],
): ProcessShape | undefined {
  const { workload, application } = config;
  const pods: ProcessShape = {
    ...ofAny(config, process, files),
    app: application.name,
    namespace: namespaceOf(config),
    kind: process.kind,
    image: process.image ?? liveOf(config).image,
    imagePullPolicy: workload.imagePullPolicy,
    env: { ...workload.env, ...process.env },
    secretEnv: { ...workload.secretEnv, ...process.secretEnv },
    resources: process.resources,
    runAsUser: process.runAsUser ?? workload.runAsUser,
    preStopSeconds: 0,
    terminationGraceSeconds: process.terminationGraceSeconds,
    spot: config.spot?.enabled === true,
    ...ofSecret(secret),
  };
  const listening = (p: { containerPort?: number | undefined }) =>
    p.containerPort === undefined ? { portless: true } : { containerPort: p.containerPort };
  switch (process.kind) {
    case "service": {
      const { replicas, servicePort, probes, metrics } = process;
      const routed = config.ingress?.routes.some((r) => config.processes[r.process] === process) === true;
      return { ...pods, ...listening(process), replicas, servicePort, probes, metrics, ...(routed ? routedTo(config, process) : {}) };
    }
    case "worker": {
      const replicas = replicasOnNew(process.replicas, workersOnNew(config));
      return { ...pods, ...listening(process), replicas, probes: process.probes, metrics: process.metrics };
    }
    case "singleton":
      if (!onceIsNew(config)) return undefined;
      return { ...pods, ...listening(process), replicas: 1, probes: process.probes, metrics: process.metrics };
    case "schedule": {
      // Not there before it is its turn: a CronJob that was suspended runs what it missed once it is let go.
      if (!onceIsNew(config)) return undefined;
      const { schedule, timeZone, startingDeadlineSeconds, deadlineSeconds, retries } = process;
      return { ...pods, schedule, timeZone, startingDeadlineSeconds, deadlineSeconds, retries };
    }
    case "release":
      return process.first ? { ...pods, image: process.image ?? workload.image, timeoutSeconds: process.timeoutSeconds } : undefined;
  }
}

/** How the load balancer asks and speaks with a process of its own: as its probes do. */
function routedTo({ workload }: StackConfig, { probes, protocolVersion, terminationGraceSeconds }: Extract<Process, { kind: "service" }>) {
  const asked = [probes.readiness, probes.liveness].find((p) => p?.kind === "http")?.path;
  const { preStopSeconds } = workload;
  return {
    // Users reach these pods: they leave only after the load balancer has let go of them, as the web's do.
    preStopSeconds,
    terminationGraceSeconds: Math.max(terminationGraceSeconds, preStopSeconds + STOP_SECONDS),
    serviceAnnotations: { ...(asked === undefined ? {} : { [`${ALB}/healthcheck-path`]: asked }), ...protocol(protocolVersion) },
  };
}

type Options = Pick<
  StackConfig["workload"],
  "writablePaths" | "mounts" | "ports" | "initContainers" | "sidecars" | "security" | "spread" | "antiAffinity"
> & { command?: string[] | undefined; args?: string[] | undefined; priorityClassName?: string | undefined };

function ofAny(config: StackConfig, options: Options, files: FileArgs[]): Omit<PodTemplateArgs, "image"> {
  const { writablePaths, mounts, ports, initContainers, sidecars, security, spread, antiAffinity } = options;
  const { command, args, priorityClassName } = options;
  return {
    ...(command === undefined ? {} : { command }),
    ...(args === undefined ? {} : { args }),
    ...(priorityClassName === undefined ? {} : { priorityClassName }),
    writablePaths,
    mounts,
    volumes: config.volumes,
    files,
    ports,
    initContainers,
    sidecars,
    security,
    spread,
    antiAffinity,
  };
}

const ofSecret = (secret: DatabaseSecret | undefined) =>
  secret === undefined ? {} : { secretName: secret.name, secretChecksum: secret.checksum };

/**
 * The files of a process: those without a secret in a ConfigMap whose name changes with its content, so that pods which still run on
 * the earlier content keep it.
 */
export function filesIn(config: StackConfig, process: string): { files: FileArgs[]; map?: { name: string; data: Record<string, string> } } {
  const found = filesOf(config, process);
  const plain = found.filter((f) => f.content !== undefined);
  const data = Object.fromEntries(plain.map((f) => [f.key, f.content ?? ""]));
  const hash = createHash("sha256").update(JSON.stringify(data)).digest("hex").slice(0, 8);
  const app = config.application.name;
  const name = `${process === "web" ? app : `${app}-${process}`}-files-${hash}`;
  const files = found.map(({ path, key, content }) => (content === undefined ? { path, key } : { path, key, configMap: name }));
  return plain.length === 0 ? { files } : { files, map: { name, data } };
}
