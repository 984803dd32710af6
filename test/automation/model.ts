import { readFileSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";
import type { Driver, Updated } from "../../src/automation/engine/driver.js";
import { unsettled } from "../../src/automation/engine/failures.js";
import { record, requireIntact, verifyChain } from "../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../src/automation/journal/entries.js";
import type { Preview } from "../../src/automation/journal/records.js";
import { buildPlan, planDigest } from "../../src/automation/plan/plan.js";
import type { ProjectPort } from "../../src/automation/plan/step.js";
import { FENCE_LEAP, KnownHeads } from "../../src/automation/store/knownHeads.js";
import { isLease, type Lease, requireUnmoved, type Store } from "../../src/automation/store/store.js";
import { keepingEdits } from "../../src/config/edits.js";
import { movedFoldersOf } from "../../src/config/movedFolders.js";
import { ownGateOf } from "../../src/config/ownGates.js";
import { onceIsNew, onceOf, scheduleOf, schedulesOf, workersOf, workersOnNew } from "../../src/config/processes.js";
import type { StackConfig } from "../../src/config/schema.js";
import {
  type ConfigPatch,
  configChanges,
  configDigest,
  patched,
  type RawConfig,
  readConfig,
  StackFile,
} from "../../src/config/stackFile.js";
import { lintDockerfile } from "../../src/containerize/check.js";
import { readSources } from "../../src/containerize/readSources.js";
import { verifyImage } from "../../src/containerize/verify.js";
import { Conflict, Terminal, Transient, UserError } from "../../src/errors.js";
import { timesBetween } from "../../src/lib/cron.js";
import { isOwn, known, type Observation, type ObservationName, type Reading, type Side, unknown } from "../../src/ports/observations.js";
import type { ReadinessFinding } from "../../src/ports/readiness.js";
import type { Effect, Evidence, Target } from "../../src/ports/target.js";

/**
 * A model of the far side with nothing but what the promises speak of, for property tests: every change of it is
 * checked against the promises at once, whoever made it. Faults and crashes are injected at every effect and append.
 */

/** Of a database, one finding of two kinds. */
export const FINDINGS: ReadinessFinding[] = [
  {
    kind: "loses",
    what: "public.spatial_ref_sys",
    means:
      "what is written to its about 8500 rows after the promotion: it belongs to somebody, and cutover's user is no member of that role",
    cure: 'GRANT "somebody" TO …, or accept it',
  },
  {
    kind: "warns",
    what: "public.sums",
    means: "on the way back it holds what it held at the promotion",
    cure: "REFRESH MATERIALIZED VIEW public.sums",
  },
];

export const STACK = "web-api-production";

export const RAW: RawConfig = {
  "cutover:application": { name: "web-api", environment: "production", criticality: "high" },
  "cutover:cluster": { name: "production" },
  "cutover:workload": { image: "example.org/web-api:1.0.0", secretEnv: { DATABASE_URL: "database-url" } },
  "cutover:ingress": { host: "api.example.com", certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123" },
  "cutover:database": {
    keepOldSeconds: 3_600,
    source: { identifier: "prod-db", endpoint: "prod-db.example.com", databaseName: "db", username: "app", sizeGb: 500 },
    target: {
      identifier: "prod-db-replica",
      instanceClass: "db.r6g.large",
      vpcId: "vpc-0new1",
      subnetIds: ["subnet-0aaa", "subnet-0bbb"],
      clientSecurityGroupIds: ["sg-0nodes"],
      oldSide: { securityGroupIds: ["sg-old123"] },
    },
  },
  "cutover:old": {
    instanceIds: ["i-123abc"],
    addresses: ["1.2.3.4"],
    loadBalancerArn: "arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/app/old-web-api/50dc6c495c0c9188",
    databaseIdentifier: "prod-db",
    securityGroupIds: ["sg-old123"],
  },
  "cutover:strategy": { kind: "blue-green", image: "example.org/web-api:1.1.0", weights: [50, 100] },
  "cutover:dns": { zoneId: "Z1234567890ABC", steps: [25, 100], lowTtlForSeconds: 3_600 },
  "cutover:cleanup": { soakSeconds: 86_400 },
  "cutover:secrets": { "database-password": { secure: "v1:sealed" } },
};

/** Staging has passed already: it runs the version that production is to get. */
const STAGING: RawConfig = {
  "cutover:application": { name: "web-api", environment: "staging", criticality: "high" },
  "cutover:cluster": { name: "staging" },
  "cutover:workload": { image: "example.org/web-api:1.1.0" },
  "cutover:strategy": { kind: "rolling", image: "example.org/web-api:1.1.0" },
};

const DNS = "cutover:dns";
/** What only decides how the migration goes, and stands in no resource. */
const NO_RESOURCE = /^(approvals|calendar|rollback|drain|cleanup)\b|(writePause|hold|keepOld)Seconds$/;
/** A night has far fewer; more means that two decisions chase each other. */
const MOST_ENTRIES = 5_000;

/** Thrown where the process is to die: nothing it does afterwards counts. */
export class Crash extends Error {}

export interface Faults {
  /** Decides at each point (an effect or an append, before or after it) whether the process dies there. */
  crash: (point: string) => boolean;
  /** Decides at each effect whether it fails; one that timed out was done, and one that was lost was not, though nobody can tell. */
  fail: (point: string) => "transient" | "terminal" | "timed out" | "lost" | undefined;
  /** Decides at each call of the engine that needs the stack's lock whether somebody else holds it. */
  locked: () => boolean;
  /** Decides at each call of the store whether it cannot be reached, has done it without an answer, or has no space. */
  store: () => "unreached" | "unanswered" | "full" | undefined;
  /** A reading instead of the healthy one, over as many seconds where it is a rate. */
  reading: (name: ObservationName, side: Side | undefined, windowSeconds: number) => Reading | undefined;
}

export const NO_FAULTS: Faults = {
  crash: () => false,
  fail: () => undefined,
  locked: () => false,
  store: () => undefined,
  reading: () => undefined,
};

/** The same with workers, a schedule, a singleton and a release beside the web. */
export const WITH_PROCESSES: RawConfig = {
  ...RAW,
  "cutover:processes": {
    worker: { kind: "worker", replicas: 4 },
    reports: { kind: "schedule", schedule: "*/15 * * * *" },
    scheduler: { kind: "singleton" },
    migrate: { kind: "release" },
  },
  "cutover:handover": { steps: [50, 100], queues: [{ kind: "sqs", name: "jobs", deadLetters: "jobs-dead" }] },
};

/** The same with files on the old side's disks that move into a volume. */
export const WITH_FILES: RawConfig = {
  ...RAW,
  "cutover:workload": { ...(RAW["cutover:workload"] as object), mounts: [{ path: "/data/files", volume: "files" }] },
  "cutover:volumes": { files: { kind: "efs", fileSystemId: "fs-0123abc", copy: { from: "/var/lib/web-api/files", sizeGb: 40 } } },
};

/** The same with a web process that may run only once: its users move with it. */
export const WITH_WEB_ONCE: RawConfig = {
  ...WITH_PROCESSES,
  "cutover:workload": { ...(RAW["cutover:workload"] as object), replicas: 1, once: true },
  "cutover:strategy": { kind: "rolling", image: "example.org/web-api:1.1.0" },
  "cutover:dns": { ...(RAW["cutover:dns"] as object), steps: [100] },
};

export class ModelWorld {
  now = Date.UTC(2026, 0, 5, 9);
  applied: StackConfig;
  oldWrites = true;
  newWrites = false;
  maintenance = false;
  fleetUses: Side = "old";
  /** Percent of the queue workers on the old side. */
  oldWorkers = 100;
  /** Where the old fleet's files are, and whether both places have the same since maintenance began. */
  filesUsed: Side = "old";
  filesSame = false;
  /** Whether what may run once could begin there. */
  onceOld = true;
  onceNew = false;
  private dueUntil = this.now;
  /** Runs that were due on neither side and were not made up for. */
  missed: number[] = [];
  adopted = false;
  reverse = false;
  removed: string[] = [];
  /** Kinds of effects that really happened, in order. */
  effects: string[] = [];
  violations: string[] = [];
  readonly keys = new Map<string, Evidence>();
  readonly updates: { config: RawConfig; key: string }[] = [];
  /** The config as which the engine's resources really stand, and as which the engine believes them to stand. */
  stands: RawConfig;
  believed: RawConfig;
  /** The last look at what stands there was refused. */
  unread = false;
  /** A journal has lost entries: what they stood for may be asked for again, and changes nothing then. */
  forgotten = false;
  faults: Faults = NO_FAULTS;
  /** Newest fencing token under which an effect began. */
  fence = 0;
  fullSince: number | undefined;
  /** The stack's file as the last update left it. */
  written: string | undefined;
  /** Holds the clock still for as long as a test wants. */
  beforeSleep: (until: number, signal?: AbortSignal) => Promise<void> = async () => undefined;

  /** @param raw the stack's config before the migration */
  constructor(readonly raw: RawConfig = RAW) {
    this.applied = readConfig(raw, "model", STACK);
    this.stands = raw;
    this.believed = raw;
  }

  private say(promise: number, what: string): void {
    this.violations.push(`promise ${promise}: ${what}`);
  }

  /** What the engine does with a config. */
  become(next: StackConfig): void {
    const was = this.applied;
    const promotes = was.database?.role === "replica" && next.database?.role === "primary";
    if (promotes) {
      this.effects.push("promote");
      if (this.oldWrites) this.say(1, "promoted while the old database accepted writes");
    }
    if (was.database?.role === "primary" && next.database?.role !== "primary") this.say(3, "a promoted database was made a replica");
    const records = next.dns?.records ?? "none";
    const weights = next.dns?.weights ?? { old: 100, new: 0 };
    const oldAnswers = records === "none" || ((records === "old" || records === "both") && weights.old > 0);
    const newAnswers = (records === "both" || records === "new") && weights.new > 0 && next.workload.deployed;
    if (!oldAnswers && !newAnswers) this.say(2, "no side has a weight");
    // The engine removes only what it had: an edit between the adoption and the first step with records has none of them yet.
    const had = (was.dns?.records ?? "none") !== "none";
    if (records === "none" && had && this.adopted) this.say(2, "the adopted record was removed");
    if (!oldAnswers && !newAnswers) this.say(2, `dark: ${records} ${weights.old}/${weights.new}`);
    if (records === "new" && was.dns?.records !== "new" && !this.soaked()) this.say(4, "the old record was removed before the soak");
    if (weights.new > 0 && this.filesUsed === "old" && movedFoldersOf(next).length > 0)
      this.say(13, "users of both sides write files apart");
    if (weights.new === 100) this.fullSince ??= this.now;
    else this.fullSince = undefined;
    if (
      was.strategy.kind === "blue-green" &&
      next.strategy.kind === "blue-green" &&
      was.strategy.blue &&
      !next.strategy.blue &&
      was.strategy.greenWeight !== 100
    )
      this.say(11, "blue was removed before green carried everything");
    if (onceOf(next).length > 0) this.once("new", next.workload.deployed && onceIsNew(next));
    if (this.oldWorkers + workersOnNew(next) < 100 && workersOf(next).length > 0) this.say(12, "fewer workers than there were");
    this.applied = next;
    this.checkWrites();
  }

  /** Counts the runs of the schedule that were due since the last look: each is one side's, and of no other. */
  count(): void {
    const [, reports] = schedulesOf(this.applied)[0] ?? [];
    if (reports !== undefined && this.now > this.dueUntil)
      for (const at of timesBetween(scheduleOf(reports.schedule), reports.timeZone, this.dueUntil, this.now, 100)) {
        if (this.onceOld && this.onceNew) this.say(12, `a run was due on both sides: ${new Date(at).toISOString()}`);
        if (!this.onceOld && !this.onceNew) this.missed.push(at);
      }
    this.dueUntil = Math.max(this.dueUntil, this.now);
  }

  once(side: Side, runs: boolean): void {
    this.count();
    if (side === "old") this.onceOld = runs;
    else this.onceNew = runs;
    if (this.onceOld && this.onceNew) this.say(12, "what may run once may run on both sides");
  }

  /** Sets the clock, in milliseconds from where it stands. Forward cannot be told from time that went by. */
  setClock(by: number): void {
    this.now += by;
    if (by < 0 && this.fullSince !== undefined) this.fullSince += by;
  }

  setMaintenance(on: boolean): void {
    this.maintenance = on;
    // What users wrote until then is in one place.
    this.filesSame = false;
  }

  /** Users write files all the time, unless maintenance is on. */
  filesDiffer(from: Side): boolean {
    if (from === "old" && this.filesUsed === "new") return false;
    return !this.maintenance || !this.filesSame;
  }

  copyFiles(from: Side): void {
    // What the old fleet uses is the volume already.
    if (from === "new" || this.filesUsed === "old") this.filesSame = this.maintenance;
  }

  useFiles(side: Side): void {
    if (side !== this.filesUsed && this.filesDiffer(this.filesUsed))
      this.say(13, `the old fleet uses the ${side} side's files, which lack some`);
    this.filesUsed = side;
  }

  soaked(): boolean {
    return this.fullSince !== undefined && this.now - this.fullSince >= this.applied.cleanup.soakSeconds * 1_000;
  }

  /** Both databases take writes of users: the old one refuses nobody, and the new one is a primary that somebody uses. */
  checkWrites(): void {
    const newUsed = this.newWrites && this.applied.database?.role === "primary";
    if (this.oldWrites && newUsed) this.say(3, "both databases accept writes");
    if (!this.maintenance && newUsed && this.fleetUses === "old" && (this.applied.dns?.weights.old ?? 0) > 0)
      this.say(3, "the old fleet serves users from the old database");
  }

  /** One effect, at most once a key. */
  effect(kind: string, effect: Effect, change: () => void, { counts = true } = {}): Evidence {
    this.gate(`before ${kind}`);
    if (effect.fence < this.fence) this.say(6, `${kind} came from a runner that had lost its lease`);
    // One step may have several effects under its key.
    const key = `${kind} ${effect.key}`;
    const done = this.keys.get(key);
    if (done !== undefined) return done;
    const fails = this.faults.fail(kind);
    if (fails === "transient" || fails === "lost") throw new Transient(`${kind} was throttled`);
    if (fails === "terminal") throw new Terminal(`${kind} was refused`);
    change();
    if (counts) this.effects.push(kind);
    const evidence = { summary: kind };
    this.keys.set(key, evidence);
    this.checkWrites();
    if (fails === "timed out") throw new Transient(`${kind} was not answered in time`);
    this.gate(`after ${kind}`);
    return evidence;
  }

  /** As the engine says it of a lock that is another process's. */
  requireUnlocked(): void {
    if (!this.faults.locked()) return;
    throw new Conflict("The stack is locked by process 4711 of somebody on elsewhere.", { holder: "somebody@elsewhere process 4711" });
  }

  gate(point: string): void {
    if (this.faults.crash(point)) throw new Crash(point);
  }

  remove(kind: string, effect: Effect): Evidence {
    return this.effect(`remove ${kind}`, effect, () => {
      if (!this.soaked()) this.say(4, `${kind} was removed before the soak was over`);
      if (!this.removed.includes(kind)) this.removed.push(kind);
      else if (!this.forgotten) this.say(6, `${kind} was removed twice`);
    });
  }
}

/** @param folder where the stack's config file lies: like the engine, an update leaves the applied config there */
export function modelDriver(world: ModelWorld, folder: string): Driver {
  const historyOf = (config: RawConfig, key: string): Updated | undefined => {
    const index = world.updates.findIndex((u) => u.key === key && configDigest(u.config) === configDigest(config));
    return index === -1 ? undefined : { engineVersion: index + 1, changes: {}, durationMs: 1 };
  };
  return {
    async preview(_, config): Promise<Preview> {
      world.gate("before preview");
      const { applied } = world;
      const seen = configChanges(world.updates.at(-1)?.config ?? world.raw, config).filter((c) => !NO_RESOURCE.test(c.path));
      const changes = seen.map((c) => ({
        urn: c.path,
        type: "model:index:Path",
        name: c.path,
        op: "update" as const,
        diff: [],
      }));
      return { changes, unchanged: Object.keys(applied).length, digest: JSON.stringify(changes) };
    },
    async update(_, config, key, { dnsOnly, known = [] } = {}): Promise<Updated> {
      world.gate("before update");
      world.requireUnlocked();
      const fails = world.faults.fail("update");
      if (fails === "transient") throw new Transient("the update was throttled");
      if (fails === "terminal") throw new Terminal("the update was refused");
      if (fails === "lost") throw unsettled(new Transient("the update was not done and not answered in time"));
      if (historyOf(config, key) !== undefined) world.violations.push(`promise 6: ${key} was updated twice`);
      const path = StackFile.pathOf(folder, STACK);
      const file = readFileSync(path, "utf8");
      // What somebody edited stays: only then is the file read as a whole.
      if (file === world.written) writeFileSync(path, stringify({ config }));
      else writeFileSync(path, stringify({ config: keepingEdits(config, StackFile.parse(path, STACK, file).raw(), known) }));
      world.written = readFileSync(path, "utf8");
      // An engine changes what differs from what it believes, and nothing else.
      const leads = (from: RawConfig): RawConfig => (dnsOnly === true ? { ...from, [DNS]: config[DNS] } : config);
      if (configDigest(world.believed) !== configDigest(leads(world.believed))) {
        world.stands = leads(world.stands);
        world.become(readConfig(world.stands, "model", STACK, { lenient: true }));
      }
      if (fails === "timed out") throw unsettled(new Transient("the update was done and not answered in time"));
      world.gate("inside update");
      world.believed = leads(world.believed);
      // Of the records alone, the rest may wait to be looked at.
      const about = (raw: RawConfig): RawConfig => (dnsOnly === true ? { [DNS]: raw[DNS] } : raw);
      if (!world.unread && configDigest(about(world.stands)) !== configDigest(about(config)))
        world.violations.push(`promise 6: ${key} changed nothing, and had to`);
      world.updates.push({ config, key });
      world.gate("after update");
      return { engineVersion: world.updates.length, changes: {}, durationMs: 1 };
    },
    findUpdate: async (_, config, key) => historyOf(config, key),
    async recover(_, __, { dnsOnly } = {}) {
      world.gate("before recovery");
      world.requireUnlocked();
      const fails = world.faults.fail(dnsOnly === true ? "recovery of the records" : "recovery");
      // Then what stands there stays unknown, and a way back goes on all the same.
      world.unread = fails === "terminal";
      if (fails === "terminal") throw new Terminal("the recovery was refused");
      if (fails !== undefined) throw new Transient("the recovery was not answered");
      const { believed, stands } = world;
      world.believed = dnsOnly === true ? { ...believed, [DNS]: stands[DNS] } : stands;
      return [];
    },
    clearDeadLocks: async (_, __, { wait = true } = {}) => {
      if (wait) world.requireUnlocked();
      return [];
    },
    strangers: async (_, known) => {
      const path = StackFile.pathOf(folder, STACK);
      const file = StackFile.parse(path, STACK, readFileSync(path, "utf8")).raw();
      const last = world.updates.at(-1);
      return world.updates.flatMap((u) => {
        if (known.has(u.key)) return [];
        return [u === last && configDigest(file) === configDigest(u.config) ? { key: u.key, config: file } : { key: u.key }];
      });
    },
    byHand: async () => undefined,
    checkHistory: async () => [],
    cancel: () => undefined,
  };
}

export function modelTarget(world: ModelWorld): Target {
  const look = async (): Promise<Evidence> => ({ summary: "looked" });
  return {
    kind: "sandbox",
    clock: {
      now: () => world.now,
      sleepUntil: async (until, signal) => {
        const before = world.now;
        await world.beforeSleep(until, signal);
        if (world.now >= before) world.now = Math.max(world.now, until);
        world.count();
      },
    },
    cloud: {
      instances: async () => [],
      databases: async () => [],
      loadBalancers: async () => [],
      facts: async () => ({}),
      costs: async () => [],
      prices: async () => [],
      adoptRecord: async (e) => world.effect("adopt", e, () => (world.adopted = true)),
      releaseRecord: async (e) => world.effect("release", e, () => (world.adopted = false)),
      setWeights: async (weights, e) => {
        // Asked for as often as anybody wants to be sure: only a change is an effect.
        const now = world.applied.dns?.weights;
        const set = (): void => {
          const { dns } = world.applied;
          // Past the engine: only the records themselves.
          if (dns !== undefined && dns.records === "both") world.applied = { ...world.applied, dns: { ...dns, weights } };
          if (weights.new < 100) world.fullSince = undefined;
        };
        return world.effect("weights", e, set, { counts: now?.new !== weights.new || now.old !== weights.old });
      },
      protectDatabase: async (e) => world.effect("protect", e, () => undefined),
      snapshotDatabase: async (_, e) => world.effect("snapshot", e, () => undefined),
      restoreToPointInTime: async () => ({ summary: "not used here" }),
      terminateInstances: async (e) => world.remove("instances", e),
      deleteLoadBalancer: async (e) => world.remove("load balancer", e),
      deleteDatabase: async (_, e) => world.remove("database", e),
      deleteSecurityGroups: async (e) => world.remove("security groups", e),
    },
    cluster: {
      smokeTest: look,
      integrationTest: look,
      logs: look,
      probeLoadBalancer: look,
      runRelease: async (process, e) => world.effect(`release ${process}`, e, () => undefined),
      stopOnce: async (e) =>
        world.effect("once stops on new", e, () => {
          world.onceNew = false;
        }),
      catchUp: async (since, e) =>
        world.effect("catch up", e, () => {
          world.missed = world.missed.filter((at) => at <= since);
        }),
      rolloutAbort: look,
      rolloutPromote: look,
      usage: look,
    },
    data: {
      setWrites: async (side, allowed, e) =>
        world.effect(`writes ${side} ${allowed}`, e, () => {
          if (side === "old") world.oldWrites = allowed;
          else world.newWrites = allowed;
        }),
      testReplica: look,
      readiness: async () => ({ standing: "computed", at: world.now, findings: FINDINGS }),
      compareAhead: async () => ({ summary: "equal", differences: 0, seconds: 2 }),
      compare: async () => ({ summary: "equal", differences: 0 }),
      verifyReadWrite: look,
      startReverseReplication: async (e) => ({ ...world.effect("reverse on", e, () => (world.reverse = true)), supported: true }),
      stopReverseReplication: async (e, { drain = true } = {}) =>
        world.effect(drain ? "reverse off" : "reverse off as it is", e, () => (world.reverse = false)),
    },
    fleet: {
      setMaintenance: async (on, e) => world.effect(`maintenance ${on}`, e, () => world.setMaintenance(on)),
      useDatabase: async (side, e) => world.effect(`fleet ${side}`, e, () => (world.fleetUses = side)),
      copyFiles: async (from, _, e) => world.effect(`files from ${from}`, e, () => world.copyFiles(from), { counts: false }),
      useFiles: async (side, e) => world.effect(`files ${side}`, e, () => world.useFiles(side)),
      setWorkers: async (percent, e) => world.effect(`workers ${percent}`, e, () => (world.oldWorkers = percent)),
      stopOnce: async (e) => world.effect("once stops on old", e, () => world.once("old", false)),
      startOnce: async (missed, e) =>
        world.effect("once starts on old", e, () => {
          world.once("old", true);
          world.missed = world.missed.filter((at) => !missed.some((m) => m.at === at));
        }),
    },
    observer: {
      observe: async (name, side, windowSeconds): Promise<Observation> => ({
        name,
        ...(side === undefined ? {} : { side }),
        at: world.now,
        source: "model",
        reading: world.faults.reading(name, side, windowSeconds) ?? healthy(world, name, side),
      }),
    },
  };
}

function healthy(world: ModelWorld, name: ObservationName, side: Side | undefined): Reading {
  const { dns, strategy, database } = world.applied;
  if (isOwn(name)) return known(ownGateOf(world.applied, name)?.limit ?? 0);
  switch (name) {
    case "error-rate":
      return known(0.001);
    case "latency-p95":
      return known(0.2);
    case "error-rate-over-old":
      return known(0);
    case "replica-lag":
      return database?.role === "replica" ? known(world.oldWrites ? 2 : 0) : unknown("no replica");
    case "dns-weight-new":
      return known(dns?.weights.new ?? 0);
    case "traffic-share":
      return known((dns?.weights.new ?? 0) / 100);
    case "dns-ttl":
      return known(dns?.ttlSeconds ?? 0);
    case "green-weight":
      return known(strategy.kind === "blue-green" ? strategy.greenWeight : 0);
    case "database-primary":
      return known(database?.role === "primary" ? 1 : 0);
    case "backup-retention":
      return known(database?.role === "primary" ? database.backup.retentionDays : 0);
    case "backup-age":
      return known(3_600);
    case "writes-stopped":
      return known(world.oldWrites ? 0 : 1);
    case "reverse-lag":
      return world.reverse ? known(0) : unknown("nothing streams back");
    case "old-once-running":
      return known(world.onceOld ? 1 : 0);
    case "new-once-running":
      return known(world.onceNew ? 1 : 0);
    case "files-differing":
      return known(world.filesDiffer(side ?? "old") ? 1 : 0);
    case "queue-age":
    case "dead-letters":
      return known(0);
    case "old-load-balancer-users":
    case "old-instances-users":
    case "old-database-users":
    case "security-groups-users":
    case "open-connections":
      return known(0);
    default:
      return known(1);
  }
}

/** The journal of a staging that has passed. @param patch what its config has otherwise */
export function stagingDone(at: number, patch: ConfigPatch = {}): Recorded[] {
  const config = patched(STAGING, patch);
  const plan = planDigest(buildPlan(readConfig(config, "model", "web-api-staging")));
  const begin: Entry = { type: "migration.created", stack: "web-api-staging", plan, config, why: "model", who: "model" };
  const created = record(begin, undefined, at, 0);
  return [created, record({ type: "migration.completed" }, created, at, 0)];
}

/**
 * Journals in memory that survive a crash of the "process"; appends of a dead one are refused. As a database with an
 * asynchronous standby it may fail over, and lose the last commits then: entries, leases and all.
 */
export class ModelStore implements Store {
  readonly journals = new Map<string, Recorded[]>();
  private readonly leases = new Map<string, { fence: number; holder: string; released: boolean }>();
  private readonly trusted = new Map<string, number>();
  private incarnation = 1;
  /** How each commit is taken back, oldest first. */
  private readonly commits: (() => void)[] = [];
  append: Store["append"];
  entries: Store["entries"];
  readonly onRestored: NonNullable<Store["onRestored"]>;

  constructor(private readonly world: ModelWorld) {
    this.journals.set("web-api-staging", stagingDone(world.now));
    const { append, entries, onRestored } = this.seenBy(this.knownHeads());
    [this.append, this.entries, this.onRestored] = [append, entries, onRestored];
  }

  /**
   * As one service process sees it: it remembers what it wrote and read, and finds out where that is lost.
   * @param unknown types of entries that the process's version does not know
   */
  process(unknown: readonly Recorded["type"][] = []): Store {
    const seen = this.seenBy(this.knownHeads());
    const strange = (e: Recorded): Recorded => (unknown.includes(e.type) ? ({ ...e, type: `newer.${e.type}` } as unknown as Recorded) : e);
    const entries: Store["entries"] = async (...asked) => (await seen.entries(...asked)).map(strange);
    return Object.assign(Object.create(this) as ModelStore, seen, { entries });
  }

  private knownHeads(): KnownHeads {
    return new KnownHeads("the model", async () => String(this.incarnation), String(this.incarnation));
  }

  /**
   * Another server answers, without the last commits; a journal's first entry stays.
   * @param isThere told after each commit that is lost whether the rest is there
   */
  failOver(isThere: () => boolean): void {
    while (this.commits.length > 0 && !isThere()) this.commits.pop()?.();
    this.commits.length = 0;
    this.incarnation += 1;
    this.world.forgotten = true;
    this.renewed.clear();
  }

  answers = async (): Promise<void> => void this.reach();
  stacks = async (): Promise<string[]> => [...this.journals.keys()];
  lengths = async (): Promise<ReadonlyMap<string, number>> => {
    this.reach();
    return new Map([...this.journals].map(([stack, entries]) => [stack, entries.length]));
  };
  verify = async (stack: string) => verifyChain(this.journals.get(stack) ?? []);
  keepFile = async (_: string, name: string): Promise<string> => name;
  file = async (): Promise<undefined> => undefined;
  files = async (): Promise<string[]> => [];
  adopt = async (): Promise<void> => undefined;
  onForeign = () => () => undefined;
  close = async (): Promise<void> => undefined;
  isDoubtful = async (stack: string): Promise<boolean> => this.doubts(stack);
  trust = async (stack: string): Promise<void> => {
    const before = this.trusted.get(stack);
    this.trusted.set(stack, this.incarnation);
    this.commits.push(() => (before === undefined ? this.trusted.delete(stack) : this.trusted.set(stack, before)));
  };
  /** An effect is under way: a lease that was just renewed lasts longer than it takes. */
  private readonly renewed = new Set<string>();

  doubts(stack: string): boolean {
    return (this.trusted.get(stack) ?? this.incarnation) !== this.incarnation;
  }

  /** @returns what else goes wrong, after it was done */
  private reach(writes = false): "unanswered" | undefined {
    const fault = this.world.faults.store();
    if (fault === "unreached") throw new Transient("the database does not answer");
    if (fault === "full" && writes) throw new UserError({ path: "journal", got: "ENOSPC", accepted: "a disk with free space" });
    return fault === "unanswered" ? fault : undefined;
  }

  private requireFence(lease: Lease): void {
    const held = this.leases.get(lease.stack);
    if (held?.fence !== lease.fence || held.released) throw new Conflict("lease lost");
  }

  async requireHeld(lease: Lease): Promise<void> {
    this.reach();
    this.requireFence(lease);
    this.renewed.add(lease.stack);
    if (lease.fence < this.world.fence) this.world.violations.push("promise 6: a fencing token went back");
    this.world.fence = lease.fence;
  }

  /** So long after a crash that every lease has ended. */
  lapse(): void {
    this.renewed.clear();
    for (const [stack, lease] of this.leases) this.leases.set(stack, { ...lease, released: true });
  }

  /** What reads and appends for the process with these heads. */
  private seenBy(heads: KnownHeads): Required<Pick<Store, "append" | "entries" | "onRestored">> {
    const seen = new Map<string, Recorded[]>();
    heads.onRestored(() => seen.clear());
    const read = (stack: string): Recorded[] => {
      const before = seen.get(stack) ?? [];
      const news = (this.journals.get(stack) ?? []).slice(before.length);
      requireIntact(news, "of the model", before.length === 0 ? {} : { follows: before.at(-1) as Recorded });
      const all = news.length === 0 ? before : [...before, ...news];
      seen.set(stack, all);
      const head = all.at(-1);
      if (head !== undefined) heads.grown(stack, head);
      return all;
    };
    const told = <T>(look: () => Promise<T>): Promise<T> =>
      look().catch(async (error: unknown) => {
        throw await heads.orRestored(error);
      });
    return {
      entries: (stack, after = 0) =>
        told(async () => {
          this.reach();
          return read(stack).slice(after);
        }),
      append: (stack, entry, at, by) =>
        told(async () => {
          const recorded = await this.commit(stack, entry, at, by, heads);
          heads.grown(stack, recorded);
          return recorded;
        }),
      onRestored: (listener) => heads.onRestored(listener),
    };
  }

  private async commit(
    stack: string,
    entry: Entry,
    at: number,
    by: Lease | { after: number } | undefined,
    heads: KnownHeads,
  ): Promise<Recorded> {
    const unanswered = this.reach(true);
    const lease = isLease(by) ? by : undefined;
    if (lease !== undefined) this.requireFence(lease);
    await heads.require(stack, this.journals.get(stack)?.at(-1), async (seq) => this.journals.get(stack)?.[seq - 1]);
    if (lease !== undefined) {
      this.requireFence(lease);
      this.renewed.delete(stack);
    }
    const { incarnation } = this;
    requireUnmoved(by, this.journals.get(stack)?.at(-1));
    if (lease !== undefined) this.world.gate(`before append ${entry.type}`);
    if (incarnation !== this.incarnation) throw new Transient("the connection was lost");
    const entries = this.journals.get(stack) ?? [];
    if (entries.length > MOST_ENTRIES)
      throw new Error(
        `a journal that does not end: ${entries
          .slice(-8)
          .map((e) => e.type)
          .join(", ")}`,
      );
    const recorded = record(entry, entries.at(-1), at, lease?.fence ?? 0);
    this.journals.set(stack, [...entries, recorded]);
    if (entries.length === 0) this.trusted.set(stack, this.incarnation);
    else this.commits.push(() => this.journals.set(stack, entries));
    if (lease !== undefined) this.world.gate(`after append ${entry.type}`);
    if (unanswered !== undefined) throw new Transient("the connection was lost");
    return recorded;
  }

  async lease(stack: string, holder: string): Promise<Lease> {
    this.reach();
    if (this.renewed.has(stack)) throw new Conflict("an effect is under way", { holder: "another" });
    const before = this.leases.get(stack);
    const fence = (before?.fence ?? 0) + (this.doubts(stack) ? FENCE_LEAP : 1);
    this.write(stack, { fence, holder, released: false });
    return { stack, holder, fence };
  }

  private write(stack: string, lease: { fence: number; holder: string; released: boolean }): void {
    const before = this.leases.get(stack);
    this.leases.set(stack, lease);
    this.commits.push(() => (before === undefined ? this.leases.delete(stack) : this.leases.set(stack, before)));
  }

  async held(stacks: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(stacks.filter((stack) => this.leases.get(stack)?.released === false));
  }

  async release(lease: Lease): Promise<void> {
    const held = this.leases.get(lease.stack);
    if (held?.fence !== lease.fence) return;
    this.renewed.delete(lease.stack);
    this.write(lease.stack, { ...held, released: true });
  }
}

/** As a real clock sleeps for days: until somebody wakes it. */
export const untilWoken = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    const wake = () => reject(signal?.reason);
    if (signal?.aborted === true) wake();
    else signal?.addEventListener("abort", wake, { once: true });
  });

/** A project whose inventory has the model's application. */
export const modelProject: ProjectPort = {
  inventory: async () => ({
    file: "applications.csv",
    notes: [],
    isPlain: true,
    applications: [
      {
        name: "web-api",
        technology: { kind: "nodejs", text: "Node.js 20" },
        dependencies: [],
        traffic: { text: "", from: "users" },
        stores: [],
        readings: [],
        criticality: "high",
        owner: "o",
        line: 2,
        extra: {},
      },
    ],
  }),
  dependencySupplement: async () => undefined,
  readSources,
  lintDockerfile,
  verifyImage,
};

export const modelPlan = (raw: RawConfig = RAW) => buildPlan(readConfig(raw, "model", STACK));
