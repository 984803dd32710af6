import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { require, requireNumber, requireText } from "./checks.js";

export interface ProbeArgs {
  /** Path that is asked for at the container's port. */
  path: string;
  /** Seconds after the container's start. */
  initialDelaySeconds: number;
  /** Seconds between two probes. */
  periodSeconds: number;
  /** Seconds until an answer counts as missing. */
  timeoutSeconds: number;
  /** Probes in a row that must fail. */
  failureThreshold: number;
}

/** What an application's pods are made from; shared by Deployments and Argo Rollouts. Defaults are the seed's deployment.yaml. */
export interface PodTemplateArgs {
  /** Image with a fixed tag or digest. */
  image: pulumi.Input<string>;
  /** Replaces the image's entry point. @default the image's own */
  command?: string[];
  /** Arguments of the entry point. @default the image's own */
  args?: string[];
  /** Folders beside /tmp that the container may write to; gone with the pod. @default none */
  writablePaths?: string[];
  /** IAM role of the pods (IRSA). @default none */
  roleArn?: string;
  /** Port that the application listens on. @default 3000 */
  containerPort?: number;
  /** When the node pulls the image. @default "IfNotPresent" */
  imagePullPolicy?: pulumi.Input<string>;
  /** Plain environment variables. @default none */
  env?: Record<string, pulumi.Input<string>>;
  /** Environment variable → key of the Secret. @default none */
  secretEnv?: Record<string, string>;
  /** Name of the Secret. @default NAME-secrets */
  secretName?: pulumi.Input<string>;
  /** Changes with the Secret's content, so that the pods restart with it. */
  secretChecksum?: pulumi.Input<string>;
  /** What a pod asks for and may use at most. @default 250m CPU and 256Mi asked for, 500m and 512Mi at most */
  resources?: { requests: { memory: string; cpu: string }; limits: { memory: string; cpu: string } };
  /** When a container counts as alive and as ready. @default /health every 10 s and /ready every 5 s, as in the seed */
  probes?: { liveness: ProbeArgs; readiness: ProbeArgs };
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

const PRE_STOP_SECONDS = 40;
const GRACE_SECONDS = 75;
const LIVENESS: ProbeArgs = { path: "/health", initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 };
const READINESS: ProbeArgs = { path: "/ready", initialDelaySeconds: 10, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 };
const RESOURCES = { requests: { memory: "256Mi", cpu: "250m" }, limits: { memory: "512Mi", cpu: "500m" } };
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
    requireText(`${at}.probes.${name}.path`, probe.path, /^\//, "a path that starts with /");
    requireNumber(`${at}.probes.${name}.periodSeconds`, probe.periodSeconds, 1, 3_600);
    requireNumber(`${at}.probes.${name}.timeoutSeconds`, probe.timeoutSeconds, 1, 3_600);
    requireNumber(`${at}.probes.${name}.failureThreshold`, probe.failureThreshold, 1, 100);
  }
}

export function podTemplate(app: string, labels: Record<string, string>, args: PodTemplateArgs): k8s.types.input.core.v1.PodTemplateSpec {
  const user = args.runAsUser ?? 1001;
  return {
    metadata: { labels, annotations: annotations(args) },
    spec: {
      serviceAccountName: app,
      ...(pauses(args) ? { terminationGracePeriodSeconds: args.terminationGraceSeconds ?? GRACE_SECONDS } : {}),
      securityContext: { runAsNonRoot: true, runAsUser: user, fsGroup: user, seccompProfile: { type: "RuntimeDefault" } },
      ...(args.spot === true ? spotPlacement(app) : {}),
      containers: [container(app, args)],
      volumes: [{ name: "tmp", emptyDir: {} }, ...(args.writablePaths ?? []).map((_, i) => ({ name: `writable-${i}`, emptyDir: {} }))],
    },
  };
}

const pauses = ({ preStopSeconds = PRE_STOP_SECONDS }: PodTemplateArgs): boolean => preStopSeconds > 0;

function annotations(args: PodTemplateArgs): Record<string, pulumi.Input<string>> {
  const {
    scrape,
    port = args.containerPort ?? 3000,
    path,
  }: NonNullable<PodTemplateArgs["metrics"]> = args.metrics ?? {
    scrape: true,
    path: "/metrics",
  };
  return {
    "prometheus.io/scrape": String(scrape),
    "prometheus.io/port": String(port),
    "prometheus.io/path": path,
    ...(args.secretChecksum === undefined ? {} : { [SECRET_CHECKSUM]: args.secretChecksum }),
  };
}

function container(app: string, args: PodTemplateArgs): k8s.types.input.core.v1.Container {
  const port = args.containerPort ?? 3000;
  const probe = (p: ProbeArgs) => {
    const { path, ...timing } = p;
    return { httpGet: { path, port }, ...timing };
  };
  const env = [
    ...Object.entries(args.env ?? {}).map(([name, value]) => ({ name, value })),
    ...Object.entries(args.secretEnv ?? {}).map(([name, key]) => ({
      name,
      valueFrom: { secretKeyRef: { name: args.secretName ?? `${app}-secrets`, key } },
    })),
  ];
  return {
    name: app,
    image: args.image,
    imagePullPolicy: args.imagePullPolicy ?? "IfNotPresent",
    ...(args.command === undefined ? {} : { command: args.command }),
    ...(args.args === undefined ? {} : { args: args.args }),
    ports: [{ containerPort: port, name: "http", protocol: "TCP" }],
    // The kubelet's own sleep: an image need not have one.
    ...(pauses(args) ? { lifecycle: { preStop: { sleep: { seconds: args.preStopSeconds ?? PRE_STOP_SECONDS } } } } : {}),
    // An empty list is nothing for whoever writes the object again, as Argo's controller does: it would be drift for ever.
    ...(env.length === 0 ? {} : { env }),
    resources: args.resources ?? RESOURCES,
    livenessProbe: probe(args.probes?.liveness ?? LIVENESS),
    readinessProbe: probe(args.probes?.readiness ?? READINESS),
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    volumeMounts: [
      { name: "tmp", mountPath: "/tmp" },
      ...(args.writablePaths ?? []).map((mountPath, i) => ({ name: `writable-${i}`, mountPath })),
    ],
  };
}

function spotPlacement(app: string): Partial<k8s.types.input.core.v1.PodSpec> {
  return {
    tolerations: [{ key: SPOT_KEY, operator: "Equal", value: app, effect: "NoSchedule" }],
    // Preferred, not required: when every Spot pool is reclaimed, the pods still run elsewhere.
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, preference: { matchExpressions: [{ key: SPOT_KEY, operator: "In", values: [app] }] } },
        ],
      },
    },
  };
}
