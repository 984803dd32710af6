import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { stringify } from "yaml";
import { verifyChain } from "../../../src/automation/journal/chain.js";
import type { Command, PathItem, Recorded } from "../../../src/automation/journal/entries.js";
import { Migrations } from "../../../src/automation/migrations.js";
import { EMERGENCY_EXIT } from "../../../src/automation/plan/phases/emergencyExit.js";
import { currentConfig, planOf } from "../../../src/automation/state/state.js";
import { patched, type RawConfig, StackFile } from "../../../src/config/stackFile.js";
import { Conflict, CutoverError } from "../../../src/errors.js";
import { known, unknown } from "../../../src/ports/observations.js";
import { recordFinding } from "../../support/findings.js";
import {
  Crash,
  ModelStore,
  ModelWorld,
  modelDriver,
  modelPlan,
  modelProject,
  modelTarget,
  NO_FAULTS,
  RAW,
  STACK,
  WITH_FILES,
  WITH_PROCESSES,
  WITH_WEB_ONCE,
} from "../model.js";

/** Histories that `npm test` generates; the nightly tier sets more. */
const HISTORIES = Number(process.env.CUTOVER_HISTORIES ?? 300);
/** What was injected over all histories, for the fault table. */
const INJECTED: Record<string, { fault: string; where: string; tried: number }> = {};
function injected(fault: string, where: string, times = 1): void {
  const key = `${fault} ${where}`;
  INJECTED[key] = { fault, where, tried: (INJECTED[key]?.tried ?? 0) + times };
}

/** How many times a person acts before the history is driven to its end without faults. */
const MOST_ACTIONS = 25;
/** Of the journal, when a promise was broken. */
const MOST_TOLD = 40;
/** Stores that fail over and lose commits: what is not held over them yet stands in docs/reliability.md. */
const FAILOVERS = process.env.CUTOVER_FAILOVERS === "1";

type Action =
  | { kind: "command"; who: string; command: Command }
  /** To the step that waits for a person. */
  | { kind: "answer"; who: string; yes: boolean }
  /** A second service takes the lease at the n-th point from now, while the first one runs. */
  | { kind: "rival"; after: number }
  /** The process dies at the n-th point from now. */
  | { kind: "crash"; after: number }
  /** The next n effects fail. */
  | { kind: "fail"; how: "transient" | "terminal" | "timed out" | "lost"; after: number; times: number }
  /** The store cannot be reached, does not answer, or is full, for n calls. */
  | { kind: "store"; how: "unreached" | "unanswered" | "full"; after: number; times: number }
  /** Somebody else holds the stack's lock for n calls of the engine. */
  | { kind: "lock"; times: number }
  /** Somebody edits the stack's file, and takes the edit or leaves it there. */
  | { kind: "edit"; who: string; changes: Record<string, unknown>; takes: boolean }
  /** The store fails over at the n-th point from now, and has lost its last commits; perhaps another service goes on there. */
  | { kind: "failover"; after: number; lost: number; rival: boolean }
  /** Whoever asks from here on asks a process of the older version, or of this one; both run. */
  | { kind: "version"; older: boolean }
  /** Nothing can be measured, for n observations. */
  | { kind: "blind"; times: number }
  /** The old side answers nobody, for n observations of it. */
  | { kind: "dead"; times: number }
  /** The clock is set forward or back, in seconds: now, or in the n-th pause from now. */
  | { kind: "clock"; by: number; pause: number | undefined }
  /** Alertmanager calls. */
  | { kind: "alarm"; id: number }
  /** The watch between steps looks three times. */
  | { kind: "guard" }
  /** A signal reads badly, or not at all, for n observations. */
  | {
      kind: "signal";
      name: "error-rate" | "replica-lag" | "dns-weight-new" | "green-weight" | "latency-p95" | "reverse-lag";
      value: number | undefined;
      times: number;
    };

const EFFECT_FAULTS = {
  transient: "throttled call",
  terminal: "refused call",
  "timed out": "call times out after it was done",
  lost: "call is lost",
};
const STORE_FAULTS = { unreached: "database connection lost", unanswered: "database answers too late", full: "disk full" };

