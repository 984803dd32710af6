import type { StackConfig } from "../config/schema.js";
import type { Instant, Observation, ObservationName, Side } from "./observations.js";
import type { ProviderFacts } from "./providers.js";
import type { DatabaseReadiness } from "./readiness.js";

/**
 * The ports: everything cutover does or sees outside the engine. Two adapters each, the real one and the sandbox's.
 *
 * Every method that has an effect takes an `Effect`. The adapter must make the effect happen at most once per key:
 * it looks whether the effect is there already and then answers as if it had just done it (promise 6).
 */
export interface Effect {
  /** Idempotency key: migration, step and attempt. */
  key: string;
  /** Fencing token of the lease the runner holds; an adapter refuses one older than the newest it has seen. */
  fence: number;
  /**
   * Whether whoever ordered it may still do so: an adapter asks immediately before each call that it makes.
   * @throws Conflict when the lease was lost, or the effect was given up
   */
  held?: () => Promise<void>;
  /**
   * Aborted when it took too long, when the lease was lost, or when users are sent back meanwhile: what only looks then
   * ends; what changes something may finish the call that it is in, and makes no further one.
   */
  signal?: AbortSignal;
}

/** Of a person's order to send users back: above every lease, and leaving each as it is. `held` says whether it still stands. */
export const ORDER_FENCE = Number.MAX_SAFE_INTEGER;

/** What an effect or a look left behind, kept in the journal. Never holds a secret. */
export interface Evidence {
  /** One sentence for people. */
  summary: string;
  /** Structured facts: ids, counts, durations. */
  facts?: Record<string, unknown>;
  /** Files written, as name → content (reports, logs, tables). Stored beside the journal. */
  files?: Record<string, string>;
}

export interface ClockPort {
  now(): Instant;
  /**
   * Resolves once `now() >= until`, and earlier where the clock is set back meanwhile; rejects with the signal's reason when
   * aborted. The sandbox jumps there.
   */
  sleepUntil(until: Instant, signal?: AbortSignal): Promise<void>;
}

export interface InstanceRow {
  id: string;
  type: string;
  state: string;
  name: string | undefined;
  region: string;
}
export interface DatabaseRow {
  identifier: string;
  engine: string;
  version: string;
  class: string;
  endpoint: string | undefined;
  sizeGb: number;
  region: string;
}
export interface LoadBalancerRow {
  name: string;
  type: string;
  state: string;
  dnsName: string;
  arn: string;
  region: string;
}
/** What one service cost in one month, of one application or of none. */
export interface CostRow {
  /** `2026-01`. */
  month: string;
  service: string;
  application?: string;
  amount: number;
  currency: string;
}

/** What an hour of an instance type costs, in the account's currency; absent where it is not known. */
export interface HourlyPrice {
  type: string;
  onDemand?: number;
  spot?: number;
}

/** Facts that the risks are judged by; absent where they are not known. */
export interface CloudFacts {
  databaseSizeGb?: number;
  dnsTtlSeconds?: number;
  /** ISO 8601. */
  certificateExpiresAt?: string;
}

