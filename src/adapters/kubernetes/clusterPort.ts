import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { V1Job, V1PodSpec } from "@kubernetes/client-node";
import { filesIn, processArgs } from "../../components/appPods.js";
import { processObjects } from "../../components/processObjects.js";
import { liveOf, liveUrl } from "../../config/live.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { Terminal, Transient } from "../../errors.js";
import { counted } from "../../lib/plural.js";
import type { ClusterPort } from "../../ports/target.js";
import { fenced } from "../order.js";
import { asked, type ClusterClients, found, statusOf } from "./clients.js";
import { catchUp, stopOnce } from "./once.js";
import { abortRollout, promoteRollout } from "./rollouts.js";
import { usageEvidence } from "./usage.js";
import { waitFor } from "./waiting.js";

const SMOKE_SECONDS = 120;
const PROBE_MS = 5_000;
/** Lines of a failed run's log that the error shows. */
const SHOWN = 5;

/** Pods that cutover runs once: no rights, no token, nothing writable. */
const restricted = (name: string, image: string, command: { command?: string[]; args?: string[] }): V1PodSpec => ({
  restartPolicy: "Never",
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 1001, seccompProfile: { type: "RuntimeDefault" } },
  containers: [
    {
      name,
      image,
      ...command,
      resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    },
  ],
});

/** The name of what an effect makes: the same when it is asked for again. */
const nameFor = (what: string, key: string): string => `${what}-${createHash("sha256").update(key).digest("hex").slice(0, 10)}`;

/** The cluster port over the Kubernetes API. */
export const kubernetesClusterPort = (clients: ClusterClients, config: () => StackConfig): ClusterPort =>
  fenced(clusterPort(clients, config));

function clusterPort(clients: ClusterClients, config: () => StackConfig): ClusterPort {
  const at = () => ({ app: config().application.name, namespace: namespaceOf(config()), config: config() });
  return {
    smokeTest: async ({ key }) => {
      const { namespace, config: c } = at();
      const url = liveUrl(c);
      const run = await runJob(clients, {
        name: nameFor("smoke-test", key),
        namespace,
        image: c.verification.smokeImage,
        args: ["-fsS", "-m", "10", url],
        timeoutSeconds: SMOKE_SECONDS,
      });
      if (!run.complete) throw new Terminal(`The smoke test failed: GET ${url} did not answer 200.${shown(run.log)}`);
      return { summary: `GET ${url} answered 200.`, files: { "smoke-test.log": run.log } };
    },
    integrationTest: async ({ key }) => {
      const { namespace, config: c } = at();
      const { integrationCommand, integrationTimeoutSeconds } = c.verification;
      const name = nameFor("integration-tests", key);
      const run = await runJob(clients, {
        name,
        namespace,
        image: liveOf(c).image,
        command: integrationCommand,
        timeoutSeconds: integrationTimeoutSeconds,
      });
      if (!run.complete)
        throw new Terminal(`job/${name} failed.${shown(run.log)}`, { next: `Its whole log: kubectl logs job/${name} -n ${namespace}` });
      return {
        summary: `job/${name} completed in ${run.seconds} s.`,
        facts: { seconds: run.seconds },
        files: { "integration-tests.log": run.log },
      };
    },
    runRelease: async (process, { key }) => {
      const { namespace, config: c } = at();
      const name = nameFor(`${c.application.name}-${process}`, key);
      const body = releaseOf(c, process, name);
      const run = await runBody(clients, body, body.spec?.activeDeadlineSeconds ?? 600);
      if (!run.complete)
        throw new Terminal(`job/${name} failed, so the version does not start.${shown(run.log)}`, {
          next: `Its whole log: kubectl logs job/${name} -n ${namespace}`,
        });
      return {
        summary: `${process} of ${body.spec?.template.spec?.containers[0]?.image} ended well in ${run.seconds} s.`,
        facts: { seconds: run.seconds },
        files: { [`${process}.log`]: run.log },
      };
    },
    stopOnce: () => stopOnce(clients, config()),
    catchUp: (since) => catchUp(clients, config(), since),
    logs: async (selector, tail) => {
      const { namespace } = at();
      const labels = Object.entries(selector)
        .map(([k, v]) => `${k}=${v}`)
        .join(",");
      const log = await logsOf(clients, namespace, labels, tail);
      const lines = log.split("\n").filter((l) => l !== "").length;
      return { summary: `${counted(lines, "log line")} of the pods with ${labels} kept.`, files: { "pods.log": log } };
    },
    probeLoadBalancer: async () => {
      const { app, namespace, config: c } = at();
      const ingress = await found(
        `read the ingress ${namespace}/${app}`,
        clients.networking.readNamespacedIngress({ name: app, namespace }),
      );
      const address = ingress?.status?.loadBalancer?.ingress?.[0];
      const hostname = address?.hostname ?? address?.ip;
      if (hostname === undefined) throw new Transient(`The ingress ${namespace}/${app} has no address yet.`);
      const host = c.ingress?.host ?? "";
      const status = await probe(hostname, address?.ports?.[0]?.port ?? 80, host, c.ingress?.healthCheckPath ?? "/health");
      if (status !== 200) throw new Terminal(`GET /health at ${hostname} with Host ${host} answered ${status}, not 200.`);
      return { summary: `GET /health at ${hostname} with Host ${host} answered 200.`, facts: { status, hostname } };
    },
    rolloutAbort: () => abortRollout(clients, at().namespace, at().app),
    rolloutPromote: () => promoteRollout(clients, at().namespace, at().app),
    usage: () => usageEvidence(clients, at().namespace, at().app, config().workload.resources.requests),
  };
}

