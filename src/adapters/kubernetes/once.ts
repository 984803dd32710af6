import { setTimeout as sleep } from "node:timers/promises";
import { PatchStrategy, setHeaderOptions, type V1CronJob, type V1Job } from "@kubernetes/client-node";
import { onceOf, processName, scheduleOf, schedulesOf, singletonsOf } from "../../config/processes.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { Terminal, Transient } from "../../errors.js";
import { timesBetween } from "../../lib/cron.js";
import { counted } from "../../lib/plural.js";
import type { Instant } from "../../ports/observations.js";
import type { Evidence } from "../../ports/target.js";
import { orderSignal } from "../order.js";
import { asked, type ClusterClients, found, statusOf } from "./clients.js";

/** How often what is to end is looked at, in milliseconds. */
const LOOK_MS = 1_000;
/** More missed runs of one schedule are no handover any more: a person decides. */
const MOST_MISSED = 20;
const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
const MINUTE_MS = 60_000;

/** What may run once and runs, or could begin by itself, on the new side; each as a person would say it. */
export async function runningOnce(clients: ClusterClients, config: StackConfig): Promise<string[]> {
  const namespace = namespaceOf(config);
  const running: string[] = [];
  for (const [process, { kind }] of onceOf(config)) {
    const name = processName(config.application.name, process);
    if (kind === "schedule") {
      const cronJob = await cronJobOf(clients, namespace, name);
      if (cronJob !== undefined && cronJob.spec?.suspend !== true) running.push(`the CronJob ${name}`);
    } else {
      const what = `read the Deployment ${namespace}/${name}`;
      const deployment = await found(what, clients.apps.readNamespacedDeployment({ name, namespace }));
      if (deployment !== undefined && (deployment.spec?.replicas ?? 1) > 0) running.push(`the Deployment ${name}`);
    }
    const labelSelector = `app=${name}`;
    const jobs = await asked(`list the jobs with ${labelSelector}`, clients.batch.listNamespacedJob({ namespace, labelSelector }));
    for (const job of jobs.items) if (!isOver(job)) running.push(`the job ${job.metadata?.name}`);
    const pods = await asked(`list the pods with ${labelSelector}`, clients.core.listNamespacedPod({ namespace, labelSelector }));
    // One that is asked to go runs until it is gone.
    for (const { metadata, status } of pods.items)
      if (!["Succeeded", "Failed"].includes(status?.phase ?? "")) running.push(`the pod ${metadata?.name}`);
  }
  return running;
}

/**
 * Nothing begins any more, and what runs comes to its end: schedules are suspended, singletons asked to stop.
 * @throws Terminal when something still runs after `handover.stopSeconds`
 */
export async function stopOnce(clients: ClusterClients, config: StackConfig): Promise<Evidence> {
  const namespace = namespaceOf(config);
  const app = config.application.name;
  for (const [process] of schedulesOf(config)) {
    const name = processName(app, process);
    const suspend = { name, namespace, body: { spec: { suspend: true } } };
    await found(`suspend the CronJob ${namespace}/${name}`, clients.batch.patchNamespacedCronJob(suspend, merge));
  }
  for (const [process] of singletonsOf(config)) {
    const name = processName(app, process);
    const none = { name, namespace, body: { spec: { replicas: 0 } } };
    await found(`stop the Deployment ${namespace}/${name}`, clients.apps.patchNamespacedDeployment(none, merge));
  }
  const deadline = Date.now() + config.handover.stopSeconds * 1_000;
  for (;;) {
    const running = await runningOnce(clients, config);
    if (running.length === 0) return { summary: `Nothing of ${names(config)} runs on the new side.` };
    if (Date.now() > deadline)
      throw new Terminal(`On the new side ${running.join(", ")} did not come to an end within ${config.handover.stopSeconds} s.`, {
        next: "End it, or give it longer (handover.stopSeconds), and resume.",
      });
    await sleep(LOOK_MS, undefined, { ...(orderSignal() === undefined ? {} : { signal: orderSignal() as AbortSignal }) });
  }
}

