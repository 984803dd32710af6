import { mkdir, readFile, readlink, rm, stat, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { isAlive } from "../../automation/engine/locks.js";
import type { StackConfig } from "../../config/schema.js";
import { writeAtomically } from "../../config/stackFile.js";
import { Conflict, UserError } from "../../errors.js";
import { type Effect, ORDER_FENCE } from "../../ports/target.js";
import type { Properties, ResourceRef, SandboxBackend } from "../backend.js";
import { removed } from "./balancer.js";
import { groupsIn, naturalId, outcomeOf, shortType } from "./kinds.js";
import { advance, ranOnce } from "./once.js";
import { newWorld, type Stored, type WorldState } from "./state.js";
import { violationsOf } from "./violations.js";

const LOCK_WAIT_MS = 5;

/**
 * One stack's far side: a plain state in one file, replaced whole at every change, so that a process killed at any
 * moment leaves a world as it was before or after the change. Several processes may use it: a lock that names the
 * holder's process surrounds each change, and a file that another one wrote is read again.
 */
export class World implements SandboxBackend {
  private tail: Promise<unknown> = Promise.resolve();
  private cached: { state: WorldState; stamp: string } | undefined;

  constructor(
    private readonly file: string,
    private readonly stack: string,
    readonly config: () => Promise<StackConfig>,
    private readonly seed: number,
    private readonly faults: string[],
  ) {}

  /** A look without change; a file that another process wrote is read again. */
  async look(): Promise<WorldState> {
    if (this.cached !== undefined && this.cached.stamp === (await stampOf(this.file))) return this.cached.state;
    return this.change((s) => s);
  }

  /** Virtual time now, as last seen by this process. */
  get now(): number {
    return this.cached?.state.now ?? 0;
  }

  /** Runs a change under the lock and keeps what it leaves. */
  change<T>(operation: (state: WorldState) => T | Promise<T>): Promise<T> {
    const result = this.tail.then(() => this.locked(operation));
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** An effect of a port: at most once a key, and never for a runner that lost its lease. */
  async effect<T>(effect: Effect, kind: string, id: string, operation: (state: WorldState) => T): Promise<T> {
    effect.signal?.throwIfAborted();
    await effect.held?.();
    let crash = false;
    const answer = await this.change((state) => {
      if (effect.fence < state.fence)
        throw new Conflict(`The lease ${effect.fence} of ${this.stack} was lost: ${state.fence} is in force.`);
      if (effect.fence !== ORDER_FENCE) state.fence = effect.fence;
      // One step may have several effects under its key.
      const key = `${kind} ${effect.key}`;
      if (key in state.done) return state.done[key] as T;
      const result = operation(state);
      state.done[key] = result ?? null;
      state.effects.push({ seq: state.effects.length + 1, at: state.now, kind, id, key: effect.key });
      crash = this.crashes(state, kind, effect.key);
      return result;
    });
    if (crash) process.kill(process.pid, "SIGKILL");
    return answer;
  }

  async create(ref: ResourceRef, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    const config = await this.config();
    return this.operation(ref, async (state) => {
      const id = naturalId(ref, inputs, state);
      if (state.resources[keyOf(ref.type, id)] !== undefined && !overwrites(ref.type, inputs)) throw new Error(alreadyExists(ref.type, id));
      const outcome = outcomeOf(ref.type, id, undefined, inputs, state, config);
      this.store(state, ref.type, id, inputs, outcome.outputs, true);
      return { ...outcome, id, answer: { id, outputs: outcome.outputs } };
    });
  }

  async read(ref: ResourceRef, id: string): Promise<{ inputs: Properties; outputs: Properties } | undefined> {
    const found = (await this.look()).resources[keyOf(ref.type, id)];
    return found === undefined ? undefined : { inputs: found.inputs, outputs: found.outputs };
  }

  async update(ref: ResourceRef, id: string, _olds: Properties, news: Properties): Promise<{ outputs: Properties }> {
    const config = await this.config();
    return this.operation(ref, async (state) => {
      const before = state.resources[keyOf(ref.type, id)];
      if (before === undefined) throw new Error(`${ref.type} ${id} was not found`);
      const outcome = outcomeOf(ref.type, id, before, news, state, config);
      this.store(state, ref.type, id, news, outcome.outputs, outcome.restarts);
      return { ...outcome, id, answer: { outputs: outcome.outputs } };
    });
  }

  async delete(ref: ResourceRef, id: string): Promise<void> {
    await this.operation(ref, async (state) => {
      const key = keyOf(ref.type, id);
      const found = state.resources[key];
      if (found === undefined) return { kinds: [], seconds: 0, id, answer: undefined };
      if (ref.type === "aws:rds/instance:Instance" && found.inputs.deletionProtection === true)
        throw new Error(
          `InvalidParameterCombination: Cannot delete protected DB Instance ${id}, please disable deletion protection and try again.`,
        );
      if (ref.type === "aws:ec2/securityGroup:SecurityGroup") requireUnused(state, id);
      removed(ref.type, id, state);
      delete state.resources[key];
      ranOnce(ref.type, id, undefined, state, await this.config());
      return { kinds: [`${shortType(ref.type)}:Delete`], seconds: 5, id, answer: undefined };
    });
  }

  /** One provider call: checked and applied at once; virtual time moves on by what it takes. */
  private async operation<T>(
    ref: ResourceRef,
    run: (state: WorldState) => Promise<{ kinds: string[]; seconds: number; id: string; answer: T }>,
  ): Promise<T> {
    let crash = false;
    // Operations of one update overlap: each ends its own time after the moment it began.
    const began = (await this.look()).now;
    const answer = await this.change(async (state) => {
      const { kinds, seconds, id, answer } = await run(state);
      state.now = Math.max(state.now, began + seconds * 1_000);
      for (const kind of kinds) {
        state.effects.push({ seq: state.effects.length + 1, at: state.now, kind, id: id || ref.urn });
        crash ||= this.crashes(state, kind, "");
      }
      return answer;
    });
    if (crash) process.kill(process.pid, "SIGKILL");
    return answer;
  }

  private store(state: WorldState, type: string, id: string, inputs: Properties, outputs: Properties, changed: boolean): void {
    const key = keyOf(type, id);
    const before = state.resources[key];
    const stored: Stored = {
      type,
      id,
      inputs,
      outputs,
      createdAt: before?.createdAt ?? state.now,
      changedAt: changed || before === undefined ? state.now : before.changedAt,
    };
    if (Number(inputs.backupRetentionPeriod ?? 0) > 0) stored.backupsSince = before?.backupsSince ?? state.now;
    state.resources[key] = stored;
  }

  /** Whether the fault `crash@…` names this effect; it strikes once. */
  private crashes(state: WorldState, kind: string, key: string): boolean {
    const fault = state.faults.find(
      (f) => f.name === "crash" && f.state === "waiting" && (f.moment === kind || (key !== "" && key.includes(`/${f.moment}#`))),
    );
    if (fault === undefined) return false;
    Object.assign(fault, { came: true, state: fault.always ? "waiting" : "over" });
    return true;
  }

  private async locked<T>(operation: (state: WorldState) => T | Promise<T>): Promise<T> {
    const unlock = await this.lock();
    try {
      const stamp = await stampOf(this.file);
      const state = this.cached !== undefined && this.cached.stamp === stamp ? this.cached.state : await this.load(stamp);
      const before = JSON.stringify(state);
      const effects = state.effects.length;
      try {
        const answer = await operation(state);
        if (state.effects.length !== effects) {
          const config = await this.config();
          advance(state.once, config, state.now);
          for (const violation of violationsOf(state, config)) {
            if (!state.violations.includes(violation)) state.violations.push(violation);
          }
        }
        const after = JSON.stringify(state);
        if (after !== before || stamp === "") await writeAtomically(this.file, after);
        this.cached = { state, stamp: await stampOf(this.file) };
        return answer;
      } catch (error) {
        // What the operation changed before it was refused never happened.
        this.cached = { state: JSON.parse(before) as WorldState, stamp };
        throw error;
      }
    } finally {
      await unlock();
    }
  }

  private async load(stamp: string): Promise<WorldState> {
    if (stamp === "") return newWorld(this.stack, await this.config(), this.seed, this.faults);
    try {
      return JSON.parse(await readFile(this.file, "utf8")) as WorldState;
    } catch (cause) {
      throw new UserError(
        { path: this.file, got: "no readable world", accepted: "the file as the sandbox wrote it" },
        { cause, next: "Delete the sandbox's folder to begin again." },
      );
    }
  }

  private async lock(): Promise<() => Promise<void>> {
    const lock = `${this.file}.lock`;
    await mkdir(dirname(this.file), { recursive: true });
    for (;;) {
      try {
        // A link is there with its holder or not at all: a file could be left empty by a process killed before it wrote.
        await symlink(String(process.pid), lock);
        return () => rm(lock, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
          throw new UserError(
            { path: lock, got: (error as NodeJS.ErrnoException).code ?? String(error), accepted: "a folder that can be written to" },
            { cause: error },
          );
        }
        const holder = Number(await readlink(lock).catch(() => ""));
        if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
        else await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS));
      }
    }
  }
}