const who = fc.constantFrom("alice", "bob");
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      who,
      command: fc.record({
        command: fc.constant("advance" as const),
        extent: fc.constantFrom("step" as const, "phase" as const, "end" as const),
      }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("answer" as const), who, yes: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("answer" as const), who, yes: fc.constant(false) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("command" as const), who, command: fc.constant({ command: "resume" as const }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      who,
      command: fc.constant({ command: "pause" as const, why: "a look" }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      who,
      command: fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({ command: fc.constant("rollback" as const), revision: fc.nat(12), why: fc.constant("a person said so") }),
        },
        { weight: 1, arbitrary: fc.constant({ command: "abort" as const, why: "not this year" }) },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      who,
      command: fc.constant({ command: "emergency" as const, why: "users see errors" }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("crash" as const), after: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rival" as const), after: fc.nat(60) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fail" as const),
      how: fc.constantFrom("transient" as const, "terminal" as const, "timed out" as const, "lost" as const),
      after: fc.nat(10),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("store" as const),
      how: fc.constantFrom("unreached" as const, "unanswered" as const, "full" as const),
      after: fc.nat(40),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("clock" as const),
      by: fc.constantFrom(-7_200, -90, -1, 45, 600, 7_200, 200_000),
      pause: fc.option(fc.nat(30), { nil: undefined }),
    }),
  },
  {
    weight: FAILOVERS ? 2 : 0,
    arbitrary: fc.record({
      kind: fc.constant("failover" as const),
      after: fc.nat(60),
      lost: fc.oneof(fc.nat(6), fc.nat(80)),
      rival: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("version" as const), older: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("lock" as const), times: fc.integer({ min: 1, max: 12 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("edit" as const),
      who,
      changes: fc.constantFrom(
        { "workload.replicas": 7 },
        { "workload.image": "example.org/web-api:1.0.1" },
        { "gates.minRequests": 3 },
      ) as fc.Arbitrary<Record<string, unknown>>,
      takes: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("blind" as const), times: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("dead" as const), times: fc.integer({ min: 1, max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("alarm" as const), id: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "guard" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      who,
      command: fc.record({
        command: fc.constant("tune" as const),
        changes: fc.constantFrom(
          { "dns.steps": [25, 60, 100] },
          { "dns.steps": [10, 100] },
          { "strategy.weights": [50, 75, 100] },
          { "gates.maxErrorRate": 0.3 },
          { "gates.maxReplicaLagSeconds": 50 },
          { "gates.requireReverse": false },
          { "rollback.traffic": "ask" },
          { "database.writePauseSeconds": 20 },
          { "cleanup.soakSeconds": 172_800 },
        ) as fc.Arbitrary<Record<string, unknown>>,
        why: fc.constant("a person said so"),
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("signal" as const),
      name: fc.constantFrom(
        "error-rate" as const,
        "replica-lag" as const,
        "dns-weight-new" as const,
        "green-weight" as const,
        "latency-p95" as const,
        "reverse-lag" as const,
      ),
      value: fc.option(fc.constantFrom(-1, 0, 0.2, 5, 45), { nil: undefined }),
      times: fc.integer({ min: 1, max: 80 }),
    }),
  },
);

/** What a version before this one cannot read: it leaves the way forward to this one, and leads back. */
const UNKNOWN_TO_OLDER = ["runner.recovered", "drift.found", "hook.finished"] as const;

/** A refusal, a store that failed, or the end of the process: whoever asked was told, and may ask again. */
async function ignoring(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!(error instanceof CutoverError) && !(error instanceof Crash)) throw error;
  });
}

/** One service process after another over the same journal and the same world. */
class Night {
  readonly world: ModelWorld;
  readonly store: ModelStore;
  private service: Migrations;
  /** Whether `service` is of the older version, and the one of the other version beside it. */
  private older = false;
  private beside: Migrations | undefined;
  private crashIn: number | undefined;
  private rivalIn: number | undefined;
  private failover: { after: number; lost: number; rival: boolean } | undefined;
  private readonly rivals: Promise<void>[] = [];
  /** What no journal could take. */
  private readonly failures: string[] = [];

  constructor(
    private readonly folder: string,
    raw: RawConfig,
  ) {
    this.world = new ModelWorld(raw);
    this.store = new ModelStore(this.world);
    this.service = this.start();
  }

  private start(): Migrations {
    const service = new Migrations({
      store: this.store.process(this.older ? UNKNOWN_TO_OLDER : []),
      driver: modelDriver(this.world, this.folder),
      openTarget: async () => modelTarget(this.world),
      project: modelProject,
      stacksFolder: this.folder,
    });
    service.onFailure((_, error) => {
      this.failures.push(error.message);
      if (error instanceof Conflict && /lease lost/.test(error.message))
        injected("lease taken by a second service", "while a runner is at work");
      else if (!(error instanceof Crash) && !(error instanceof CutoverError)) this.world.violations.push(`bug: ${error.stack}`);
    });
    return service;
  }

  async begin(): Promise<void> {
    await this.service.create(STACK, "alice");
  }

  /** Step by step to where the night begins, without faults. */
  async reach(position: number): Promise<void> {
    for (;;) {
      const { state, plan } = await this.service.get(STACK);
      const step = plan[state.position];
      if (state.position >= position || step === undefined) return;
      if (state.status === "approval") await this.command({ command: "approve", step: step.id }, "bob");
      else await this.command({ command: "advance", extent: "step" }, "alice");
    }
  }

  async act(next: Action): Promise<void> {
    const { faults } = this.world;
    switch (next.kind) {
      case "crash":
        this.crashIn = next.after;
        this.world.faults = { ...faults, crash: this.atPoint };
        return;
      case "rival":
        this.rivalIn = next.after;
        this.world.faults = { ...faults, crash: this.atPoint };
        return;
      case "version":
        this.turnTo(next.older);
        return;
      case "failover":
        this.failover = { ...next };
        this.world.faults = { ...faults, crash: this.atPoint };
        return;
      case "fail": {
        let skip = next.after;
        let left = next.times;
        this.world.faults = {
          ...faults,
          fail: () => {
            if (skip > 0) skip -= 1;
            else if (left > 0) {
              left -= 1;
              injected(EFFECT_FAULTS[next.how], "at any effect or update");
              return next.how;
            }
            return undefined;
          },
        };
        return;
      }
      case "store": {
        let skip = next.after;
        let left = next.times;
        this.world.faults = {
          ...faults,
          store: () => {
            if (skip > 0) skip -= 1;
            else if (left > 0) {
              left -= 1;
              injected(STORE_FAULTS[next.how], "at any call of the store");
              return next.how;
            }
            return undefined;
          },
        };
        return;
      }
      case "lock": {
        let left = next.times;
        this.world.faults = {
          ...faults,
          locked: () => {
            if (left === 0) return false;
            left -= 1;
            injected("somebody else holds the engine's lock", "at any update or recovery");
            return true;
          },
        };
        return;
      }
      case "edit":
        await this.edit(next.changes, next.takes ? next.who : undefined);
        return;
      case "blind":
        this.setReadings(next.times, "nothing can be measured", () => unknown("the source does not answer"));
        return;
      case "dead":
        this.setReadings(next.times, "the old side answers nobody", (name, side) =>
          name === "old-targets-healthy" ? known(0) : name === "error-rate" && side === "old" ? known(1) : undefined,
        );
        return;
      case "clock":
        this.setClock(next.by, next.pause);
        return;
      case "alarm":
        await this.tried(() => this.service.alarm(STACK, { id: String(next.id), source: "Alertmanager", reason: "HighErrorRate" }));
        return;
      case "guard":
        await this.tried(async () => {
          for (let i = 0; i < 3; i += 1) await this.service.guardAll();
        });
        return;
      case "signal": {
        const { name: wanted, value, times } = next;
        const reading = value === undefined ? unknown("the source does not answer") : known(value);
        const fault = value === undefined ? "metric does not answer" : "metric reads badly";
        this.setReadings(times, fault, (name) => (name === wanted ? reading : undefined), `at any sample of ${wanted}`);
        return;
      }
      case "answer": {
        await this.tried(async () => {
          const { state, plan } = await this.service.get(STACK);
          const step = plan[state.position]?.id;
          if (step === undefined) return;
          const answer: Command = next.yes ? { command: "approve", step } : { command: "refuse", step, why: "not tonight" };
          await this.service.command(STACK, answer, next.who);
        });
        return;
      }
      case "command":
        await this.command(next.command, next.who);
        if (next.command.command === "emergency") await this.requireSentBack();
        // What loosens a protection counts only once another person wants it too.
        if (next.command.command === "tune")
          await this.tried(async () => {
            const { proposal } = (await this.service.get(STACK)).state;
            const other = next.who === "alice" ? "bob" : "alice";
            if (proposal !== undefined) await this.service.command(STACK, { command: "confirm", tuning: proposal.seq }, other);
          });
    }
  }

  private setReadings(times: number, fault: string, read: ModelWorld["faults"]["reading"], where = "at any sample"): void {
    let left = times;
    this.world.faults = {
      ...this.world.faults,
      reading: (...asked) => {
        const reading = left === 0 ? undefined : read(...asked);
        if (reading === undefined) return undefined;
        left -= 1;
        injected(fault, where);
        return reading;
      },
    };
  }

  /** @param by who takes it; undefined where it is left in the file */
  private async edit(changes: Record<string, unknown>, by: string | undefined): Promise<void> {
    const path = StackFile.pathOf(this.folder, STACK);
    const raw = StackFile.parse(path, STACK, readFileSync(path, "utf8")).raw();
    writeFileSync(path, stringify({ config: patched(raw, changes) }));
    injected("the stack's file is edited", by === undefined ? "and nobody takes the edit" : "and somebody takes the edit");
    if (by !== undefined) await this.tried(() => this.service.takeEdit(STACK, { why: "a person said so" }, by));
  }

  private setClock(seconds: number, pause: number | undefined): void {
    const set = (when: string): void => {
      injected(`clock set ${seconds < 0 ? "back" : "forward"}`, when);
      this.world.setClock(seconds * 1_000);
    };
    let left = pause;
    if (left === undefined) set("between any two commands");
    else
      this.world.beforeSleep = async () => {
        if (left === 0) set("while a runner waits");
        left = (left ?? 0) - 1;
      };
  }

  private command(command: Command, by: string): Promise<void> {
    return this.tried(() => this.service.command(STACK, command, by));
  }

  /** What a person or a system asks for may be refused, or end with the process; then all that it set going is waited for. */
  private async tried(ask: () => Promise<unknown>): Promise<void> {
    await ignoring(ask());
    await this.settle();
    await this.requireNoViolation();
  }

  /** Every effect and append comes by here, before and after it. @returns whether the process dies there */
  private readonly atPoint = (): boolean => {
    if (this.failover !== undefined && this.failover.after-- === 0) this.failOver(this.failover);
    if (this.rivalIn !== undefined) {
      this.rivalIn -= 1;
      if (this.rivalIn < 0) {
        this.rivalIn = undefined;
        this.startRival();
      }
    }
    if (this.crashIn === undefined) return false;
    this.crashIn -= 1;
    return this.crashIn < 0;
  };

  private turnTo(older: boolean): void {
    if (older === this.older) return;
    injected("two versions of cutover take turns", "between any two commands");
    this.older = older;
    const next = this.beside ?? this.start();
    this.beside = this.service;
    this.service = next;
  }

  private startRival(): void {
    const rival = this.start();
    // What it cannot take now, it leaves to who holds it.
    this.rivals.push(
      rival
        .resumeAll()
        .then(() => rival.settled(STACK))
        .then(() => undefined),
    );
  }

  private failOver({ lost, rival }: { lost: number; rival: boolean }): void {
    this.failover = undefined;
    let left = lost;
    this.store.failOver(() => left-- === 0);
    injected("the store fails over", lost === 0 ? "and has lost nothing" : "and has lost the last commits");
    if (rival) this.startRival();
  }

  /** Waits until nothing runs; a process that died is replaced by a new one. */
  private async settle(): Promise<void> {
    for (;;) {
      await ignoring(this.service.settled(STACK));
      const rival = this.rivals.shift();
      if (rival !== undefined) await ignoring(rival);
      else if (this.crashIn !== undefined && this.crashIn < 0) {
        this.crashIn = undefined;
        this.store.lapse();
        injected("process dies", "before or after an effect, or a line of the journal");
        this.service = this.start();
        await ignoring(this.service.resumeAll());
      } else return;
    }
  }

  /**
   * No more faults: people approve and go on until it is over. A night that went back over the promotion cannot go
   * forward again by itself: the promoted database cannot be a replica once more, and promise 3 holds it there. Nor can one whose
   * journal lost what a promise has to know: it is held, and its users are sent back all the same.
   */
  async finish(): Promise<"completed" | "aborted" | "back on the old database" | "held by what was lost"> {
    this.world.faults = NO_FAULTS;
    this.crashIn = undefined;
    this.rivalIn = undefined;
    this.failover = undefined;
    this.turnTo(false);
    // A service whose disk was full is started again once there is space.
    await this.service.close();
    this.store.lapse();
    this.service = this.start();
    for (let i = 0; i < 200; i += 1) {
      const { state, plan } = await this.service.get(STACK);
      const step = plan[state.position];
      if (state.status === "completed" || state.status === "aborted") return state.status;
      if (state.heldPromise === 3 && ["database.create-replica", "database.go", "database.maintenance-on"].includes(step?.id ?? ""))
        return "back on the old database";
      // A rival may have left it under way: the sweep of a service finds it.
      if (state.status === "running" || state.status === "returning") {
        await this.service.resumeAll();
        await this.settle();
      } else if (state.adrift !== undefined && state.heldPromise !== undefined) {
        await this.command({ command: "emergency", why: "the journal lost how it stands", insist: true }, "alice");
        expect(this.world.applied.dns?.weights.new ?? 0, "users on the new side after an emergency").to.equal(0);
        return "held by what was lost";
      } else if (state.adrift !== undefined && state.status === "held")
        await this.command({ command: "rollback", revision: state.adrift.to, why: "the journal lost what came after" }, "alice");
      else if (state.status === "ready") await this.command({ command: "advance", extent: "end" }, "alice");
      else if (state.status === "held" || state.status === "paused") await this.command({ command: "resume" }, "alice");
      else if (step?.kind === "approval") await this.command({ command: "approve", step: step.id }, "carol");
      else throw new Error(`stands still at ${step?.id} with status ${state.status}\n${await this.story()}`);
    }
    const { state, plan } = await this.service.get(STACK);
    throw new Error(
      `does not come to its end: ${state.status} at ${plan[state.position]?.id}: ${state.heldReason} ${state.watch?.reason}\n${await this.story()}`,
    );
  }

  async close(): Promise<void> {
    await this.beside?.close();
    await this.service.close();
  }

  /** As it lies there, whatever a service remembers of it. */
  get journal(): readonly Recorded[] {
    return this.store.journals.get(STACK) ?? [];
  }

  get state() {
    return this.service.get(STACK).then((m) => m.state);
  }

  /** Somebody else's lock, an edit and blindness keep no emergency waiting: where its effects do not fail, users are back at once. */
  private async requireSentBack(): Promise<void> {
    const { fail, store } = this.world.faults;
    if (fail !== NO_FAULTS.fail || store !== NO_FAULTS.store) return;
    if ([this.crashIn, this.rivalIn, this.failover].some((pending) => pending !== undefined)) return;
    const started = this.journal.findLast((e) => e.type === "rollback.started");
    const { weights } = this.world.applied.dns ?? {};
    if (started?.type !== "rollback.started" || !isEmergency(started.path) || (weights?.new ?? 0) === 0) return;
    // Who went forward again since has users there.
    const { returning } = await this.state;
    if (returning !== undefined) this.world.violations.push(`promise 5: an emergency waits, and ${weights?.new} % are on the new side`);
  }

  /** Once an emergency's way back is over, no user is sent to the new side, and nothing says that any should be. */
  private async requireBack(): Promise<void> {
    const entries = this.journal;
    const began = entries.findLastIndex((e) => e.type === "rollback.started");
    const started = entries[began];
    if (started?.type !== "rollback.started" || !isEmergency(started.path)) return;
    if (entries.at(-1)?.type !== "rollback.completed") return;
    const { dns } = currentConfig(await this.state);
    for (const [where, weights] of [
      ["the stack config", dns?.weights],
      ["the name server", this.world.applied.dns?.weights],
    ] as const)
      if ((weights?.new ?? 0) > 0)
        this.world.violations.push(`promise 5: after an emergency, ${where} sends ${weights?.new} % to the new side`);
  }

  /** Where users are sent, their process may run; only while it moves it runs nowhere. */
  requireServed(): void {
    const { onceOld, onceNew, applied } = this.world;
    const users = (applied.dns?.weights.new ?? 0) === 100 ? "new" : "old";
    if (users === "new" ? onceOld && !onceNew : onceNew) expect.fail(`users are on the ${users} side, and the web process is not`);
  }

  /** What was broken, and the journal's last lines, which say how it came to that. */
  async requireNoViolation(): Promise<void> {
    const { faults } = this.world;
    this.world.faults = NO_FAULTS;
    await this.requireBack();
    this.world.faults = faults;
    const { violations } = this.world;
    if (violations.length === 0) return;
    expect.fail(`${violations.join("; ")}\n${await this.story()}`);
  }

  private async story(): Promise<string> {
    const entries = this.journal;
    const told = entries.slice(-MOST_TOLD).map(({ seq, fence, hash, prev, at, recordedAt, ...entry }) => {
      const { type, config: _, path: __, ...rest } = entry as Record<string, unknown>;
      return `${seq} (${fence}) ${type} ${JSON.stringify(rest).slice(0, 160)}`;
    });
    return [...this.world.violations, ...this.failures.slice(-3), ...told].join("\n");
  }
}

const isEmergency = ([first]: PathItem[]): boolean => first?.kind === "undo" && first.step === EMERGENCY_EXIT;

async function night(from: number, actions: Action[], check: (n: Night) => Promise<void>, raw: RawConfig = RAW): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cutover-model-"));
  try {
    const file = join(folder, `Pulumi.${STACK}.yaml`);
    writeFileSync(file, stringify({ config: raw }));
    const n = new Night(folder, raw);
    await n.begin();
    await n.reach(from);
    for (const a of actions) await n.act(a);
    await check(n);
    await n.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const chosen = (numRuns: number) => ({
  numRuns,
  endOnFailure: false,
  ...(process.env.CUTOVER_SEED === undefined ? {} : { seed: Number(process.env.CUTOVER_SEED) }),
  ...(process.env.CUTOVER_PATH === undefined ? {} : { path: process.env.CUTOVER_PATH }),
});

/** Checks the end of random nights that begin with users on their way, or later. */
async function overHandovers(raw: RawConfig, check: (n: Night) => Promise<void>): Promise<void> {
  const plan = modelPlan(raw);
  const first = plan.findIndex((s) => s.id === "traffic.new-record");
  // Clocks that jump leave open which runs were due.
  const steady = action.filter((a) => a.kind !== "clock");
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: first, max: plan.length - 1 }),
      fc.array(steady, { minLength: 1, maxLength: MOST_ACTIONS, size: "max" }),
      (from, actions) => night(from, actions, check, raw),
    ),
    chosen(Math.ceil(HISTORIES / 4)),
  );
}

