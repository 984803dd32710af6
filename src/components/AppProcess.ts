import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { require, requireName, requireNumber } from "./checks.js";
import { FORCED } from "./objects.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { checkPodTemplate } from "./podTemplate.js";
import { processIdentity, processObjects } from "./processObjects.js";
import { type Transform, transformed } from "./support.js";

export interface AppProcessArgs extends PodTemplateArgs {
  /** The application that it is part of: its ServiceAccount and Secret are the process's too. */
  app: string;
  /** Kubernetes namespace; it must exist. */
  namespace: pulumi.Input<string>;
  /**
   * What it is: `service` serves others in the cluster, `worker` takes work from a queue, `singleton` runs once in the world,
   * `schedule` runs at times and never beside itself, `release` runs to its end.
   */
  kind: "service" | "worker" | "singleton" | "schedule" | "release";
  /** Pods of a service or worker; 0 or 1 of a singleton. @default 2, and 1 of a singleton */
  replicas?: number;
  /** Port of a service's Service. @default 80 */
  servicePort?: number;
  /** Annotations of a service's Service, such as its target group's. @default none */
  serviceAnnotations?: Record<string, string>;
  /** When a schedule runs: five fields, or a word such as @hourly. */
  schedule?: string;
  /** IANA time zone of the schedule. @default "UTC" */
  timeZone?: string;
  /** How late a run of a schedule may begin. @default 120 */
  startingDeadlineSeconds?: number;
  /** How long a run of a schedule may take. @default without a bound */
  deadlineSeconds?: number | undefined;
  /** How often a run that failed is begun again. @default 0 */
  retries?: number;
  /** How long a release may take. @default 600 */
  timeoutSeconds?: number;
  /** Changes to the underlying resources before they are registered. */
  transform?: { deployment?: Transform<k8s.apps.v1.DeploymentArgs>; cronJob?: Transform<k8s.batch.v1.CronJobArgs> };
}

/**
 * One process of an application beside its web process, with the application's own identity and Secret.
 *
 * @example
 * new AppProcess("sidekiq", { app: "web-api", namespace: "production", kind: "worker", image, command: ["sidekiq"], replicas: 3 });
 *
 * A `singleton` is replaced, never doubled; a `schedule` is a CronJob whose runs never overlap (concurrencyPolicy Forbid). Which of
 * two sides they run on is not theirs to say: `MigratedApp` makes them only where `handover` has put them.
 *
 * @seed batch-processor: hourly, started by cron
 * @cost The pods' requests on the cluster's nodes.
 */
export class AppProcess extends pulumi.ComponentResource {
  /** Name of the Service; undefined unless it is a service. */
  readonly serviceName: pulumi.Output<string> | undefined;
  readonly nodes: {
    deployment?: k8s.apps.v1.Deployment;
    cronJob?: k8s.batch.v1.CronJob;
    job?: k8s.batch.v1.Job;
    service?: k8s.core.v1.Service;
  };

  constructor(name: string, args: AppProcessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:AppProcess", `${args.app}-${name}`, {}, opts);
    const at = `AppProcess(${name})`;
    requireName(`${at}.name`, name);
    requireName(`${at}.app`, args.app);
    requireName(`${at}.namespace`, args.namespace);
    requireNumber(`${at}.replicas`, args.replicas, 0, args.kind === "singleton" ? 1 : 10_000);
    require((args.kind === "schedule") ===
      (args.schedule !== undefined), `${at}.schedule`, args.schedule, "a schedule for a process of that kind, and for no other");
    checkPodTemplate(at, { preStopSeconds: 0, ...args });
    const identity = processIdentity(args.app, name, args.namespace);
    this.nodes = {};
    for (const { kind, object } of processObjects(name, args)) this.make(identity.full, kind, object, args);
    this.serviceName = this.nodes.service?.metadata.name;
    this.registerOutputs({});
  }

  private make(full: string, kind: string, object: object, { transform }: AppProcessArgs): void {
    const own = { parent: this };
    switch (kind) {
      case "Deployment": {
        const plain = object as k8s.apps.v1.DeploymentArgs;
        const forced = { ...plain, metadata: { ...plain.metadata, annotations: FORCED } };
        this.nodes.deployment = new k8s.apps.v1.Deployment(...transformed(transform?.deployment, full, forced, own));
        break;
      }
      case "CronJob":
        this.nodes.cronJob = new k8s.batch.v1.CronJob(...transformed(transform?.cronJob, full, object as k8s.batch.v1.CronJobArgs, own));
        break;
      case "Job": {
        const job = object as k8s.batch.v1.JobArgs;
        // Made once, before the first pods: later versions' runs are steps of the plan, so that no way back runs an earlier one again.
        const annotated = { ...job, metadata: { ...job.metadata, annotations: { "pulumi.com/replaceUnready": "true" } } };
        this.nodes.job = new k8s.batch.v1.Job(full, annotated, { ...own, ignoreChanges: ["spec", "metadata"] });
        break;
      }
      case "Service":
        this.nodes.service = new k8s.core.v1.Service(full, object, own);
        break;
      case "NetworkPolicy":
        new k8s.networking.v1.NetworkPolicy(full, object, own);
        break;
      default:
        new k8s.policy.v1.PodDisruptionBudget(full, object, own);
    }
  }
}