/**
 * A group that an instance holds or a rule names is not deleted: DependencyViolation of
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html
 */
function requireUnused(state: WorldState, id: string): void {
  const user = Object.values(state.resources).find(
    (r) => r.id !== id && (groupsIn(r.inputs).includes(id) || ((r.inputs.vpcSecurityGroupIds ?? []) as string[]).includes(id)),
  );
  if (user !== undefined) throw new Error(`api error DependencyViolation: resource ${id} has a dependent object`);
}

export const keyOf = (type: string, id: string): string => `${type}|${id}`;

/** Objects of the cluster are applied: the provider always upserts. Source: pulumi-kubernetes, pkg/await/await.go, Creation. */
const overwrites = (type: string, inputs: Properties): boolean =>
  (type.startsWith("kubernetes:") && !type.startsWith("kubernetes:helm.sh/")) ||
  (type === "aws:route53/record:Record" && inputs.allowOverwrite === true);

function alreadyExists(type: string, id: string): string {
  if (type.startsWith("kubernetes:"))
    return `resource ${id} was not successfully created by the Kubernetes API server: ${type.split(":").at(-1)} "${id.split("/").at(-1)}" already exists`;
  if (type === "aws:rds/instance:Instance") return `DBInstanceAlreadyExists: DB instance already exists: ${id}`;
  if (type === "aws:route53/record:Record") return `InvalidChangeBatch: [Tried to create resource record set ${id} but it already exists]`;
  return `${shortType(type)} ${id} already exists`;
}

async function stampOf(file: string): Promise<string> {
  const s = await stat(file, { bigint: true }).catch(() => undefined);
  return s === undefined ? "" : `${s.mtimeNs}/${s.size}/${s.ino}`;
}
