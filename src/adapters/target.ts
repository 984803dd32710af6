import { readFile } from "node:fs/promises";
import type { StackConfig } from "../config/schema.js";
import type { TargetConfig } from "../config/targets.js";
import { compared } from "../ports/comparison.js";
import { isOwn, type Observation, type ObservationName, type Side, unknown } from "../ports/observations.js";
import type { ObserverPort, Target } from "../ports/target.js";
import { type AwsClients, awsClients } from "./aws/clients.js";
import { awsCloudPort } from "./aws/cloudPort.js";
import { discoverDatabases } from "./aws/discovery.js";
import { wallClock } from "./clock.js";
import type { NameServer } from "./dns/answers.js";
import { type DatabaseEndpoint, type DatabaseOptions, NoAddress } from "./engines/engine.js";
import { engineOf } from "./engines/registry.js";
import { commandFleet } from "./fleet.js";
import { clusterClients } from "./kubernetes/clients.js";
import { kubernetesClusterPort } from "./kubernetes/clusterPort.js";
import type { PrometheusOptions } from "./prometheus/query.js";
import { ownMeasure } from "./sources/own.js";
import { measuresOf } from "./sources/registry.js";
import type { Asked, Measure, Measured, SourceParts } from "./sources/source.js";

export interface RealTargetOptions {
  config: () => StackConfig;
  target: TargetConfig;
  /** AWS region of the stack. */
  region: string;
  /** A secret of the stack's config, in plain text. */
  secret: (key: string) => Promise<string>;
  progress?: DatabaseOptions["progress"];
  /** Name servers to ask instead of those that DNS itself names. */
  nameServers?: NameServer[];
  /** Resolvers to ask instead of those of `target.dns.resolvers`. */
  resolvers?: NameServer[];
}

/** One stack's real far side: AWS, the cluster, its metrics, its databases and its names. */
export async function openRealTarget(options: RealTargetOptions): Promise<Target & { close(): void }> {
  const { config, target, region, progress, nameServers, resolvers } = options;
  const { costTag, ...account } = target.aws;
  const clients = awsClients({ region, ...defined(account) });
  const cluster = clusterClients(defined(target.cluster));
  const prometheus: PrometheusOptions = {
    url: target.prometheus.url,
    ...defined({ tokenFile: target.prometheus.tokenFile }),
  };
  const newHost = newHostBy(config, clients);
  const databases = engineOf(config()).open({ ...databasesOf(options, clients), ...(progress === undefined ? {} : { progress }) });
  return {
    kind: "aws",
    clock: wallClock(),
    cloud: awsCloudPort(clients, config, costTag),
    cluster: kubernetesClusterPort(cluster, config),
    data: databases.data,
    fleet: commandFleet(config, target.fleet, newHost),
    observer: observer(config, { clients, cluster, prometheus, databases, target, nameServers, resolvers }),
    close: () => clients.close(),
  };
}

/** An object without its undefined members. */
const defined = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

const newHostBy = (config: () => StackConfig, clients: AwsClients) => async (): Promise<string> => {
  const identifier = config().database?.target.identifier;
  const found = (await discoverDatabases(clients)).find((d) => d.identifier === identifier)?.endpoint;
  if (found === undefined) throw new NoAddress(`The database ${identifier} has no address yet.`);
  return found;
};

/** How one stack's databases are reached, for whatever asks them. */
export function databasesOf(options: Pick<RealTargetOptions, "config" | "target" | "secret">, clients: AwsClients): DatabaseOptions {
  const { config } = options;
  const applicationUser = config().database?.source.username;
  return {
    endpoint: (side) => endpointOf(side, options, newHostBy(config, clients)),
    ...(applicationUser === undefined ? {} : { applicationUser }),
    schemaChanges: () => config().database?.schemaChanges ?? "hold",
    writePauseSeconds: () => config().database?.writePauseSeconds,
  };
}

async function endpointOf(
  side: Side,
  { config, target, secret }: Pick<RealTargetOptions, "config" | "target" | "secret">,
  newHost: () => Promise<string>,
): Promise<DatabaseEndpoint> {
  const { database } = config();
  if (database === undefined) throw new Error("a step that needs a database is in the plan of a stack without one");
  const { source } = database;
  const { adminUser, adminPasswordSecret, caFile } = target.database;
  return {
    host: side === "old" ? source.endpoint : await newHost(),
    port: source.port,
    database: source.databaseName,
    user: adminUser ?? source.username,
    password: await secret(adminPasswordSecret),
    ...(caFile === undefined ? {} : { tls: { ca: await readFile(caFile, "utf8") } }),
  };
}

/** Asks, for each observation, the source that knows it; what nobody knows, or what fails, is unknown (promise 10). */
function observer(config: () => StackConfig, parts: SourceParts): ObserverPort {
  const measures = measuresOf(parts);
  const measured = (name: ObservationName, asked: Asked): Promise<Measured> => {
    const measure: Measure | undefined = isOwn(name)
      ? ownMeasure(parts, name)
      : (measures as Partial<Record<ObservationName, Measure>>)[name];
    if (measure === undefined) return Promise.resolve({ reading: unknown(`nothing measures ${name}`), source: "none" });
    return measure(asked).catch((error: Error) => ({ reading: unknown(error.message), source: "none" }));
  };
  const observe = async (name: ObservationName, side: Side | undefined, windowSeconds: number): Promise<Observation> => {
    const { reading, source, age = 0, delay, detail } = await measured(name, { config: config(), side, windowSeconds });
    const named = detail ?? (reading.known ? reading.note : undefined);
    return {
      name,
      ...(side === undefined ? {} : { side }),
      reading,
      source,
      at: Date.now() - age * 1_000,
      ...(delay === undefined ? {} : { delaySeconds: delay }),
      ...(named === undefined ? {} : { detail: named }),
    };
  };
  return {
    observe: async (name, side, windowSeconds) =>
      (await compared(name, (part, of) => observe(part, of, windowSeconds))) ?? observe(name, side, windowSeconds),
  };
}
