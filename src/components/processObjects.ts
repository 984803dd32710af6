import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { disruptionBudgetArgs, type Identity, networkPolicyArgs, serviceArgs } from "./objects.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { podTemplate } from "./podTemplate.js";

/** The Kubernetes objects of a process beside the web as plain arguments, shared by the component and by `containerize`. */

/** Part of the application, by its name; the web process's Service selects by `app` alone, so these have names of their own there. */
export const processIdentity = (app: string, process: string, namespace: Identity["namespace"]): Identity => {
  const full = `${app}-${process}`;
  return { app, full, selector: { app: full, "app.kubernetes.io/part-of": app }, namespace };
};

/** Every object of a process, by what it is. */
export function processObjects(name: string, args: ProcessShape): { apiVersion: string; kind: string; object: object }[] {
  const identity = processIdentity(args.app, name, args.namespace);
  const pods = { ...args, preStopSeconds: args.preStopSeconds ?? 0, containerName: identity.full, probes: args.probes ?? {} };
  if (args.kind === "schedule") {
    const { schedule = "", timeZone = "UTC", startingDeadlineSeconds = 120, deadlineSeconds, retries = 0 } = args;
    const run = { ...pods, portless: true, schedule, timeZone, startingDeadlineSeconds, deadlineSeconds, retries };
    return [{ apiVersion: "batch/v1", kind: "CronJob", object: cronJobArgs(identity, run) }];
  }
  if (args.kind === "release") {
    const job = releaseJobArgs(identity, { ...pods, portless: true, timeoutSeconds: args.timeoutSeconds ?? 600 });
    return [{ apiVersion: "batch/v1", kind: "Job", object: job }];
  }
  const single = args.kind === "singleton";
  const deployment = processDeploymentArgs(identity, { ...pods, replicas: args.replicas ?? (single ? 1 : 2), single });
  return [
    { apiVersion: "apps/v1", kind: "Deployment", object: deployment },
    { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", object: networkPolicyArgs(identity, pods) },
    ...(single ? [] : [{ apiVersion: "policy/v1", kind: "PodDisruptionBudget", object: disruptionBudgetArgs(identity) }]),
    ...(args.kind === "service"
      ? [{ apiVersion: "v1", kind: "Service", object: serviceArgs(identity, args, args.serviceAnnotations) }]
      : []),
  ];
}

const metadata = ({ full, namespace, selector }: Identity) => ({ name: full, namespace, labels: selector });

/** Any number of pods, or exactly one that is gone before the next comes. */
export function processDeploymentArgs(
  identity: Identity,
  args: PodTemplateArgs & { replicas: number; single: boolean },
): k8s.apps.v1.DeploymentArgs {
  const rolling = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  return {
    metadata: metadata(identity),
    spec: {
      replicas: args.replicas,
      // Two of what may run once must not overlap, not even for the time of an update.
      strategy: args.single ? { type: "Recreate" } : rolling,
      selector: { matchLabels: identity.selector },
      ...(args.single ? {} : { minReadySeconds: 5 }),
      template: podTemplate(identity.app, identity.selector, args),
    },
  };
}

/** What a process's objects are made from; the defaults stand at `AppProcessArgs`. */
export interface ProcessShape extends PodTemplateArgs {
  app: string;
  namespace: pulumi.Input<string>;
  kind: "service" | "worker" | "singleton" | "schedule" | "release";
  replicas?: number;
  servicePort?: number;
  serviceAnnotations?: Record<string, string>;
  schedule?: string;
  timeZone?: string;
  startingDeadlineSeconds?: number;
  deadlineSeconds?: number | undefined;
  retries?: number;
  timeoutSeconds?: number;
}

export interface ScheduleArgs extends PodTemplateArgs {
  /** Five fields, or a word such as @hourly. */
  schedule: string;
  /** IANA time zone of the schedule. */
  timeZone: string;
  /** How late a run may begin. */
  startingDeadlineSeconds: number;
  /** How long a run may take. @default without a bound */
  deadlineSeconds?: number | undefined;
  /** How often a run that failed is begun again. */
  retries: number;
}

export function cronJobArgs(identity: Identity, args: ScheduleArgs): k8s.batch.v1.CronJobArgs {
  return {
    metadata: metadata(identity),
    spec: {
      schedule: args.schedule,
      timeZone: args.timeZone,
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: args.startingDeadlineSeconds,
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: { metadata: { labels: identity.selector }, spec: jobSpec(identity, args, args.retries, args.deadlineSeconds) },
    },
  };
}

export function releaseJobArgs(identity: Identity, args: PodTemplateArgs & { timeoutSeconds: number }): k8s.batch.v1.JobArgs {
  return { metadata: metadata(identity), spec: jobSpec(identity, args, 0, args.timeoutSeconds) };
}

function jobSpec(
  identity: Identity,
  args: PodTemplateArgs,
  backoffLimit: number,
  activeDeadlineSeconds: number | undefined,
): k8s.types.input.batch.v1.JobSpec {
  const template = podTemplate(identity.app, identity.selector, args);
  return {
    backoffLimit,
    ...(activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds }),
    template: { ...template, spec: { ...(template.spec as k8s.types.input.core.v1.PodSpec), restartPolicy: "Never" } },
  };
}
