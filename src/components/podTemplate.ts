import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { require, requireNumber, requireText } from "./checks.js";
import { container, extraContainer, mainPort, PRE_STOP_SECONDS, pauses } from "./container.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { folders } from "./podFolders.js";

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
