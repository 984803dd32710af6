import { oldBalancerOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import type { Instant, Side } from "../../ports/observations.js";
import type { Properties } from "../backend.js";
import { type Fault, parseFault } from "../faults.js";
import { newOnce, type OnceState } from "./once.js";

/** One resource of the far side, as the providers' calls left it. */
export interface Stored {
  type: string;
  id: string;
  inputs: Properties;
  outputs: Properties;
  createdAt: number;
  /** When what runs last changed (a pod template, a weight, a role). */
  changedAt: number;
  /** Of a database: since when RDS makes backups of it. */
  backupsSince?: number;
}

/** Something that really happened on the far side, once. */
export interface EffectEntry {
  seq: number;
  /** Virtual time in milliseconds. */
  at: number;
  /** For example `rds:PromoteReadReplica`. */
  kind: string;
  id: string;
  key?: string;
}

/** A value from a moment on. */
export interface Since<T> {
  at: number;
  value: T;
}

/** Files of users on the old side's disks and on the volumes that they move to. */
export interface FilesState {
  /** Where the old fleet reads and writes them. */
  uses: Side;
  /** Up to when both places have the same; undefined before the first copy. */
  sameUntil?: Instant;
  /** Since when nobody writes files: maintenance is on. */
  quietSince?: Instant;
}

/** Everything one world knows; plain JSON, one file. */
export interface WorldState {
  stack: string;
  seed: number;
  /** Virtual time in milliseconds since the epoch. */
  now: number;
  resources: Record<string, Stored>;
  effects: EffectEntry[];
  /** Results by idempotency key: the same key gets the same answer and no second effect. */
  done: Record<string, unknown>;
  /** Highest fencing token seen. */
  fence: number;
  old: {
    instances: string[];
    loadBalancer: boolean;
    database: boolean;
    securityGroups: string[];
    /** The plain DNS record, until it is turned into a weighted one. */
    plainRecord: boolean;
    /** Target groups: whether the old group's targets are sticky. */
    stickyGroup?: boolean;
    maintenance: boolean;
    uses: Side;
    /** Percent of its queue workers that run. */
    workers: Since<number>[];
  };
  /** Whether what may run once could begin there, and what it missed and ran twice. */
  once: OnceState;
  /** Files on disk that move; undefined in a world from before there were any. */
  files?: FilesState;
  writes: { old: boolean; new: boolean };
  /** When writes to the old database last stopped. */
  writesStoppedAt?: number;
  /** When both databases were compared while the application ran. */
  comparedAheadAt?: number;
  reverseReplication: boolean;
  /** When what streams back was lost. */
  reverseLostAt?: number;
  snapshots: Record<string, number>;
  /** Percent of the new record, as Route 53 was told. */
  dns: Since<number>[];
  ttl: Since<number>[];
  /** Percent of green, as the Ingress was told. */
  green: Since<number>[];
  /** Percent of an Argo Rollout's Services, as the Ingress was told. */
  rolloutShare: Since<number>[];
  rolloutAborted?: boolean;
  /** Of the Argo Rollout: the pod template that is stable, and whether what runs now walks its steps towards another. */
  rollout?: { stable: string; walks: boolean };
  faults: Fault[];
  /** What no cutover may ever cause; the report and the tests read it. */
  violations: string[];
}

/** Monday morning: every rehearsal begins at the same moment. */
const START = Date.UTC(2026, 0, 5, 9);

export function newWorld(stack: string, config: StackConfig, seed: number, faults: string[]): WorldState {
  const { old, database, dns } = config;
  return {
    stack,
    seed,
    now: START,
    resources: {},
    effects: [],
    done: {},
    fence: 0,
    old: {
      instances: old?.instanceIds ?? [],
      loadBalancer: oldBalancerOf(config) !== undefined,
      database: database !== undefined,
      securityGroups: old?.securityGroupIds ?? [],
      plainRecord: dns !== undefined,
      maintenance: false,
      uses: "old",
      workers: [{ at: START, value: 100 }],
    },
    once: newOnce(config, START),
    writes: { old: true, new: false },
    reverseReplication: false,
    snapshots: {},
    dns: [],
    // A load balancer follows its rule with the next request.
    ttl: dns === undefined ? (groupsOf(config) === undefined ? [] : [{ at: START, value: 1 }]) : [{ at: START, value: dns.ttlSeconds }],
    green: [],
    rolloutShare: [],
    faults: faults.map(parseFault),
    violations: [],
  };
}

/** The value that held at an instant. */
export function valueAt<T>(history: Since<T>[], at: number): T | undefined {
  return history.findLast((h) => h.at <= at)?.value;
}

/** A steady pseudo-random number from 0 to 1 for a place and a time. FNV-1a. */
export function noise(seed: number, name: string, at: number): number {
  let hash = 2_166_136_261 ^ seed;
  for (const char of `${name}/${at}`) hash = Math.imul(hash ^ char.charCodeAt(0), 16_777_619);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 2_246_822_519);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 4_294_967_296;
}