interface JobRun {
  name: string;
  namespace: string;
  image: string;
  command?: string[];
  args?: string[];
  timeoutSeconds: number;
}

/** Runs a Job once, whoever asks again, and waits for its end. The cluster removes it a day later. */
async function runJob(
  clients: ClusterClients,
  { name, namespace, image, timeoutSeconds, ...command }: JobRun,
): Promise<{ complete: boolean; seconds: number; log: string }> {
  const labels = { "app.kubernetes.io/managed-by": "cutover" };
  const body: V1Job = {
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: timeoutSeconds,
      ttlSecondsAfterFinished: 86_400,
      template: { metadata: { labels }, spec: restricted(name, image, command) },
    },
  };
  return runBody(clients, body, timeoutSeconds);
}

/** The Job of a release process, on the version that is to start. */
function releaseOf(config: StackConfig, name: string, job: string): V1Job {
  const process = config.processes[name];
  if (process?.kind !== "release") throw new Terminal(`The stack config has no process ${name} of kind release.`);
  const next = { ...process, first: true, image: process.image ?? config.strategy.image };
  const args = processArgs(config, next, undefined, filesIn(config, name).files);
  const [made] = args === undefined ? [] : processObjects(name, args);
  const plain = JSON.parse(JSON.stringify(made?.object ?? {})) as V1Job;
  return {
    ...plain,
    metadata: { ...plain.metadata, name: job },
    ...(plain.spec === undefined ? {} : { spec: { ...plain.spec, ttlSecondsAfterFinished: 86_400 } }),
  };
}

async function runBody(
  clients: ClusterClients,
  body: V1Job,
  timeoutSeconds: number,
): Promise<{ complete: boolean; seconds: number; log: string }> {
  const { name = "", namespace = "" } = body.metadata ?? {};
  await create(`run the job ${namespace}/${name}`, clients.batch.createNamespacedJob({ namespace, body }));
  const began = Date.now();
  const state = await waitFor<V1Job>({
    clients,
    path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
    name,
    read: () => found(`read the job ${namespace}/${name}`, clients.batch.readNamespacedJob({ name, namespace })),
    done: ({ status }) => status?.conditions?.find((c) => (c.type === "Complete" || c.type === "Failed") && c.status === "True")?.type,
    // The cluster ends it at its deadline; a little later this gives up on the cluster.
    timeoutSeconds: timeoutSeconds + 30,
    what: `The job ${namespace}/${name}`,
  });
  const log = await logsOf(clients, namespace, `job-name=${name}`, undefined);
  return { complete: state === "Complete", seconds: Math.round((Date.now() - began) / 1_000), log };
}

/** Makes it, unless the same effect made it before. */
async function create(what: string, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (statusOf(error) !== 409) await asked(what, Promise.reject(error));
  }
}

async function logOf({ core }: ClusterClients, name: string, namespace: string, tailLines?: number): Promise<string> {
  // A container that wrote nothing, or a node that does not answer, leaves no log; that is no failure of what ran.
  return core.readNamespacedPodLog({ name, namespace, ...(tailLines === undefined ? {} : { tailLines }) }).catch(() => "");
}

async function logsOf(clients: ClusterClients, namespace: string, labelSelector: string, tail: number | undefined): Promise<string> {
  const { items } = await asked(`list the pods with ${labelSelector}`, clients.core.listNamespacedPod({ namespace, labelSelector }));
  const logs = await Promise.all(
    items.map(async ({ metadata }) => `== ${metadata?.name}\n${await logOf(clients, metadata?.name ?? "", namespace, tail)}`),
  );
  return `${logs.join("\n")}\n`;
}

const shown = (log: string): string => {
  const lines = log.trim().split("\n").filter(Boolean).slice(-SHOWN);
  return lines.length === 0 ? "" : ` Its last lines: ${lines.join(" / ")}`;
};

/** `curl -H "Host: …" http://LOAD_BALANCER/health`, and over HTTPS where that is what the load balancer redirects to. */
async function probe(hostname: string, port: number, host: string, path: string): Promise<number> {
  const get = (secure: boolean): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { hostname, path, headers: { Host: host }, timeout: PROBE_MS };
      const request = secure ? https.get({ ...options, port: 443, servername: host }) : http.get({ ...options, port });
      request.once("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.once("timeout", () => request.destroy(new Error(`no answer within ${PROBE_MS / 1_000} s`)));
      request.once("error", reject);
    });
  try {
    const status = await get(false);
    return status === 301 || status === 308 ? await get(true) : status;
  } catch (cause) {
    throw new Transient(`GET ${path} at ${hostname} failed: ${(cause as Error).message}`, { cause });
  }
}
