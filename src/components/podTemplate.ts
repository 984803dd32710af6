import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { require, requireNumber, requireText } from "./checks.js";
import { container, extraContainer, mainPort, PRE_STOP_SECONDS, pauses } from "./container.js";
import { folders, type MountArgs, type VolumeArgs } from "./podFolders.js";

export interface ProbeArgs {
  /** How it is asked. @default "http" */
  kind?: "http" | "tcp" | "grpc" | "exec" | "none";
  /** Path that is asked for over HTTP. @default "/health" */
  path?: string;
  /** Port that is asked. @default the container's */
  port?: number | undefined;
  /** Host header over HTTP. @default the pod's address */
  host?: string | undefined;
  /** Command of a probe of kind `exec`. */
  command?: string[] | undefined;
  /** Service of a probe of kind `grpc`. @default the server as a whole */
  service?: string | undefined;
  /** Seconds after the container's start. */
  initialDelaySeconds: number;
  /** Seconds between two probes. */
  periodSeconds: number;
  /** Seconds until an answer counts as missing. */
  timeoutSeconds: number;
  /** Probes in a row that must fail. */
  failureThreshold: number;
}

export interface PortArgs {
  /** Name of the port. */
  name: string;
  /** Number of the port. */
  port: number;
  /** @default "TCP" */
  protocol?: "TCP" | "UDP";
}

/** What one container is told. */
export interface ContainerArgs {
  /** Plain environment variables. @default none */
  env?: Record<string, pulumi.Input<string>>;
  /** Environment variable → key of the Secret. @default none */
  secretEnv?: Record<string, string>;
}

/** A container that ends before the process starts, or runs beside it. */
export interface ExtraContainerArgs extends ContainerArgs {
  /** Name of the container. */
  name: string;
  /** Image of its own. @default the process's */
  image?: string | undefined;
  /** Replaces the image's entry point. @default the image's own */
  command?: string[] | undefined;
  /** Arguments of the entry point. @default the image's own */
  args?: string[] | undefined;
  /** Ports that it listens on. @default none */
  ports?: PortArgs[];
  /** What it asks for and may use at most. @default as the process */
  resources?: PodTemplateArgs["resources"];
}

/** What an application's pods are made from; shared by Deployments, Argo Rollouts and Jobs. Defaults are the seed's deployment.yaml. */
export interface PodTemplateArgs extends ContainerArgs {
  /** Image with a fixed tag or digest. */
  image: pulumi.Input<string>;
  /** Replaces the image's entry point. @default the image's own */
  command?: string[];
  /** Arguments of the entry point. @default the image's own */
  args?: string[];
  /** Folders beside /tmp that the container may write to; gone with the pod. @default none */
  writablePaths?: string[];
  /** Further folders: persistent ones of `volumes`, or empty ones. @default none */
  mounts?: MountArgs[];
  /** Persistent folders by name. @default none */
  volumes?: Record<string, VolumeArgs>;
  /** Files from a ConfigMap or from the Secret. @default none */
  files?: FileArgs[];
  /** IAM role of the pods (IRSA). @default none */
  roleArn?: string;
  /** Port that the application listens on. @default 3000 */
  containerPort?: number;
  /** Whether the process listens on no port of its own. @default false */
  portless?: boolean;
  /** Ports beside that one. @default none */
  ports?: PortArgs[];
  /** Name of the process's container. @default the application's */
  containerName?: string;
  /** Containers that end before the process starts. @default none */
  initContainers?: ExtraContainerArgs[];
  /** Containers that run as long as the process. @default none */
  sidecars?: ExtraContainerArgs[];
  /** User, capabilities and file system, where the default is too little. @default no root, no capability, read-only */
  security?: {
    root?: boolean;
    runAsGroup?: number | undefined;
    fsGroup?: number | undefined;
    writableRoot?: boolean;
    capabilities?: string[];
  };
  /** Over what the pods are spread. @default "none" */
  spread?: "none" | "zones" | "nodes" | "zones-and-nodes";
  /** Whether two pods may share a node. @default "none" */
  antiAffinity?: "none" | "preferred" | "required";
  /** Priority class of the pods. @default the cluster's default */
  priorityClassName?: string;
  /** When the node pulls the image. @default "IfNotPresent" */
  imagePullPolicy?: pulumi.Input<string>;
  /** Name of the Secret. @default NAME-secrets */
  secretName?: pulumi.Input<string>;
  /** Changes with the Secret's content, so that the pods restart with it. */
  secretChecksum?: pulumi.Input<string>;
  /** What a pod asks for and may use at most. @default 250m CPU and 256Mi asked for, 500m and 512Mi at most */
  resources?: { requests: { memory: string; cpu: string }; limits: { memory: string; cpu: string } };
  /** When a container counts as started, alive and ready. @default /health every 10 s and /ready every 5 s, as in the seed */
  probes?: { liveness?: ProbeArgs | undefined; readiness?: ProbeArgs | undefined; startup?: ProbeArgs | undefined };
  /** Annotations that tell Prometheus where to scrape. @default /metrics at the container's port */
  metrics?: { scrape: boolean; port?: number | undefined; path: string };
  /** User and group id. @default 1001 */
  runAsUser?: number;
  /**
   * How long a pod that is to leave goes on serving before it is told to stop: longer than the load balancer's deregistration delay,
   * so that no request is sent to what is gone. 0 stops at once. @default 40
   */
  preStopSeconds?: number;
  /** How long a pod may take to stop: the pause, and what the application needs after it. @default 75 */
  terminationGraceSeconds?: number;
  /** Run on the application's Spot nodes. @default false */
  spot?: boolean;
}

