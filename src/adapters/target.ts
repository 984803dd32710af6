import { readFile } from "node:fs/promises";
import type { StackConfig } from "../config/schema.js";
import { sourceOf } from "../config/sources.js";
import type { TargetConfig } from "../config/targets.js";
import { compared } from "../ports/comparison.js";
import { type Observation, type ObservationName, type Reading, type Side, unknown } from "../ports/observations.js";
import type { ObserverPort, Target } from "../ports/target.js";
import { type AwsClients, awsClients } from "./aws/clients.js";
import { awsCloudPort } from "./aws/cloudPort.js";
import { discoverDatabases } from "./aws/discovery.js";
import { awsObservation, cloudwatchLag } from "./aws/observations.js";
import { CLOUDWATCH_DELAY, loadBalancerRequests, NO_REQUESTS } from "./aws/requests.js";
import { databaseUses, instanceUses, loadBalancerUses, usesOf } from "./aws/uses.js";
import { wallClock } from "./clock.js";
import { openConnections } from "./connections.js";
import type { NameServer } from "./dns/answers.js";
import { shownByDns, shownByResolvers } from "./dns/shown.js";
import { type SqlDataOptions, sqlDataPort, sqlObservations, sqlReadiness } from "./engines/postgresql/dataPort.js";
import { NoAddress, type SqlEndpoint } from "./engines/postgresql/session.js";
import { sessionsOf } from "./engines/postgresql/users.js";
import { commandFleet, oldOnceRunning } from "./fleet.js";
import { type ClusterClients, clusterClients } from "./kubernetes/clients.js";
import { kubernetesClusterPort } from "./kubernetes/clusterPort.js";
import { canaryServiceOf, clusterObservation, ingressHostOf } from "./kubernetes/observations.js";
import {
  isRequestSignal,
  type PrometheusOptions,
  prometheusObservation,
  type RequestSignal,
  type Sampled,
} from "./prometheus/observations.js";
import { queueObservation } from "./queues.js";

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
  const newHost = newHostBy(config, clients);
  const sql: SqlDataOptions = { ...databasesOf(options, clients), ...(progress === undefined ? {} : { progress }) };
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

const newHostBy = (config: () => StackConfig, clients: AwsClients) => async (): Promise<string> => {
  const identifier = config().database?.target.identifier;
  const found = (await discoverDatabases(clients)).find((d) => d.identifier === identifier)?.endpoint;
  if (found === undefined) throw new NoAddress(`The database ${identifier} has no address yet.`);
  return found;
};

/** How one stack's databases are reached, for whatever asks them. */
export function databasesOf(options: Pick<RealTargetOptions, "config" | "target" | "secret">, clients: AwsClients): SqlDataOptions {
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
): Promise<SqlEndpoint> {
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
  /** Who or what is behind the number. */
  detail?: string;
  /** How old it is at best. */
  delay?: number;
}

