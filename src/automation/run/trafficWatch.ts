import type { StackConfig } from "../../config/schema.js";
import { shiftOf } from "../../config/shift.js";
import { type Observation, ownName } from "../../ports/observations.js";
import { waitOf } from "../decide/decide.js";
import type { GateName } from "../gates/catalogue.js";
import { type GateSummary, inWords, observeRound, startWatch } from "../gates/watch.js";
import type { Phase } from "../plan/step.js";
import { currentConfig, type MigrationState } from "../state/state.js";
import type { Migration } from "./projections.js";

/** The gates that guard users on the new side between steps. */
const GATES: GateName[] = ["error-rate", "latency-p95"];

/** Those, and the user's own of the phase that is under way. */
const guardsOf = (config: StackConfig, phase: Phase | undefined): GateName[] => [
  ...GATES,
  ...config.gates.own.filter((g) => g.phases.some((p) => p === phase)).map((g) => ownName(g.name)),
];

/**
 * Users do not stop when a step ends: between steps, while a person or the calendar is waited for, and while an update or an
 * action runs, the new side's gates are watched too, for as long as it serves users. What a step watches itself at the moment
 * is left to it.
 */
function isGuarded({ plan, state }: Migration): boolean {
  const step = plan[state.position];
  const waitsForTime = state.status === "running" && step !== undefined && waitOf(state, step) !== undefined;
  const watches = step !== undefined && "gates" in step && step.gates.some((g) => g.gate === "error-rate");
  const watchesNow = watches && state.intent === undefined && (state.applied || step.kind !== "config");
  const between =
    waitsForTime || (state.status === "running" && !watchesNow) || ["ready", "approval", "paused", "held"].includes(state.status);
  // A person who was told already decides.
  return between && state.alarmHeld !== true && state.returning === undefined && servesUsers(currentConfig(state));
}

export function servesUsers(config: StackConfig): boolean {
  const { strategy, old } = config;
  if (old !== undefined) return (shiftOf(config)?.weights.new ?? 0) > 0;
  // Without an old side, all users are here from the first version on.
  return strategy.kind === "blue-green" && strategy.greenWeight > 0;
}

/** Trouble that was found beside any step. */
export interface Alarm {
  /** The same one is answered once. */
  id: string;
  source: string;
  reason: string;
}

type Observe = (stack: string, gates: readonly GateName[]) => Promise<{ now: number; observed: Partial<Record<GateName, Observation>> }>;

/** Looks at the guarded migrations, a round at a time, and raises the alarm after as many bad ones as fail a gate. */
export class Guard {
  /** Bad rounds in a row. */
  private readonly bad = new Map<string, number>();

  constructor(
    private readonly observe: Observe,
    private readonly raise: (stack: string, alarm: Alarm) => Promise<boolean>,
    private readonly saw: (state: MigrationState, config: StackConfig, gates: readonly GateSummary[]) => Promise<void>,
  ) {}

  async look(migration: Migration): Promise<void> {
    const { stack, state, plan } = migration;
    if (!isGuarded(migration)) return void this.bad.delete(stack);
    const config = currentConfig(state);
    const guards = guardsOf(config, plan[state.position]?.phase);
    const { now, observed } = await this.observe(stack, guards);
    const uses = guards.map((gate) => ({ gate, holdSeconds: 0 }));
    const { gates } = observeRound(
      startWatch(now),
      uses,
      guards.map((gate) => observed[gate]),
      config,
      now,
      0,
      0,
    );
    await this.saw(state, config, gates);
    // Unknown is not healthy, but no trouble that going back mends, unless a gate of the user's own says that it is bad.
    const failing = gates.filter((g) => g.verdict === "fail");
    const bad = failing.length === 0 ? 0 : (this.bad.get(stack) ?? 0) + 1;
    this.bad.set(stack, bad);
    if (bad >= config.gates.failAfterSamples)
      await this.raise(stack, { id: `guard@${state.lastSeq}`, source: "the watch between steps", reason: inWords(failing) });
  }
}