/**
 * Runs what each schedule missed from an instant until its CronJob came to the new side, in order and one at a time. A run has the
 * name that the CronJob's controller would give it, so that nothing runs twice.
 */
export async function catchUp(clients: ClusterClients, config: StackConfig, since: Instant): Promise<Evidence> {
  const namespace = namespaceOf(config);
  const ran: string[] = [];
  for (const [process, { schedule, timeZone }] of schedulesOf(config)) {
    const name = processName(config.application.name, process);
    const cronJob = await cronJobOf(clients, namespace, name);
    const created = cronJob?.metadata?.creationTimestamp;
    if (cronJob === undefined || created === undefined) throw new Transient(`There is no CronJob ${namespace}/${name} yet.`);
    const times = timesBetween(scheduleOf(schedule), timeZone, since, new Date(created).getTime());
    if (times.length > MOST_MISSED)
      throw new Terminal(`${name} missed ${times.length} runs: more than ${MOST_MISSED} are not made up for automatically.`, {
        next: `Run what is still wanted by hand: kubectl create job --from=cronjob/${name}.`,
      });
    for (const at of times) {
      const run = await runOnce(clients, config, cronJob, at);
      ran.push(`${name} of ${new Date(at).toISOString()}${run ? "" : ", which failed"}`);
    }
  }
  const summary = ran.length === 0 ? "No schedule missed a run." : `${counted(ran.length, "missed run")} made up for: ${ran.join("; ")}.`;
  return { summary, facts: { runs: ran.length } };
}

async function runOnce(clients: ClusterClients, config: StackConfig, cronJob: V1CronJob, at: Instant): Promise<boolean> {
  const namespace = namespaceOf(config);
  const { name = "", uid = "" } = cronJob.metadata ?? {};
  const job = `${name}-${Math.floor(at / MINUTE_MS)}`;
  const template = cronJob.spec?.jobTemplate;
  const body: V1Job = {
    metadata: {
      name: job,
      namespace,
      ...(template?.metadata?.labels === undefined ? {} : { labels: template.metadata.labels }),
      annotations: {
        "cronjob.kubernetes.io/instantiate": "manual",
        "batch.kubernetes.io/cronjob-scheduled-timestamp": new Date(at).toISOString(),
      },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name, uid, controller: true }],
    },
    ...(template?.spec === undefined ? {} : { spec: template.spec }),
  };
  const what = `run the job ${namespace}/${job}`;
  await clients.batch.createNamespacedJob({ namespace, body }).catch((error: unknown) =>
    // The controller, or the same effect, made it before.
    statusOf(error) === 409 ? undefined : asked(what, Promise.reject(error)),
  );
  const deadline = Date.now() + config.handover.stopSeconds * 1_000;
  for (;;) {
    const now = await found(what, clients.batch.readNamespacedJob({ name: job, namespace }));
    if (now === undefined) return true;
    if (isOver(now)) return now.status?.conditions?.some((c) => c.type === "Complete" && c.status === "True") === true;
    if (Date.now() > deadline) throw new Terminal(`The job ${namespace}/${job} did not end within ${config.handover.stopSeconds} s.`);
    await sleep(LOOK_MS);
  }
}

const isOver = ({ status }: V1Job): boolean =>
  status?.conditions?.some((c) => (c.type === "Complete" || c.type === "Failed") && c.status === "True") === true;

const cronJobOf = (clients: ClusterClients, namespace: string, name: string): Promise<V1CronJob | undefined> =>
  found(`read the CronJob ${namespace}/${name}`, clients.batch.readNamespacedCronJob({ name, namespace }));

const names = (config: StackConfig): string =>
  onceOf(config)
    .map(([name]) => name)
    .join(", ");