describe("promises 1 to 13 over random nights", function () {
  this.timeout(Math.max(600_000, HISTORIES * 2_000));

  it("[applications-14] promise 12: nothing that may run once runs twice, and nothing is skipped, over random nights", async () => {
    await overHandovers(WITH_PROCESSES, async (n) => {
      await n.requireNoViolation();
      const end = await n.finish();
      await n.requireNoViolation();
      const { onceOld, onceNew, oldWorkers, missed, applied } = n.world;
      const there = { onceOld, onceNew, oldWorkers, missed, workers: applied.handover.workers };
      if (end === "held by what was lost") return;
      if (end === "completed") expect(there).to.deep.equal({ onceOld: false, onceNew: true, oldWorkers: 0, missed: [], workers: 100 });
      else expect(there).to.deep.equal({ onceOld: true, onceNew: false, oldWorkers: 100, missed: [], workers: 0 });
    });
  });

  it("[applications-14] promise 12: a web process that may run only once never runs twice, and its users end where it runs, over random nights", async () => {
    await overHandovers(WITH_WEB_ONCE, async (n) => {
      await n.requireNoViolation();
      n.world.faults = NO_FAULTS;
      // Wherever it stands still, but on a way back that a person paused: nobody rests where users are on one side and their process on the other.
      const { status, returning } = await n.state;
      const rests = returning === undefined && ["ready", "approval", "paused"].includes(status);
      if (rests) n.requireServed();
      const end = await n.finish();
      await n.requireNoViolation();
      if (end === "held by what was lost") return;
      n.requireServed();
      const { onceOld, onceNew, missed } = n.world;
      const isNew = end === "completed";
      expect({ onceOld, onceNew, missed }).to.deep.equal({ onceOld: !isNew, onceNew: isNew, missed: [] });
    });
  });

  it("promise 13: users' files are written in one place, and no folder is used that lacks some, over random nights", async () => {
    const plan = modelPlan(WITH_FILES);
    const go = plan.findIndex((s) => s.id === "database.go");
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: go, max: plan.length - 1 }),
        fc.array(action, { minLength: 1, maxLength: MOST_ACTIONS, size: "max" }),
        (from, actions) =>
          night(
            from,
            actions,
            async (n) => {
              await n.requireNoViolation();
              const end = await n.finish();
              await n.requireNoViolation();
              expect(n.world).to.include({ maintenance: false });
              if (end === "completed") expect(n.world.filesUsed).to.equal("new");
            },
            WITH_FILES,
          ),
      ),
      chosen(Math.ceil(HISTORIES / 4)),
    );
  });

  it("holds every promise whatever people, faults and crashes do, and always comes to a right end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(modelPlan().length - 1),
        fc.array(action, { minLength: 1, maxLength: MOST_ACTIONS, size: "max" }),
        async (from, actions) => {
          await night(from, actions, async (n) => {
            await n.requireNoViolation();
            const end = await n.finish();
            const state = await n.state;
            await n.requireNoViolation();
            expect(verifyChain(n.journal)).to.deep.equal([]);
            if (end === "held by what was lost") return;
            if (end !== "completed") {
              expect(n.world).to.include({ oldWrites: true, newWrites: false, maintenance: false, fleetUses: "old", reverse: false });
              expect(n.world.applied.database).to.include({ active: "old" });
              expect(n.world.removed).to.deep.equal([]);
              if (end === "aborted") expect(n.world.applied.dns?.weights.new).to.equal(0);
              else expect(n.world.applied.database).to.include({ role: "primary" });
              return;
            }
            expect(state.status).to.equal("completed");
            expect(state.position).to.equal(planOf(state, modelPlan()).length);
            // promise 6: promoted once, each old thing removed once.
            expect(n.world.effects.filter((e) => e === "promote")).to.have.length(1);
            expect(n.world.removed).to.deep.equal(["instances", "load balancer", "database", "security groups"]);
            expect(n.world.applied.dns).to.include({ records: "new" });
            expect(n.world.applied.database).to.include({ role: "primary", active: "new" });
            expect(n.world).to.include({ oldWrites: false, newWrites: true, maintenance: false, fleetUses: "new", reverse: false });
          });
        },
      ),
      {
        numRuns: HISTORIES,
        endOnFailure: false,
        ...(process.env.CUTOVER_SEED === undefined ? {} : { seed: Number(process.env.CUTOVER_SEED) }),
        ...(process.env.CUTOVER_PATH === undefined ? {} : { path: process.env.CUTOVER_PATH }),
      },
    );
    const outcome = `every promise held in ${HISTORIES} random histories; each came to a right end`;
    for (const found of Object.values(INJECTED)) await recordFinding({ ...found, outcome });
  });
});
