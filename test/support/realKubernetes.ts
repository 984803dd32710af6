import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import { StackFile } from "../../src/config/stackFile.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { type Answer, clusterForSuite, realProvider } from "./cluster.js";
import { inSandbox } from "./sandbox.js";
import { tempFolder } from "./tmp.js";

// biome-ignore lint/suspicious/noExplicitAny: generated messages of one shape a kind
type Message = any;
const require = createRequire(import.meta.url);
const { ResourceProviderService, ResourceProviderClient }: Message = require("@pulumi/pulumi/proto/provider_grpc_pb.js");
const { EngineService }: Message = require("@pulumi/pulumi/proto/engine_grpc_pb.js");
const { Empty }: Message = require("google-protobuf/google/protobuf/empty_pb.js");
const { DiffResponse }: Message = require("@pulumi/pulumi/proto/provider_pb.js");

/** What the real provider and the stand-in were both asked, where they did not say the same. */
export interface Disagreement {
  call: "check" | "diff";
  urn: string;
  real: string;
  standIn: string;
}

export interface RealKubernetes {
  /** What leads an engine to the stand-ins for AWS and to the real provider for Kubernetes. */
  env: Record<string, string>;
  disagreements: Disagreement[];
  /** Checks and Diffs that both were asked. */
  compared: { check: number; diff: number };
  close(): Promise<void>;
}

/**
 * The engine's real Kubernetes provider on a real API server, with the simulated world beside it: every call goes to the real
 * one, what it did is told to the world, and every Check and Diff is put to the stand-in too. A small controller plays the AWS
 * Load Balancer Controller: it writes a host name into the status of each Ingress of class `alb`, as
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/how-it-works/ says, and nothing more.
 * @param state the sandbox's folder
 */