/** One file in the container. */
export interface FileArgs {
  /** Where it stands. */
  path: string;
  /** Key in the ConfigMap or Secret. */
  key: string;
  /** Name of the ConfigMap. @default the application's Secret */
  configMap?: pulumi.Input<string>;
}

const GRACE_SECONDS = 75;
/** Annotation whose change makes the pods restart (seed: kubectl rollout restart). */
export const SECRET_CHECKSUM = "cutover.dev/secret-checksum";
/** Taint and label of an application's Spot nodes. */
export const SPOT_KEY = "cutover.dev/spot";

/** Checks the plain arguments of a pod template at construction. */
export function checkPodTemplate(at: string, args: PodTemplateArgs): void {
  requireText(
    `${at}.image`,
    args.image,
    /(:(?!latest$)[\w][\w.-]*|@sha256:[a-f0-9]{64})$/,
    "an image with a fixed tag or digest, for example ghcr.io/your-org/web-api:1.0.0",
  );
  requireNumber(`${at}.containerPort`, args.containerPort, 1, 65_535);
  requireNumber(`${at}.runAsUser`, args.runAsUser, 1, 2_147_483_647);
  requireNumber(`${at}.preStopSeconds`, args.preStopSeconds, 0, 3_600);
  const { preStopSeconds = PRE_STOP_SECONDS, terminationGraceSeconds = GRACE_SECONDS } = args;
  require(terminationGraceSeconds >
    preStopSeconds, `${at}.terminationGraceSeconds`, terminationGraceSeconds, `more than preStopSeconds (${preStopSeconds})`);
  requireNumber(`${at}.metrics.port`, args.metrics?.port, 1, 65_535);
  for (const [name, probe] of Object.entries(args.probes ?? {})) {
    if (probe === undefined) continue;
    requireText(`${at}.probes.${name}.path`, probe.path, /^\//, "a path that starts with /");
    requireNumber(`${at}.probes.${name}.port`, probe.port, 1, 65_535);
    requireNumber(`${at}.probes.${name}.periodSeconds`, probe.periodSeconds, 1, 3_600);
    requireNumber(`${at}.probes.${name}.timeoutSeconds`, probe.timeoutSeconds, 1, 3_600);
    requireNumber(`${at}.probes.${name}.failureThreshold`, probe.failureThreshold, 1, 1_000);
  }
}

export function podTemplate(app: string, labels: Record<string, string>, args: PodTemplateArgs): k8s.types.input.core.v1.PodTemplateSpec {
  const { volumes, mounts } = folders(app, args);
  const initial = [
    // A sidecar begins first: what is done before the start may need it, as a proxy to a database.
    ...(args.sidecars ?? []).map((extra) => extraContainer(app, args, extra, mounts, true)),
    ...(args.initContainers ?? []).map((extra) => extraContainer(app, args, extra, mounts, false)),
  ];
  return {
    metadata: { labels, annotations: annotations(args) },
    spec: {
      serviceAccountName: app,
      ...(pauses(args) || args.terminationGraceSeconds !== undefined
        ? { terminationGracePeriodSeconds: args.terminationGraceSeconds ?? GRACE_SECONDS }
        : {}),
      securityContext: podSecurity(args),
      ...(args.priorityClassName === undefined ? {} : { priorityClassName: args.priorityClassName }),
      ...placement(app, labels, args),
      ...(initial.length === 0 ? {} : { initContainers: initial }),
      containers: [container(app, args, mounts)],
      volumes,
    },
  };
}

function podSecurity({ runAsUser = 1001, security }: PodTemplateArgs): k8s.types.input.core.v1.PodSecurityContext {
  const seccompProfile = { type: "RuntimeDefault" };
  const group = security?.runAsGroup === undefined ? {} : { runAsGroup: security.runAsGroup };
  if (security?.root === true) return { runAsUser: 0, ...group, fsGroup: security.fsGroup ?? 0, seccompProfile };
  return { runAsNonRoot: true, runAsUser, ...group, fsGroup: security?.fsGroup ?? runAsUser, seccompProfile };
}

function annotations(args: PodTemplateArgs): Record<string, pulumi.Input<string>> {
  const { scrape, port, path }: NonNullable<PodTemplateArgs["metrics"]> = args.metrics ?? { scrape: true, path: "/metrics" };
  const scraped = port ?? mainPort(args);
  return {
    "prometheus.io/scrape": String(scrape && scraped !== undefined),
    ...(scraped === undefined ? {} : { "prometheus.io/port": String(scraped), "prometheus.io/path": path }),
    ...(args.secretChecksum === undefined ? {} : { [SECRET_CHECKSUM]: args.secretChecksum }),
  };
}

const ZONE = "topology.kubernetes.io/zone";
const NODE = "kubernetes.io/hostname";

function placement(app: string, labels: Record<string, string>, args: PodTemplateArgs): Partial<k8s.types.input.core.v1.PodSpec> {
  const { spread = "none", antiAffinity = "none", spot } = args;
  const keys = [...(spread.includes("zones") ? [ZONE] : []), ...(spread.includes("nodes") ? [NODE] : [])];
  const labelSelector = { matchLabels: labels };
  const apart = { labelSelector, topologyKey: NODE };
  const affinity = {
    ...(spot === true ? spotAffinity(app) : {}),
    ...(antiAffinity === "none"
      ? {}
      : {
          podAntiAffinity:
            antiAffinity === "required"
              ? { requiredDuringSchedulingIgnoredDuringExecution: [apart] }
              : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: apart }] },
        }),
  };
  return {
    ...(spot === true ? { tolerations: [{ key: SPOT_KEY, operator: "Equal", value: app, effect: "NoSchedule" }] } : {}),
    ...(Object.keys(affinity).length === 0 ? {} : { affinity }),
    // As well as it goes: a zone that is down holds no pod back. Counted version by version, or a rollout would lean to one side.
    ...(keys.length === 0
      ? {}
      : {
          topologySpreadConstraints: keys.map((topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector,
            matchLabelKeys: ["pod-template-hash"],
          })),
        }),
  };
}

/** Preferred, not required: when every Spot pool is reclaimed, the pods still run elsewhere. */
const spotAffinity = (app: string) => ({
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      { weight: 100, preference: { matchExpressions: [{ key: SPOT_KEY, operator: "In", values: [app] }] } },
    ],
  },
});