export interface CloudPort {
  instances(): Promise<InstanceRow[]>;
  databases(): Promise<DatabaseRow[]>;
  loadBalancers(): Promise<LoadBalancerRow[]>;
  /** Of the old side, as it is now. */
  facts(): Promise<CloudFacts>;
  /** Both months are part of it. */
  costs(months: { start: string; end: string }): Promise<CostRow[]>;
  /** On demand as it was paid in a month, on Spot as the market is. */
  prices(instanceTypes: string[], month: string): Promise<HourlyPrice[]>;
  /**
   * Gives every record that answers for the application's names a weight of 100 and leaves it otherwise as it is, in one change
   * batch; no moment without an answer. Its facts say what stood there.
   */
  adoptRecord(effect: Effect): Promise<Evidence>;
  /**
   * The records as they were before their adoption, without a weight; weighted still while a record of the new side stands.
   * @param facts what the adoption left
   */
  releaseRecord(effect: Effect, facts?: Record<string, unknown>): Promise<Evidence>;
  /** Sets both records' weights directly: the emergency path, past the engine. */
  setWeights(weights: { old: number; new: number }, effect: Effect): Promise<Evidence>;
  /** @param notBefore of the last write: a snapshot of that name from before it is refused */
  snapshotDatabase(snapshotId: string, effect: Effect, notBefore: Instant): Promise<Evidence>;
  restoreToPointInTime(at: Instant, newIdentifier: string, effect: Effect): Promise<Evidence>;
  /** Reads back whether the promoted database is as protected and backed up as its config says, and mends what is not. */
  protectDatabase(effect: Effect): Promise<Evidence>;
  terminateInstances(effect: Effect): Promise<Evidence>;
  deleteLoadBalancer(effect: Effect): Promise<Evidence>;
  /** @param notBefore of the last write: without an available snapshot from after it nothing is deleted */
  deleteDatabase(finalSnapshotId: string, effect: Effect, notBefore: Instant): Promise<Evidence>;
  deleteSecurityGroups(effect: Effect): Promise<Evidence>;
}

/** A run of a schedule that was due. */
export interface MissedRun {
  process: string;
  at: Instant;
}

export interface ClusterPort {
  /** Runs `curl -f http://SERVICE.NAMESPACE.svc.cluster.local/health` in a pod. Rejects with Terminal when it fails. */
  smokeTest(effect: Effect): Promise<Evidence>;
  /** Runs the integration-test Job and waits for it; its logs come back as a file. */
  integrationTest(effect: Effect): Promise<Evidence>;
  /** Last lines of the pods' logs as a file. */
  logs(selector: Record<string, string>, tail: number): Promise<Evidence>;
  /** `GET /health` at the load balancer with the application's Host header. */
  probeLoadBalancer(): Promise<Evidence>;
  /** Runs a release process on the version that is to start, to its end. Rejects with Terminal when it fails. */
  runRelease(process: string, effect: Effect): Promise<Evidence>;
  /** What may run once begins no more on the new side, and what runs comes to its end. Rejects with Terminal when it does not. */
  stopOnce(effect: Effect): Promise<Evidence>;
  /** Runs what schedules missed from an instant until they came to the new side, each once. */
  catchUp(since: Instant, effect: Effect): Promise<Evidence>;
  rolloutAbort(effect: Effect): Promise<Evidence>;
  rolloutPromote(effect: Effect): Promise<Evidence>;
  /** Usage against requests, per pod and node; recommendations. */
  usage(): Promise<Evidence>;
}

export interface DataPort {
  /** Makes a side's database refuse or accept writes. */
  setWrites(side: Side, allowed: boolean, effect: Effect): Promise<Evidence>;
  /** Runs the application's checks against the replica's endpoint, reading only. */
  testReplica(effect: Effect): Promise<Evidence>;
  /** What would refuse, lose, slow or endanger the move, as things are now. Changes nothing, and never rejects. */
  readiness(): Promise<DatabaseReadiness>;
  /**
   * Compares all rows while the application runs, and what changed meanwhile again until little is left. Reads only, no faster
   * than the source bears. `seconds`: what `compare` will take with writes stopped.
   */
  compareAhead(effect: Effect): Promise<Evidence & { differences: number; seconds: number }>;
  /** With writes stopped: what changed since it was compared ahead, or all of it; schema and sequences too. */
  compare(effect: Effect): Promise<Evidence & { differences: number }>;
  /** Writes, reads and removes a row of cutover's own on the new database. */
  verifyReadWrite(effect: Effect): Promise<Evidence>;
  /** Streams the promoted database's changes to the old one, so that going back loses nothing. `lossSeconds` when it could not. */
  startReverseReplication(effect: Effect): Promise<Evidence & { supported: boolean }>;
  /**
   * @param options.drain false ends it as it is, where nobody needs the rest. @default true
   * @param options.refuseWrites first makes the promoted database refuse writes: the old one takes over. Where draining fails,
   * the promoted one, which has all rows, accepts writes again while the old one refuses them, and the error says so. @default false
   */
  stopReverseReplication(effect: Effect, options?: { drain?: boolean; refuseWrites?: boolean }): Promise<Evidence>;
}