/** Asks, for each observation, the source that knows it; what nobody knows, or what fails, is unknown (promise 10). */
function observer(options: RealTargetOptions, { clients, cluster, prometheus, sql }: Sources): ObserverPort {
  const databases = sqlObservations(sql);
  const readiness = sqlReadiness(sql);
  const { config } = options;
  /** A side's requests, by the source that the config names for it. */
  const requestsOf = async (name: RequestSignal, side: Side, windowSeconds: number): Promise<Measured> => {
    if (sourceOf(config(), side) === "prometheus") {
      const { reading, ageSeconds } = (await prometheusObservation(prometheus, config(), name, windowSeconds, side)) as Sampled;
      return { reading, source: "prometheus", age: ageSeconds };
    }
    const { reading, ageSeconds } = await loadBalancerRequests(
      clients,
      config(),
      name,
      side,
      windowSeconds,
      Date.now(),
      () => ingressHostOf(cluster, config()),
      () => canaryServiceOf(cluster, config()),
    );
    // Within a minute more, by where in it one looks.
    return { reading, source: "cloudwatch", age: ageSeconds, delay: CLOUDWATCH_DELAY + 60 };
  };
  const bothCounts = (windowSeconds: number) =>
    Promise.all([requestsOf("request-count", "new", windowSeconds), requestsOf("request-count", "old", windowSeconds)]);
  const read = async (name: ObservationName, side: Side | undefined, windowSeconds: number): Promise<Measured> => {
    if (name === "dns-weight-new" || name === "dns-ttl")
      return { reading: await shownByDns(name, { ...options, route53: clients.route53 }), source: "authoritative name servers" };
    if (name === "dns-resolvers") return { reading: await shownByResolvers({ ...options, route53: clients.route53 }), source: "resolvers" };
    if (name === "open-connections") return openConnections(config(), side ?? "old", { clients, prometheus });
    if (name === "old-load-balancer-users")
      return { ...(await loadBalancerUses(clients, config(), windowSeconds, Date.now())), source: "cloudwatch, elbv2 and route53" };
    if (name === "old-instances-users")
      return { ...(await instanceUses(clients, config(), windowSeconds, Date.now())), source: "cloudwatch, ec2, elbv2 and route53" };
    if (name === "old-database-users") {
      const ofOld = config().database === undefined ? [] : await sessionsOf(await sql.endpoint("old"));
      return { ...usesOf([...ofOld, ...(await databaseUses(clients, config()))]), source: "postgresql and rds" };
    }
    if (name === "replica-lag") {
      const [refused, lag] = await Promise.all([
        readiness(),
        lagOf(databases["replica-lag"], () => cloudwatchLag(clients, config(), Date.now())),
      ]);
      // Held ready, a cutover that would be refused must not be given its go.
      return refused === undefined ? lag : { reading: unknown(refused), source: "postgresql" };
    }
    if (name === "old-once-running") return { reading: await oldOnceRunning(config(), options.target.fleet), source: "fleet.onceRunning" };
    if (name === "queue-age" || name === "dead-letters") {
      const said = await queueObservation(name, config(), { clients, prometheus });
      // SQS's figures come a minute late, and within a minute more.
      return said.source.includes("sqs") && name === "queue-age" ? { ...said, delay: CLOUDWATCH_DELAY + 60 } : said;
    }
    if (name in databases) return { reading: await databases[name as keyof typeof databases](), source: "postgresql" };
    const ofCluster = await clusterObservation(cluster, config(), name);
    if (ofCluster !== undefined) return { reading: ofCluster, source: "kubernetes" };
    if (isRequestSignal(name)) return requestsOf(name, side ?? "new", windowSeconds);
    if (name === "traffic-share") return trafficShare(await bothCounts(windowSeconds));
    const ofAws = await awsObservation(clients, config(), name, () => ingressHostOf(cluster, config()));
    return { reading: ofAws ?? unknown(`nothing measures ${name}`), source: "aws" };
  };
  const observe = async (name: ObservationName, side: Side | undefined, windowSeconds: number): Promise<Observation> => {
    const {
      reading,
      source,
      age = 0,
      delay,
      detail,
    } = await read(name, side, windowSeconds).catch((error: Error): Measured => ({ reading: unknown(error.message), source: "none" }));
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

/** What the databases say themselves; where they cannot be asked, what CloudWatch says, which is a minute or two old. */
async function lagOf(own: () => Promise<Reading>, cloudwatch: () => Promise<Sampled>): Promise<Measured> {
  const reading = await own().catch((error: Error) => unknown(error.message));
  if (reading.known) return { reading, source: "postgresql" };
  const sampled = await cloudwatch();
  if (sampled.reading.known) return { reading: sampled.reading, source: "cloudwatch", age: sampled.ageSeconds };
  return { reading: unknown(`${reading.reason}; CloudWatch: ${sampled.reading.reason}`), source: "postgresql and cloudwatch" };
}

/** The new side's part of all requests, counted on both sides. */
function trafficShare([fresh, old]: Measured[]): Measured {
  const source = fresh?.source === old?.source ? (fresh?.source ?? "none") : `${fresh?.source} and ${old?.source}`;
  const when = { source, age: fresh?.age ?? 0, ...(fresh?.delay === undefined ? {} : { delay: fresh.delay }) };
  // CloudWatch has no samples of a load balancer that gets no requests.
  const counted = (m: Measured | undefined): number | string =>
    m === undefined ? "not measured" : m.reading.known ? m.reading.value : m.reading.reason === NO_REQUESTS ? 0 : m.reading.reason;
  const [here, there] = [counted(fresh), counted(old)];
  if (typeof here === "string") return { reading: unknown(`new side: ${here}`), ...when };
  if (typeof there === "string") return { reading: unknown(`old side: ${there}`), ...when };
  const total = here + there;
  return { reading: total === 0 ? unknown("no requests on either side") : { known: true, value: here / total }, ...when };
}
