import { createRequire } from "node:module";
import * as grpc from "@grpc/grpc-js";
import type { OpenBackend, Properties, ResourceRef, SandboxBackend } from "../backend.js";
import { checkInputs, NEWEST_PACKAGE } from "../schema/check.js";
import { invoke, LISTENER_RULE, NODE_GROUP, RECORDS } from "./invokes.js";
import { planned } from "./planned.js";
import { asLive, type Difference, revealed, sealedLike } from "./properties.js";

// Pulumi's generated messages are CommonJS with setters by property; what is used of them is typed here.
const require = createRequire(import.meta.url);
/* biome-ignore lint/suspicious/noExplicitAny: the generated classes have one shape a message; the wire tests cover their use */
type Message = any;
const services: Message = require("@pulumi/pulumi/proto/provider_grpc_pb.js");
const messages: Message = require("@pulumi/pulumi/proto/provider_pb.js");
const plugin: Message = require("@pulumi/pulumi/proto/plugin_pb.js");
const { Struct }: Message = require("google-protobuf/google/protobuf/struct_pb.js");
const { Empty }: Message = require("google-protobuf/google/protobuf/empty_pb.js");

/** Connections whose settings are kept. */
const MOST_CONNECTIONS = 1_000;
const PACKAGES = ["aws", "aws-native", "kubernetes"];

export interface ProviderHost {
  port: number;
  /** What an engine needs in its environment to use this host instead of the real providers. */
  env: Record<string, string>;
  close(): Promise<void>;
}

/**
 * A gRPC server on loopback that speaks Pulumi's provider protocol and stands in for aws, aws-native and kubernetes.
 * One server serves all packages and stacks: both stand in each resource's URN.
 */
export async function startProviderHost(options: {
  open: OpenBackend;
  port?: number;
  region?: string;
  /** The records of a hosted zone, which the stacks share. @default none are known */
  zone?: (zoneId: string) => Promise<Properties[]>;
  /** A node group, as the provider shows it; a function for one that is not there fails. @default none are known */
  nodeGroup?: (id: string) => Promise<Properties | undefined>;
  /** Told each function that a program calls. */
  onCall?: (token: string) => void;
  /** A rule of a listener. @default every one is there */
  rule?: (args: Properties) => Promise<Properties>;
  /** For which the engine asks it; others it finds itself. @default all that it stands in for */
  packages?: readonly string[];
}): Promise<ProviderHost> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(services.ResourceProviderService, handlers(options, options.region ?? "us-east-2"));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    port,
    env: {
      PULUMI_DEBUG_PROVIDERS: (options.packages ?? PACKAGES).map((p) => `${p}:${port}`).join(","),
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    },
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

type Handler = (request: Message, settings: Settings) => Promise<Message>;

/** What an engine said of a provider, over the connection that it has to each. */
interface Settings {
  region: string;
  /** @see SECRET_MUTABLE */
  secretsMutable: boolean;
}

