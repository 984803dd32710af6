// Starts the control plane on loopback: etcd, API server, controllers, scheduler, kwok for the nodes, Argo Rollouts.
import { spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import https from "node:https";
import { join } from "node:path";
import { Failure } from "../failure.mjs";
import { freePort } from "../freePort.mjs";

const READY_MS = 90_000;
/** A request to the API server as the administrator. Its certificate is its own, and it is on loopback only. */
function api({ port, token }, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
    const request = https.request({ host: "127.0.0.1", port, method, path, headers, rejectUnauthorized: false }, (response) => {
      let text = "";
      response.on("data", (data) => {
        text += data;
      });
      response.once("end", () => resolve({ status: response.statusCode, text }));
    });
    request.once("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function until(what, look) {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (await look().catch(() => false)) return;
    if (Date.now() > deadline)
      throw new Failure(`${what} did not become ready within ${READY_MS / 1_000} s; its log lies in the cluster's folder.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/**
 * @param built folder of the built control plane
 * @param folder an empty folder for state and logs
 * @returns { kubeconfig, server, token, stop } once it takes work
 */
export async function startCluster({ built, folder, nodes = 3 }) {
  await mkdir(folder, { recursive: true });
  const children = [];
  const start = (name, args) => {
    const child = spawn(join(built, "bin", name), args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(join(folder, `${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    children.push(child);
  };
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
  };
  try {
    const [client, peer, port] = await Promise.all([freePort(), freePort(), freePort()]);
    const token = randomBytes(24).toString("hex");
    const keys = generateKeyPairSync("rsa", {
      modulusLength: 2_048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const file = (name) => join(folder, name);
    await writeFile(file("tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    await writeFile(file("sa.key"), keys.privateKey, { mode: 0o600 });
    await writeFile(file("sa.pub"), keys.publicKey);
    const kubeconfig = file("kubeconfig");
    await writeFile(kubeconfig, kubeconfigOf(port, token), { mode: 0o600 });

    const etcd = `http://127.0.0.1:${client}`;
    start("etcd", [
      "--data-dir",
      file("etcd"),
      "--listen-client-urls",
      etcd,
      "--advertise-client-urls",
      etcd,
      "--listen-peer-urls",
      `http://127.0.0.1:${peer}`,
      "--unsafe-no-fsync",
      "--log-level",
      "warn",
    ]);
    start("kube-apiserver", [
      `--etcd-servers=${etcd}`,
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--cert-dir=${file("certificates")}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("sa.pub")}`,
      `--service-account-signing-key-file=${file("sa.key")}`,
      `--token-auth-file=${file("tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--disable-admission-plugins=ServiceAccount",
    ]);
    const server = { port, token };
    await until("The API server", async () => (await api(server, "GET", "/readyz")).status === 200);
    start("kube-controller-manager", [
      `--kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--controllers=*,-nodeipam",
      // Simulated nodes send no heartbeats.
      "--node-monitor-grace-period=24h",
      "--secure-port=0",
    ]);
    start("kube-scheduler", [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--secure-port=0"]);
    await define(server, join(built, "crds"));
    for (let i = 0; i < nodes; i += 1) await api(server, "POST", "/api/v1/nodes", node(`node-${i}`));
    start("kwok", [`--kubeconfig=${kubeconfig}`, "--manage-all-nodes", `--server-address=127.0.0.1:${await freePort()}`]);
    const [metrics, health] = await Promise.all([freePort(), freePort()]);
    start("argo-rollouts", ["--kubeconfig", kubeconfig, "--leader-elect=false", `--metricsport=${metrics}`, `--healthzPort=${health}`]);
    await until(
      "The default ServiceAccount",
      async () => (await api(server, "GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200,
    );
    await until("The nodes", async () => JSON.parse((await api(server, "GET", "/api/v1/nodes")).text).items.every(isReady));
    return { kubeconfig, server: `https://127.0.0.1:${port}`, token, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const isReady = ({ status }) => status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;

function kubeconfigOf(port, token) {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "admin" } }],
    "current-context": "local",
  });
}

function node(name) {
  const resources = { cpu: "32", memory: "128Gi", pods: "200" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: { "kwok.x-k8s.io/node": "fake" },
      labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" },
    },
    status: { allocatable: resources, capacity: resources },
  };
}

/** Argo Rollouts' own definitions, and those of the other custom resources by name alone. */
async function define(server, folder) {
  const { parse } = await import("yaml");
  const files = await Promise.all((await readdir(folder)).map(async (name) => parse(await readFile(join(folder, name), "utf8"))));
  const definitions = [
    ...files,
    open("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    open("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers"),
  ];
  for (const definition of definitions) {
    const { status, text } = await api(server, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition);
    if (status !== 201) throw new Failure(`The API server refused ${definition.metadata.name}: ${text.slice(0, 300)}`);
  }
}

function open(group, version, kind, plural) {
  const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    // Groups of Kubernetes itself are protected: a definition in them says where it was approved.
    metadata: { name: `${plural}.${group}`, annotations: { "api-approved.kubernetes.io": "unapproved, stands in for a test" } },
    spec: {
      group,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } } },
        },
      ],
    },
  };
}
