import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { mainPort } from "./container.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { podTemplate } from "./podTemplate.js";

/**
 * The Kubernetes objects of a workload as plain arguments, shared by the components and by `containerize`, which writes
 * them as manifests: both say the same, but for what only the engine reads (FORCED).
 */

/** Names and labels that all objects of one workload (or colour) share. */
export interface Identity {
  app: string;
  /** With the colour, where there is one. */
  full: string;
  /** What the pods are selected by. */
  selector: Record<string, string>;
  namespace: pulumi.Input<string>;
}

/** What the objects of a workload are made from; the defaults stand at `WorkloadArgs`. */
export interface WorkloadShape extends PodTemplateArgs {
  namespace: pulumi.Input<string>;
  replicas?: pulumi.Input<number>;
  servicePort?: pulumi.Input<number>;
  version?: "blue" | "green";
  /**
   * Label of its own for the Deployment's pods, `cutover.dev/runner`, which its Service selects by: an Argo Rollout of the same
   * application may run beside it. @default none
   */
  runner?: "deployment";
  /** Seconds that a new pod must be ready before an old one goes. @default 5 */
  minReadySeconds?: number;
  /** Whether two pods must never run at once. @default false */
  single?: boolean;
}

/** Says what runs a pod: a Deployment, or an Argo Rollout. */
export const RUNNER = "cutover.dev/runner";
const runnerOf = ({ runner }: Pick<WorkloadShape, "runner">): Record<string, string> => (runner === undefined ? {} : { [RUNNER]: runner });

/** What an Ingress is made from; the defaults stand at `PublicIngressArgs`. */
export interface IngressShape {
  namespace: pulumi.Input<string>;
  host: string;
  /** Further hosts that it serves. */
  also?: string[];
  ipAddressType?: "ipv4" | "dualstack";
  scheme?: "internet-facing" | "internal";
  healthCheckPath?: string;
  className?: string;
  sslPolicy?: string;
  healthCheck?: HealthCheck;
  deregistrationSeconds?: number;
  routes?: IngressRoute[];
  idleTimeoutSeconds?: number | undefined;
  stickySeconds?: number | undefined;
  protocolVersion?: "HTTP1" | "HTTP2" | "GRPC";
}

/** A path that leads to a Service of its own. */
export interface IngressRoute {
  /** Path, and all below it; `/` for all of a host of its own. */
  path: string;
  /** Host that requests name. @default every host */
  host?: string | undefined;
  /** Name of the Service. */
  service: pulumi.Input<string>;
  /** Port of the Service. */
  port: number;
}

/** How a load balancer asks whether a target is healthy. */
export interface HealthCheck {
  /** Answers that count as healthy, for example 200-299. @default "200" */
  successCodes?: string;
  /** Seconds between two checks. @default 15 */
  intervalSeconds?: number;
  /** Seconds until an answer counts as missing. @default 5 */
  timeoutSeconds?: number;
  /** Checks in a row that must pass. @default 2 */
  healthyThreshold?: number;
  /** Checks in a row that must fail. @default 2 */
  unhealthyThreshold?: number;
}

export function identityOf(app: string, { version, namespace }: Pick<WorkloadShape, "version" | "namespace">): Identity {
  if (version === undefined) return { app, full: app, selector: { app }, namespace };
  return { app, full: `${app}-${version}`, selector: { app, version }, namespace };
}

const metadata = ({ full, namespace, selector }: Identity) => ({ name: full, namespace, labels: selector });

/** The pods call no Kubernetes API, so they get no token. */
export function serviceAccountArgs(
  app: string,
  namespace: pulumi.Input<string>,
  roleArn?: pulumi.Input<string>,
): k8s.core.v1.ServiceAccountArgs {
  // EKS's webhook mounts the token for AWS by itself; the one for the Kubernetes API stays away.
  const annotations = roleArn === undefined ? {} : { annotations: { "eks.amazonaws.com/role-arn": roleArn } };
  return { metadata: { name: app, namespace, labels: { app }, ...annotations }, automountServiceAccountToken: false };
}

export function deploymentArgs(identity: Identity, args: WorkloadShape): k8s.apps.v1.DeploymentArgs {
  return {
    metadata: metadata(identity),
    spec: {
      replicas: args.replicas ?? 3,
      // Two of what may run once must not overlap, not even for the time of an update.
      strategy: args.single === true ? { type: "Recreate" } : { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: identity.selector },
      minReadySeconds: args.minReadySeconds ?? 5,
      template: podTemplate(identity.app, { ...identity.selector, ...runnerOf(args) }, args),
    },
  };
}