function handlers(
  { open, zone, rule, nodeGroup, onCall }: Pick<Parameters<typeof startProviderHost>[0], "open" | "zone" | "rule" | "nodeGroup" | "onCall">,
  region: string,
): grpc.UntypedServiceImplementation {
  const settingsOf = new Map<string, Settings>();
  const backendOf = (urn: string): Promise<SandboxBackend> => open(stackOf(urn));
  const unary: Record<string, Handler> = {
    attach: async () => new Empty(),
    cancel: async () => new Empty(),
    getPluginInfo: async () => {
      const info = new plugin.PluginInfo();
      info.setVersion(NEWEST_PACKAGE);
      return info;
    },
    getSchema: async () => {
      const response = new messages.GetSchemaResponse();
      response.setSchema("{}");
      return response;
    },
    checkConfig: async (request) => checked(plain(request.getNews())),
    diffConfig: async () => new messages.DiffResponse(),
    configure: async (request, settings) => {
      const args = revealed(plain(request.getArgs())) as Properties;
      if (typeof args.region === "string") settings.region = args.region;
      settings.secretsMutable = String(args.enableSecretMutable) === "true";
      const response = new messages.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    },
    invoke: async (request, { region }) => {
      const response = new messages.InvokeResponse();
      const args = revealed(plain(request.getArgs())) as Properties;
      const token = String(request.getTok());
      onCall?.(token);
      const answer =
        token === NODE_GROUP
          ? await nodeGroupOf(args, nodeGroup)
          : token === LISTENER_RULE && rule !== undefined
            ? { id: "rule", ...(await rule(args)) }
            : invoke(token, args, region);
      if (token === RECORDS && zone !== undefined) answer.resourceRecordSets = await zone(String(args.zoneId));
      response.setReturn(Struct.fromJavaScript(answer));
      return response;
    },
    check: async (request) => {
      const news = plain(request.getNews());
      return checked(news, checkInputs(typeOf(request.getUrn()), revealed(news) as Properties));
    },
    diff: async (request, settings) => diffResponse(request, settings),
    create: async (request) => {
      const ref = refOf(request);
      const inputs = plain(request.getProperties());
      const response = new messages.CreateResponse();
      if (request.getPreview()) {
        response.setProperties(Struct.fromJavaScript(inputs));
        return response;
      }
      const { id, outputs } = await (await backendOf(ref.urn)).create(ref, revealed(inputs) as Properties);
      response.setId(id);
      response.setProperties(Struct.fromJavaScript(sealedLike(outputs, inputs)));
      return response;
    },
    read: async (request) => {
      const ref = refOf(request);
      const found = await (await backendOf(ref.urn)).read(ref, request.getId());
      const response = new messages.ReadResponse();
      // An empty answer tells the engine that the resource is gone.
      if (found === undefined) return response;
      const state = plain(request.getProperties());
      const inputs = plain(request.getInputs());
      response.setId(request.getId());
      response.setProperties(Struct.fromJavaScript(sealedLike(found.outputs, state, inputs)));
      response.setInputs(Struct.fromJavaScript(sealedLike(found.inputs, state, inputs)));
      return response;
    },
    update: async (request) => {
      const ref = { ...refOf(request), ignoreChanges: request.getIgnorechangesList() as string[] };
      const olds = plain(request.getOlds());
      const news = plain(request.getNews());
      const response = new messages.UpdateResponse();
      if (request.getPreview()) {
        response.setProperties(Struct.fromJavaScript({ ...olds, ...news }));
        return response;
      }
      const { outputs } = await (await backendOf(ref.urn)).update(
        ref,
        request.getId(),
        revealed(olds) as Properties,
        revealed(news) as Properties,
      );
      response.setProperties(Struct.fromJavaScript(sealedLike(outputs, news)));
      return response;
    },
    delete: async (request) => {
      const ref = refOf(request);
      await (await backendOf(ref.urn)).delete(ref, request.getId(), revealed(plain(request.getProperties())) as Properties);
      return new Empty();
    },
  };
  return Object.fromEntries(
    Object.keys(services.ResourceProviderService).map((name) => [
      name,
      (call: { request: Message; getPeer(): string }, callback: (error: Partial<grpc.ServiceError> | null, response?: Message) => void) => {
        const handler = unary[name];
        if (handler === undefined) return callback({ code: grpc.status.UNIMPLEMENTED, details: `the sandbox has no ${name}` });
        const peer = call.getPeer();
        const settings = settingsOf.get(peer) ?? { region, secretsMutable: false };
        settingsOf.delete(peer);
        settingsOf.set(peer, settings);
        // Engines end without saying so: of many connections the oldest are over.
        if (settingsOf.size > MOST_CONNECTIONS) settingsOf.delete(settingsOf.keys().next().value as string);
        handler(call.request, settings).then(
          (response) => callback(null, response),
          (error: Error) => callback({ code: grpc.status.UNKNOWN, details: error.message }),
        );
      },
    ]),
  );
}

/** internal/service/eks/node_group_data_source.go: one that is not there is an error. */
async function nodeGroupOf(
  { clusterName, nodeGroupName }: Properties,
  look: ((id: string) => Promise<Properties | undefined>) | undefined,
): Promise<Properties> {
  const id = `${clusterName}:${nodeGroupName}`;
  const found = await look?.(id);
  if (found === undefined) throw new Error(`reading EKS Node Group (${id}): couldn't find resource`);
  return { id, clusterName, nodeGroupName, ...found };
}

function diffResponse(request: Message, settings: Pick<Settings, "secretsMutable">): Message {
  const type = typeOf(request.getUrn());
  const inputs = (revealed(plain(request.getOldInputs())) ?? {}) as Properties;
  const before = type.startsWith("kubernetes:") ? asLive(inputs, revealed(plain(request.getOlds())) as Properties) : inputs;
  const after = (revealed(plain(request.getNews())) ?? {}) as Properties;
  const { differences: found, replacing } = planned(type, before, after, { ...settings, ignored: request.getIgnorechangesList() });
  const response = new messages.DiffResponse();
  const { DiffChanges } = messages.DiffResponse;
  response.setChanges(found.length === 0 ? DiffChanges.DIFF_NONE : DiffChanges.DIFF_SOME);
  response.setHasdetaileddiff(true);
  response.setReplacesList([...new Set(replacing.map(topLevel))]);
  response.setDiffsList([...new Set(found.map(topLevel))]);
  for (const difference of found)
    response.getDetaileddiffMap().set(difference.path, propertyDiff(difference, replacing.includes(difference)));
  // Names are explicit, so the old object must go before the new one can take its name.
  response.setDeletebeforereplace(replacing.length > 0);
  return response;
}

const topLevel = (d: Difference): string => /^[^.[]+/.exec(d.path)?.[0] ?? d.path;

function propertyDiff({ kind }: Difference, replacing: boolean): Message {
  const { Kind } = messages.PropertyDiff;
  const diff = new messages.PropertyDiff();
  const name = `${kind.toUpperCase()}${replacing ? "_REPLACE" : ""}`;
  diff.setKind(Kind[name]);
  diff.setInputdiff(true);
  return diff;
}

function checked(inputs: Properties, failures: { property: string; reason: string }[] = []): Message {
  const response = new messages.CheckResponse();
  response.setInputs(Struct.fromJavaScript(inputs));
  response.setFailuresList(
    failures.map(({ property, reason }) => {
      const failure = new messages.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

const plain = (struct: Message): Properties => (struct === undefined || struct === null ? {} : struct.toJavaScript());
/** `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME` */
const stackOf = (urn: string): string => urn.split("::")[0]?.replace("urn:pulumi:", "") ?? "";
const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";
const refOf = (request: Message): ResourceRef => ({ urn: request.getUrn(), type: typeOf(request.getUrn()) });
