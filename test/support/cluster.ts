import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ClusterClients, clusterClients } from "../../src/adapters/kubernetes/clients.js";
import { projectRoot } from "../../src/engine/engine.js";
import type { Registered } from "../components/harness.js";
import { requirePart } from "./parts.js";
import { tempFolderForSuite } from "./tmp.js";

interface Running {
  kubeconfig: string;
  server: string;
  token: string;
  stop(): Promise<void>;
}
const script = async <T>(name: string): Promise<T> =>
  (await import(pathToFileURL(join(projectRoot(), "scripts", "cluster", name)).href)) as T;

/** Folder of the engine's real Kubernetes provider, for its PATH. */
export async function realProvider(context: Mocha.Context): Promise<string> {
  const { findKubernetesProvider } = await script<{ findKubernetesProvider(root: string): Promise<string | undefined> }>("provider.mjs");
  const built = await findKubernetesProvider(projectRoot());
  requirePart(context, "the engine's Kubernetes provider", built !== undefined, "npm run cluster -- --build");
  return join(built ?? "", "bin");
}

/** An object as the API server takes it. */
export interface KubernetesManifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by path
  body: any;
}

/** In CI the control plane is built beside the tests; a file stands for as long as that takes. */
async function whileBuilding(context: Mocha.Context): Promise<void> {
  const file = process.env.CUTOVER_CLUSTER_BUILDING;
  if (file === undefined || !existsSync(file)) return;
  context.timeout(40 * 60_000);
  while (existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 1_000));
  context.timeout(180_000);
}

/** A real Kubernetes control plane with simulated nodes and the Argo Rollouts controller, for a `describe`. */
export function clusterForSuite() {
  const folder = tempFolderForSuite("cluster");
  let running: Running | undefined;

  before("start the control plane", async function () {
    this.timeout(180_000);
    await whileBuilding(this);
    const { findCluster } = await script<{ findCluster(root: string): Promise<string | undefined> }>("build.mjs");
    const built = await findCluster(projectRoot());
    requirePart(this, "a Kubernetes control plane", built !== undefined, "npm run cluster -- --build");
    const { startCluster } = await script<{ startCluster(options: object): Promise<Running> }>("start.mjs");
    running = await startCluster({ built, folder: join(folder(), "state") });
  });
  after("stop the control plane", async function () {
    this.timeout(30_000);
    await running?.stop();
  });

  const cluster = {
    kubeconfig: (): string => running?.kubeconfig ?? "",
    /** As the administrator, or as whoever a token says. */
    async clients(token?: string): Promise<ClusterClients> {
      if (running === undefined) throw new Error("the control plane does not run");
      if (token === undefined) return clusterClients({ kubeconfig: running.kubeconfig });
      const file = join(folder(), `kubeconfig-${token.slice(-8)}`);
      await writeFile(file, (await readFile(running.kubeconfig, "utf8")).replace(running.token, token));
      return clusterClients({ kubeconfig: file });
    },
    /** A request to the API server. */
    request(method: string, path: string, body?: object, type = "application/json"): Promise<Answer> {
      const headers = { Authorization: `Bearer ${running?.token}`, ...(body === undefined ? {} : { "Content-Type": type }) };
      return new Promise((resolve, reject) => {
        const request = https.request(`${running?.server}${path}`, { method, headers, rejectUnauthorized: false }, (response) => {
          let text = "";
          response.on("data", (data) => {
            text += data;
          });
          response.once("end", () => resolve({ status: response.statusCode ?? 0, body: jsonOf(text) }));
        });
        request.once("error", reject);
        request.end(body === undefined ? undefined : JSON.stringify(body));
      });
    },
    /** The API server behind a proxy that may take a request for itself. */
    async behind(
      takes: (path: string, response: ServerResponse) => boolean,
      deadlineMs = 30_000,
    ): Promise<{ clients: ClusterClients; close(): Promise<void> }> {
      const proxy = createServer((incoming, response) => {
        const path = incoming.url ?? "/";
        if (takes(path, response)) return;
        const { host: _, ...headers } = incoming.headers;
        const outgoing = https.request(
          `${running?.server}${path}`,
          { method: incoming.method, headers, rejectUnauthorized: false },
          (answer) => {
            response.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(response);
          },
        );
        outgoing.once("error", () => response.destroy());
        response.once("close", () => outgoing.destroy());
        incoming.pipe(outgoing);
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      const file = join(folder(), "kubeconfig-proxy");
      const text = await readFile(running?.kubeconfig ?? "", "utf8");
      await writeFile(file, text.replace(running?.server ?? "", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`));
      return {
        clients: clusterClients({ kubeconfig: file, deadlineMs }),
        close: () => {
          proxy.closeAllConnections();
          return new Promise((resolve) => proxy.close(() => resolve()));
        },
      };
    },
    /** Server-side apply, strictly: a field that the kind does not have is refused. */
    apply(object: KubernetesManifest, dryRun = false): Promise<Answer> {
      const query = `fieldManager=test&force=true&fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
      return cluster.request("PATCH", `${pathOf(object)}?${query}`, object, "application/apply-patch+yaml");
    },
  };
  return cluster;
}

/** The API server's answer, or its words as a message: what it does not serve it answers in plain text. */
function jsonOf(text: string): Answer["body"] {
  try {
    return JSON.parse(text || "{}");
  } catch {
    return { message: text };
  }
}

const PLURALS: [RegExp, string][] = [
  [/y$/, "ies"],
  [/s$/, "ses"],
  [/$/, "s"],
];
/** Kinds that belong to no namespace. */
const CLUSTER_WIDE = ["Namespace", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"];

export function pathOf({ apiVersion, kind, metadata: { name, namespace } }: KubernetesManifest): string {
  const lower = kind.toLowerCase();
  const [pattern, ending] = PLURALS.find(([p]) => p.test(lower)) ?? [/$/, "s"];
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${base}${CLUSTER_WIDE.includes(kind) ? "" : `/namespaces/${namespace ?? "default"}`}/${lower.replace(pattern, ending)}/${name}`;
}

/** What a program registered for Kubernetes, as objects for the API server. */
export function objectsOf(all: Registered[]): KubernetesManifest[] {
  return all.flatMap(({ type, inputs }) => {
    if (!type.startsWith("kubernetes:") || type.startsWith("kubernetes:helm.sh")) return [];
    const object = JSON.parse(
      JSON.stringify(inputs).replaceAll('"x_kubernetes_preserve_unknown_fields"', '"x-kubernetes-preserve-unknown-fields"'),
    );
    return [object as KubernetesManifest];
  });
}