export function serviceArgs(
  identity: Identity,
  args: Pick<WorkloadShape, "servicePort" | "containerPort" | "runner" | "ports">,
  annotations: Record<string, string> = {},
): k8s.core.v1.ServiceArgs {
  return {
    metadata: { ...metadata(identity), ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: {
      type: "ClusterIP",
      selector: { ...identity.selector, ...runnerOf(args) },
      ports: [
        { port: args.servicePort ?? 80, targetPort: args.containerPort ?? 3000, protocol: "TCP", name: "http" },
        ...(args.ports ?? []).map(({ name, port, protocol = "TCP" }) => ({ port, targetPort: port, protocol, name })),
      ],
    },
  };
}

/** Beyond the seed: a drained node never takes more than one pod at a time. */
export function disruptionBudgetArgs(identity: Identity): k8s.policy.v1.PodDisruptionBudgetArgs {
  return { metadata: metadata(identity), spec: { maxUnavailable: 1, selector: { matchLabels: identity.selector } } };
}

/** Beyond the seed: only the process's own ports are open, those of its sidecars, and that of its metrics; none opens nothing. */
export function networkPolicyArgs(
  identity: Identity,
  args: Pick<WorkloadShape, "containerPort" | "portless" | "metrics" | "ports" | "sidecars">,
): k8s.networking.v1.NetworkPolicyArgs {
  const { metrics } = args;
  const main = mainPort(args);
  const named = [...(args.ports ?? []), ...(args.sidecars ?? []).flatMap((s) => s.ports ?? [])];
  const open = [
    ...(main === undefined ? [] : [{ port: main, protocol: "TCP" }]),
    ...(metrics?.scrape === true && metrics.port !== undefined ? [{ port: metrics.port, protocol: "TCP" }] : []),
    ...named.map(({ port, protocol = "TCP" }) => ({ port, protocol })),
  ];
  const ports = open.filter((p, i) => open.findIndex((o) => o.port === p.port && o.protocol === p.protocol) === i);
  return {
    metadata: metadata(identity),
    spec: {
      podSelector: { matchLabels: identity.selector },
      policyTypes: ["Ingress"],
      ...(ports.length === 0 ? {} : { ingress: [{ ports }] }),
    },
  };
}

/**
 * What another manager wrote is overwritten, where the engine writes at all: a way back must not end in a conflict over a
 * field that a controller took, as the autoscaler takes `spec.replicas`.
 */
export const FORCED = { "pulumi.com/patchForce": "true" };

/** Prefix of the AWS Load Balancer Controller's annotations. */
export const ALB = "alb.ingress.kubernetes.io";

/** Says who decides about the split. A change of it makes the engine write the Ingress again, also over the controller's weights. */
export const ROUTING = "cutover.dev/routing";

/** HTTP/1.1 is the controller's own. Over gRPC any server answers the balancer's question with 12, unimplemented. */
export const protocol = (version: "HTTP1" | "HTTP2" | "GRPC" = "HTTP1"): Record<string, string> => ({
  ...(version === "HTTP1" ? {} : { [`${ALB}/backend-protocol-version`]: version }),
  ...(version === "GRPC" ? { [`${ALB}/healthcheck-path`]: "/AWS.ALB/healthcheck", [`${ALB}/success-codes`]: "12" } : {}),
});

export function ingressArgs(
  name: string,
  args: IngressShape,
  service: { name: pulumi.Input<string>; port: { name: string } | { number: number } },
  annotations: Record<string, pulumi.Input<string>>,
): k8s.networking.v1.IngressArgs {
  return {
    metadata: {
      name,
      namespace: args.namespace,
      labels: { app: name },
      annotations: {
        [`${ALB}/scheme`]: args.scheme ?? "internet-facing",
        [`${ALB}/target-type`]: "ip",
        // The redirect needs a listener to redirect to.
        [`${ALB}/listen-ports`]: '[{"HTTP":80},{"HTTPS":443}]',
        [`${ALB}/ssl-redirect`]: "443",
        [`${ALB}/healthcheck-path`]: args.healthCheckPath ?? "/health",
        [`${ALB}/ssl-policy`]: args.sslPolicy ?? "ELBSecurityPolicy-TLS13-1-2-2021-06",
        [`${ALB}/success-codes`]: args.healthCheck?.successCodes ?? "200",
        [`${ALB}/healthcheck-interval-seconds`]: String(args.healthCheck?.intervalSeconds ?? 15),
        [`${ALB}/healthcheck-timeout-seconds`]: String(args.healthCheck?.timeoutSeconds ?? 5),
        [`${ALB}/healthy-threshold-count`]: String(args.healthCheck?.healthyThreshold ?? 2),
        [`${ALB}/unhealthy-threshold-count`]: String(args.healthCheck?.unhealthyThreshold ?? 2),
        [`${ALB}/target-group-attributes`]: [
          `deregistration_delay.timeout_seconds=${args.deregistrationSeconds ?? 30}`,
          ...(args.stickySeconds === undefined
            ? []
            : ["stickiness.enabled=true", "stickiness.type=lb_cookie", `stickiness.lb_cookie.duration_seconds=${args.stickySeconds}`]),
        ].join(","),
        ...(args.idleTimeoutSeconds === undefined
          ? {}
          : { [`${ALB}/load-balancer-attributes`]: `idle_timeout.timeout_seconds=${args.idleTimeoutSeconds}` }),
        ...protocol(args.protocolVersion),
        ...(args.ipAddressType === "dualstack" ? { [`${ALB}/ip-address-type`]: "dualstack" } : {}),
        ...annotations,
      },
    },
    spec: {
      ingressClassName: args.className ?? "alb",
      rules: [args.host, ...(args.also ?? [])].map((host) => {
        const routes = (args.routes ?? []).filter((r) => r.host === undefined || r.host === host);
        return {
          host,
          http: {
            // The controller asks the longest path first, whatever their order here.
            paths: [
              ...(routes.some((r) => r.path === "/") ? [] : [{ path: "/", pathType: "Prefix", backend: { service } }]),
              ...routes.map((r) => ({
                path: r.path,
                pathType: "Prefix",
                backend: { service: { name: r.service, port: { number: r.port } } },
              })),
            ],
          },
        };
      }),
    },
  };
}
