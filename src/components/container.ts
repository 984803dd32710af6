import type * as k8s from "@pulumi/kubernetes";
import type { ContainerArgs, ExtraContainerArgs, PodTemplateArgs, PortArgs, ProbeArgs } from "./podArgs.js";

type Container = k8s.types.input.core.v1.Container;
type Mount = k8s.types.input.core.v1.VolumeMount;

export const PRE_STOP_SECONDS = 40;
const LIVENESS: ProbeArgs = { path: "/health", initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 };
const READINESS: ProbeArgs = { path: "/ready", initialDelaySeconds: 10, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 };
export const RESOURCES = { requests: { memory: "256Mi", cpu: "250m" }, limits: { memory: "512Mi", cpu: "500m" } };

export const pauses = ({ preStopSeconds = PRE_STOP_SECONDS }: PodTemplateArgs): boolean => preStopSeconds > 0;

/** The port that the process itself listens on; undefined for one that listens nowhere. */
export const mainPort = ({ portless, containerPort }: Pick<PodTemplateArgs, "portless" | "containerPort">): number | undefined =>
  portless === true ? undefined : (containerPort ?? 3000);

export function container(app: string, args: PodTemplateArgs, mounts: Mount[]): Container {
  const port = mainPort(args);
  const ports = [
    ...(port === undefined ? [] : [{ containerPort: port, name: "http", protocol: "TCP" }]),
    ...(args.ports ?? []).map(portOf),
  ];
  const env = environment(app, args, args.secretName);
  return {
    name: args.containerName ?? app,
    image: args.image,
    imagePullPolicy: args.imagePullPolicy ?? "IfNotPresent",
    ...(args.command === undefined ? {} : { command: args.command }),
    ...(args.args === undefined ? {} : { args: args.args }),
    ...(ports.length === 0 ? {} : { ports }),
    // The kubelet's own sleep: an image need not have one.
    ...(pauses(args) ? { lifecycle: { preStop: { sleep: { seconds: args.preStopSeconds ?? PRE_STOP_SECONDS } } } } : {}),
    // An empty list is nothing for whoever writes the object again, as Argo's controller does: it would be drift for ever.
    ...(env.length === 0 ? {} : { env }),
    resources: args.resources ?? RESOURCES,
    ...probesOf(args, port),
    securityContext: securityContext(args),
    volumeMounts: mounts,
  };
}

/** A container before the process or beside it, with the same folders and as bound as the process itself. */
export function extraContainer(app: string, args: PodTemplateArgs, extra: ExtraContainerArgs, mounts: Mount[], beside: boolean): Container {
  const env = environment(app, extra, args.secretName);
  return {
    name: extra.name,
    image: extra.image ?? args.image,
    imagePullPolicy: args.imagePullPolicy ?? "IfNotPresent",
    ...(extra.command === undefined ? {} : { command: extra.command }),
    ...(extra.args === undefined ? {} : { args: extra.args }),
    ...((extra.ports ?? []).length === 0 ? {} : { ports: (extra.ports ?? []).map(portOf) }),
    ...(env.length === 0 ? {} : { env }),
    resources: extra.resources ?? RESOURCES,
    // Kubernetes' own sidecar: it begins before the process and ends after it, and holds no Job back from its end.
    ...(beside ? { restartPolicy: "Always" } : {}),
    securityContext: securityContext(args),
    volumeMounts: mounts,
  };
}

const portOf = ({ name, port, protocol = "TCP" }: PortArgs) => ({ containerPort: port, name, protocol });

function environment(app: string, { env, secretEnv }: ContainerArgs, secretName: PodTemplateArgs["secretName"]) {
  return [
    ...Object.entries(env ?? {}).map(([name, value]) => ({ name, value })),
    ...Object.entries(secretEnv ?? {}).map(([name, key]) => ({
      name,
      valueFrom: { secretKeyRef: { name: secretName ?? `${app}-secrets`, key } },
    })),
  ];
}

function securityContext({ security }: PodTemplateArgs): k8s.types.input.core.v1.SecurityContext {
  const added = security?.capabilities ?? [];
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: security?.writableRoot !== true,
    capabilities: { drop: ["ALL"], ...(added.length === 0 ? {} : { add: added }) },
  };
}

function probesOf(args: PodTemplateArgs, main: number | undefined): Partial<Container> {
  const { liveness, readiness, startup } = args.probes ?? { liveness: LIVENESS, readiness: READINESS };
  const made = { livenessProbe: probeOf(liveness, main), readinessProbe: probeOf(readiness, main), startupProbe: probeOf(startup, main) };
  return Object.fromEntries(Object.entries(made).filter(([, probe]) => probe !== undefined));
}

function probeOf(args: ProbeArgs | undefined, main: number | undefined): k8s.types.input.core.v1.Probe | undefined {
  if (args === undefined || args.kind === "none") return undefined;
  const { kind = "http", path = "/health", host, command = [], service, port = main ?? 3000, ...timing } = args;
  switch (kind) {
    case "http":
      return { httpGet: { path, port, ...(host === undefined ? {} : { httpHeaders: [{ name: "Host", value: host }] }) }, ...timing };
    case "tcp":
      return { tcpSocket: { port }, ...timing };
    case "grpc":
      return { grpc: { port, ...(service === undefined ? {} : { service }) }, ...timing };
    case "exec":
      return { exec: { command }, ...timing };
  }
}
