import { readFile } from "node:fs/promises";
import type { StackConfig } from "../config/schema.js";
import type { TargetConfig } from "../config/targets.js";
import { Transient } from "../errors.js";
import { compared } from "../ports/comparison.js";
import { type Observation, type ObservationName, type Reading, type Side, unknown } from "../ports/observations.js";
import type { ObserverPort, Target } from "../ports/target.js";
import { type AwsClients, awsClients } from "./aws/clients.js";
import { awsCloudPort } from "./aws/cloudPort.js";
import { discoverDatabases } from "./aws/discovery.js";
import { awsObservation, cloudwatchLag, NO_REQUESTS } from "./aws/observations.js";
import { wallClock } from "./clock.js";
import type { NameServer } from "./dns/answers.js";
import { shownByDns, shownByResolvers } from "./dns/shown.js";
import { type SqlDataOptions, sqlDataPort, sqlObservations } from "./engines/postgresql/dataPort.js";
import type { SqlEndpoint } from "./engines/postgresql/session.js";
import { commandFleet } from "./fleet.js";
import { type ClusterClients, clusterClients } from "./kubernetes/clients.js";
import { kubernetesClusterPort } from "./kubernetes/clusterPort.js";
import { clusterObservation } from "./kubernetes/observations.js";
import { type PrometheusOptions, prometheusObservation, type Sampled } from "./prometheus/observations.js";

export interface RealTargetOptions {
  config: () => StackConfig;
  target: TargetConfig;
  /** AWS region of the stack. */
  region: string;
  /** A secret of the stack's config, in plain text. */
  secret: (key: string) => Promise<string>;
  progress?: SqlDataOptions["progress"];
  /** Name servers to ask instead of those that DNS itself names. */
  nameServers?: NameServer[];
  /** Resolvers to ask instead of those of `target.dns.resolvers`. */
  resolvers?: NameServer[];
}

/** One stack's real far side: AWS, the cluster, its metrics, its databases and its names. */
export async function openRealTarget(options: RealTargetOptions): Promise<Target & { close(): void }> {
  const { config, target, region, progress } = options;
  const { costTag, ...account } = target.aws;
  const clients = awsClients({ region, ...defined(account) });
  const cluster = clusterClients(defined(target.cluster));
  const prometheus: PrometheusOptions = {
    url: target.prometheus.url,
    ...defined({ tokenFile: target.prometheus.tokenFile }),
  };
  const newHost = async (): Promise<string> => {
    const identifier = config().database?.target.identifier;
    const found = (await discoverDatabases(clients)).find((d) => d.identifier === identifier)?.endpoint;
    if (found === undefined) throw new Transient(`The database ${identifier} has no address yet.`);
    return found;
  };
  const applicationUser = config().database?.source.username;
  const sql: SqlDataOptions = {
    endpoint: (side) => endpointOf(side, options, newHost),
    ...(applicationUser === undefined ? {} : { applicationUser }),
    ...(progress === undefined ? {} : { progress }),
  };
  return {
    kind: "aws",
    clock: wallClock(),
    cloud: awsCloudPort(clients, config, costTag),
    cluster: kubernetesClusterPort(cluster, config),
    data: sqlDataPort(sql),
    fleet: commandFleet(config, target.fleet, newHost),
    observer: observer(options, { clients, cluster, prometheus, sql }),
    close: () => clients.close(),
  };
}

/** An object without its undefined members. */
const defined = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

async function endpointOf(side: Side, { config, target, secret }: RealTargetOptions, newHost: () => Promise<string>): Promise<SqlEndpoint> {
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

interface Sources {
  clients: AwsClients;
  cluster: ClusterClients;
  prometheus: PrometheusOptions;
  sql: SqlDataOptions;
}

/** A reading, where it came from, and how old it is in seconds. */
interface Measured {
  reading: Reading;
  source: string;
  age?: number;
}

/** Asks, for each observation, the source that knows it; what nobody knows, or what fails, is unknown (promise 10). */
function observer(options: RealTargetOptions, { clients, cluster, prometheus, sql }: Sources): ObserverPort {
  const databases = sqlObservations(sql);
  const { config } = options;
  const read = async (name: ObservationName, side: Side | undefined, windowSeconds: number): Promise<Measured> => {
    if (name === "dns-weight-new" || name === "dns-ttl")
      return { reading: await shownByDns(name, { ...options, route53: clients.route53 }), source: "authoritative name servers" };
    if (name === "dns-resolvers") return { reading: await shownByResolvers({ ...options, route53: clients.route53 }), source: "resolvers" };
    if (name === "replica-lag") return lagOf(databases["replica-lag"], () => cloudwatchLag(clients, config(), Date.now()));
    if (name in databases) return { reading: await databases[name as keyof typeof databases](), source: "postgresql" };
    const ofCluster = await clusterObservation(cluster, config(), name);
    if (ofCluster !== undefined) return { reading: ofCluster, source: "kubernetes" };
    if (side !== "old") {
      const sampled = await prometheusObservation(prometheus, config(), name, windowSeconds);
      if (sampled !== undefined) return { reading: sampled.reading, source: "prometheus", age: sampled.ageSeconds };
    }
    if (name === "traffic-share")
      return { reading: await trafficShare(options, { clients, prometheus }, windowSeconds), source: "prometheus and cloudwatch" };
    const ofAws = await awsObservation(clients, config(), name, side, windowSeconds, Date.now());
    return { reading: ofAws ?? unknown(`nothing measures ${name}`), source: "aws" };
  };
  const observe = async (name: ObservationName, side: Side | undefined, windowSeconds: number): Promise<Observation> => {
    const {
      reading,
      source,
      age = 0,
    } = await read(name, side, windowSeconds).catch((error: Error): Measured => ({ reading: unknown(error.message), source: "none" }));
    return { name, ...(side === undefined ? {} : { side }), reading, source, at: Date.now() - age * 1_000 };
  };
  return {
    observe: async (name, side, windowSeconds) =>
      (await compared(name, (part, of) => observe(part, of, windowSeconds))) ?? observe(name, side, windowSeconds),
  };
}

/** What the databases say themselves; where they cannot be asked, what CloudWatch says, which is a minute or two old. */
async function lagOf(own: () => Promise<Reading>, cloudwatch: () => Promise<Sampled>): Promise<Measured> {
  const reading = await own().catch((error: Error) => unknown(error.message));
  if (reading.known) return { reading, source: "postgresql" };
  const sampled = await cloudwatch();
  if (sampled.reading.known) return { reading: sampled.reading, source: "cloudwatch", age: sampled.ageSeconds };
  return { reading: unknown(`${reading.reason}; CloudWatch: ${sampled.reading.reason}`), source: "postgresql and cloudwatch" };
}

/** The new side's part of all requests, counted on both sides. */
async function trafficShare(
  { config }: RealTargetOptions,
  { clients, prometheus }: Pick<Sources, "clients" | "prometheus">,
  windowSeconds: number,
): Promise<Reading> {
  const fresh = (await prometheusObservation(prometheus, config(), "request-count", windowSeconds))?.reading ?? unknown("not measured");
  const old = (await awsObservation(clients, config(), "request-count", "old", windowSeconds, Date.now())) ?? unknown("not measured");
  if (!fresh.known) return fresh;
  // CloudWatch has no samples of a load balancer that gets no requests.
  if (!old.known && old.reason !== NO_REQUESTS) return old;
  const others = old.known ? old.value : 0;
  const total = fresh.value + others;
  return total === 0 ? unknown("no requests on either side") : { known: true, value: fresh.value / total };
}