/** The old fleet: the instances that still serve users until DNS has moved. */
export interface FleetPort {
  setMaintenance(on: boolean, effect: Effect): Promise<Evidence>;
  /** Points the old fleet at one of the two databases. */
  useDatabase(side: Side, effect: Effect): Promise<Evidence>;
  /**
   * In every folder that moves: from `old`, makes the volume the same as what the old fleet uses, which may be the volume itself; from
   * `new`, makes the old side's disk the same as the volume.
   * @param options.checksums what has the same size and time is compared too, by its content
   * @param options.withinSeconds it is given up after that. @default as long as one copy may take
   */
  copyFiles(from: Side, options: { checksums: boolean; withinSeconds?: number }, effect: Effect): Promise<Evidence>;
  /** Has the old fleet use its own disks, or the volumes, in every folder that moves. */
  useFiles(side: Side, effect: Effect): Promise<Evidence>;
  /** How many of its queue workers run, in percent of what ran before the migration. */
  setWorkers(percent: number, effect: Effect): Promise<Evidence>;
  /** What may run once begins no more on the old side; what runs may still come to its end. */
  stopOnce(effect: Effect): Promise<Evidence>;
  /** What may run once runs on the old side again. @param missed runs that were due on neither side */
  startOnce(missed: MissedRun[], effect: Effect): Promise<Evidence>;
}

export interface ObserverPort {
  /** Measures now. Answers unknown instead of throwing. `windowSeconds` is for rates. */
  observe(name: ObservationName, side: Side | undefined, windowSeconds: number): Promise<Observation>;
}

/** One migration's far side. */
export interface Target {
  readonly kind: "aws" | "sandbox";
  clock: ClockPort;
  cloud: CloudPort;
  cluster: ClusterPort;
  data: DataPort;
  fleet: FleetPort;
  observer: ObserverPort;
}

/** Opens the far side of one stack. `config` answers the stack's current config each time it is asked. */
export type OpenTarget = (stack: string, config: () => StackConfig) => Promise<Target>;

/** What others than the engine own of an object that the engine's state has. */
export interface OthersFields {
  urn: string;
  type: string;
  name: string;
  owned: {
    /** As people read it: `spec.template.spec.containers[web].env[DEBUG]`. */
    path: string;
    /** The names on it, without elements of lists. */
    names: string[];
    /** Whether it is an element of a list. */
    element: boolean;
    /** Who wrote it, as the API server knows it: `kubectl-set`. */
    by: string;
    /** What the next update of the object does with it, whatever its preview shows. */
    next: "stays" | "goes" | "set-back";
  }[];
}

export type ExportState = () => Promise<{ deployment: unknown }>;

/** What the engine needs to reach the providers: environment variables for the CLI, and a way to find lost creates. */
export interface EngineEnvironment {
  env: Record<string, string>;
  providers: ProviderFacts;
  /** What leads it to one stack's far side. @default nothing more */
  envOf?(stack: string): Promise<Record<string, string>>;
  /**
   * Readies what is there for an update. @param state exports the stack's
   * @returns what looks at it again once the update is done, and says what is to be told
   * @default nothing
   */
  prepare?(stack: string, state: ExportState): Promise<() => Promise<string[]>>;
  /** What others than the engine wrote into the stack's objects. @default nobody knows */
  othersFields?(stack: string, state: ExportState): Promise<OthersFields[]>;
  /** The real id of a resource whose creation was interrupted; undefined when there is none that this stack's program made. */
  findCreated(stack: string, type: string, inputs: Record<string, unknown>): Promise<string | undefined>;
}