export async function realKubernetes(options: {
  bin: string;
  kubeconfig: string;
  state: string;
  request: (method: string, path: string, body?: object, type?: string) => Promise<Answer>;
  /** Called when an object was updated, before the engine hears of it. */
  updated?: ((urn: string) => Promise<void>) | undefined;
}): Promise<RealKubernetes> {
  const { bin, kubeconfig, state, request, updated } = options;
  const sandbox = await Sandbox.open({
    folder: state,
    config: async (stack) => (await StackFile.read(join(state, "stacks"), stack)).config(),
  });
  const standIns = await startProviderHost({
    open: (stack) => sandbox.open(stack),
    zone: (zoneId) => sandbox.zone(zoneId),
    rule: (args) => sandbox.rule(args),
    nodeGroup: (id) => sandbox.nodeGroup(id),
  });
  const engine = await served(EngineService, {
    log: async () => new Empty(),
  });
  const child = spawn(join(bin, "pulumi-resource-kubernetes"), [`127.0.0.1:${engine.port}`], {
    env: { ...process.env, KUBECONFIG: kubeconfig, PULUMI_K8S_ENABLE_SECRET_MUTABLE: "true" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const real = new ResourceProviderClient(`127.0.0.1:${await portOf(child)}`, grpc.credentials.createInsecure(), LARGE);
  const standIn = new ResourceProviderClient(`127.0.0.1:${standIns.port}`, grpc.credentials.createInsecure(), LARGE);
  const disagreements: Disagreement[] = [];
  const compared = { check: 0, diff: 0 };

  const asked = (client: Message, name: string, message: Message): Promise<Message> =>
    new Promise((resolve, reject) =>
      client[name](message, (error: Error | null, answer: Message) => (error === null ? resolve(answer) : reject(error))),
    );
  const both = async (call: "check" | "diff", message: Message, say: (answer: Message) => string): Promise<Message> => {
    const [answer, theirs] = await Promise.all([asked(real, call, message), asked(standIn, call, message)]);
    compared[call] += 1;
    if (say(answer) !== say(theirs)) disagreements.push({ call, urn: message.getUrn(), real: say(answer), standIn: say(theirs) });
    return answer;
  };
  const isHelm = (message: Message): boolean => String(message.getUrn()).includes("kubernetes:helm.sh");
  const done = (name: string) => async (message: Message) => {
    // No chart can be fetched here.
    if (isHelm(message)) return asked(standIn, name, message);
    const answer = await asked(real, name, message);
    if (message.getPreview?.() !== true) {
      await asked(standIn, name, message);
      if (name === "update") await updated?.(message.getUrn());
    }
    return answer;
  };
  const own: Record<string, (message: Message) => Promise<Message>> = {
    // One process serves many engines: it outlives each.
    attach: async () => new Empty(),
    cancel: async () => new Empty(),
    configure: async (message) => (await Promise.all([asked(real, "configure", message), asked(standIn, "configure", message)]))[0],
    check: (message) =>
      isHelm(message) ? asked(standIn, "check", message) : both("check", message, (a) => `${a.getFailuresList().length} failures`),
    diff: (message) => (isHelm(message) ? asked(standIn, "diff", message) : both("diff", message, outcomeOf)),
    create: done("create"),
    update: done("update"),
    delete: done("delete"),
    read: (message) => asked(isHelm(message) ? standIn : real, "read", message),
  };
  const passed = Object.entries(ResourceProviderService as Record<string, { responseStream: boolean }>)
    .filter(([name, { responseStream }]) => !responseStream && !(name in own))
    .map(([name]) => [name, (message: Message) => asked(real, name, message)] as const);
  const proxy = await served(ResourceProviderService, { ...Object.fromEntries(passed), ...own });
  const controller = playLoadBalancers(request);
  return {
    env: {
      ...standIns.env,
      PULUMI_DEBUG_PROVIDERS: `aws:${standIns.port},aws-native:${standIns.port},kubernetes:${proxy.port}`,
    },
    disagreements,
    compared,
    close: async () => {
      await controller.close();
      real.close();
      standIn.close();
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      proxy.close();
      engine.close();
      await standIns.close();
    },
  };
}

type WayToCluster = Partial<Pick<Parameters<typeof realKubernetes>[0], "kubeconfig" | "updated">>;

/** A control plane with the stacks' namespaces for the suite, and what opens a sandbox on the real provider there. */
export function realProviderForSuite() {
  const cluster = clusterForSuite();
  let bin: string;
  before("namespaces", async function () {
    bin = await realProvider(this);
    for (const name of ["production", "staging"])
      await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  });

  /**
   * A sandbox on the real provider, for the length of `run`.
   * @param kubeconfig the provider's way to the cluster. @default the cluster's own
   */
  async function onRealProvider(
    context: Mocha.Context,
    name: string,
    run: (open: OpenSandbox, real: RealKubernetes) => Promise<void>,
    { kubeconfig = cluster.kubeconfig(), updated, ...more }: Parameters<typeof inSandbox>[3] & WayToCluster = {},
  ): Promise<void> {
    const state = tempFolder(name);
    const real = await realKubernetes({ bin, kubeconfig, state, request: cluster.request, updated });
    try {
      const providers = real.env;
      await inSandbox(context, name, (open) => run(open, real), { state, kubeconfig: cluster.kubeconfig(), providers, ...more });
    } finally {
      await real.close();
    }
  }
  return { cluster, onRealProvider };
}

const LARGE = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** What a Diff leads to: nothing, an update, or a replacement. */
function outcomeOf(answer: Message): string {
  if (answer.getReplacesList().length > 0) return answer.getDeletebeforereplace() ? "replace, deleted first" : "replace";
  return answer.getChanges() === DiffResponse.DiffChanges.DIFF_SOME ? "update" : "same";
}

async function served(
  service: Message,
  handlers: Record<string, (message: Message) => Promise<Message>>,
): Promise<{ port: number; close(): void }> {
  const server = new grpc.Server(LARGE);
  server.addService(
    service,
    Object.fromEntries(
      Object.keys(service).map((name) => [
        name,
        (call: { request: Message }, callback: (error: Partial<grpc.ServiceError> | null, answer?: Message) => void) => {
          const handler = handlers[name];
          if (handler === undefined) return callback({ code: grpc.status.UNIMPLEMENTED, details: name });
          handler(call.request).then(
            (answer) => callback(null, answer),
            // With its details and metadata: the engine reads from them what was done all the same.
            (error: grpc.ServiceError) =>
              callback({ code: error.code ?? grpc.status.UNKNOWN, details: error.details ?? error.message, metadata: error.metadata }),
          );
        },
      ]),
    ) as grpc.UntypedServiceImplementation,
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { port, close: () => server.forceShutdown() };
}

const portOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the provider ended with ${code}`)));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", resolve);
  });

interface IngressObject {
  metadata: { name: string; namespace: string };
  spec: { ingressClassName?: string };
  status?: { loadBalancer?: { ingress?: object[] } };
}

function playLoadBalancers(request: (method: string, path: string, body?: object, type?: string) => Promise<Answer>) {
  let on = true;
  const work = async (): Promise<void> => {
    while (on) {
      const { body } = await request("GET", "/apis/networking.k8s.io/v1/ingresses");
      for (const { metadata, spec, status } of (body?.items ?? []) as IngressObject[]) {
        if (spec.ingressClassName !== "alb" || (status?.loadBalancer?.ingress ?? []).length > 0) continue;
        const { name, namespace } = metadata;
        const hostname = `k8s-${namespace}-${name}-0123456789.us-east-2.elb.amazonaws.com`;
        const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/${name}/status`;
        await request("PATCH", path, { status: { loadBalancer: { ingress: [{ hostname }] } } }, "application/merge-patch+json");
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  const working = work().catch(() => undefined);
  return {
    close: async () => {
      on = false;
      await working;
    },
  };
}
