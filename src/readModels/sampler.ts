import type { Migrations, Wanted } from "../automation/migrations.js";
import { STEP } from "../automation/plan/ids.js";
import type { Migration } from "../automation/run/projections.js";
import { currentConfig } from "../automation/state/state.js";
import { SHIFTS, shiftOf } from "../config/shift.js";

/** What was measured at one moment: `chart line` → value, null where it is unknown. */
export interface Round {
  at: number;
  values: Record<string, number | null>;
}

const LINES: [string, Wanted][] = [
  ["errors old", { name: "error-rate", side: "old" }],
  ["errors new", { name: "error-rate", side: "new" }],
  ["latency old", { name: "latency-p95", side: "old" }],
  ["latency new", { name: "latency-p95", side: "new" }],
  ["lag new", { name: "replica-lag" }],
];

/** What carries the new version's share while it is rolled out; before and after that the number would mean nothing. */
function shareOf({ plan, state }: Migration): [string, Wanted][] {
  const step = plan[state.position];
  if (step?.phase !== "rollout" || state.status !== "running") return [];
  const { kind } = currentConfig(state).strategy;
  if (kind === "blue-green") return [["rollout new", { name: "green-weight" }]];
  return step.id === CANARY && state.applied ? [["rollout new", { name: "rollout-weight" }]] : [];
}
const CANARY = STEP.canary;

/** Least time between two rounds of one stack, on the target's clock. */
const EVERY_MS = 15_000;
/** Rounds kept of a stack: then every second one of the older half goes, so that they still span everything. */
const MOST_ROUNDS = 600;
/** Stacks whose rounds are kept; the one that was measured longest ago goes first. */
const MOST_STACKS = 200;

/**
 * Both sides' signals over time, in memory: a round whenever a runner measures something, and one when somebody looks.
 * What matters stands in the journal; this only fills the lines between, and a restart begins it again.
 */
export class Sampler {
  private readonly kept = new Map<string, Round[]>();
  private readonly measuring = new Map<string, Promise<void>>();
  private readonly stop: () => void;

  constructor(private readonly migrations: Migrations) {
    this.stop = migrations.onObserved((stack) => void this.look(stack));
  }

  /** The rounds of a stack in order of time, with a fresh one where the last is old. */
  async rounds(stack: string): Promise<readonly Round[]> {
    await this.look(stack);
    return this.kept.get(stack) ?? [];
  }

  close(): void {
    this.stop();
  }

  /** One measurement of a stack at a time; what cannot be measured leaves no round. */
  private look(stack: string): Promise<void> {
    const running = this.measuring.get(stack);
    if (running !== undefined) return running;
    const done = this.measure(stack)
      .catch(() => undefined)
      .finally(() => this.measuring.delete(stack));
    this.measuring.set(stack, done);
    return done;
  }

  private async measure(stack: string): Promise<void> {
    const migration = await this.migrations.get(stack);
    const { state } = migration;
    if (state.status === "completed" || state.status === "aborted") return;
    const before = this.kept.get(stack) ?? [];
    // Whoever looks again and again asks the far side no more often.
    if (this.migrations.nowOf(stack) - (before.at(-1)?.at ?? 0) < EVERY_MS && before.length > 0) return;
    const shift = shiftOf(currentConfig(state));
    const weight: [string, Wanted][] = shift === undefined ? [] : [["dns new", { name: SHIFTS[shift.section].observation }]];
    const lines = [...weight, ...LINES, ...shareOf(migration)];
    const { now, observations } = await this.migrations.measure(
      stack,
      lines.map(([, wanted]) => wanted),
    );
    const last = before.at(-1);
    if (last !== undefined && now - last.at < EVERY_MS) return;
    const values = Object.fromEntries(
      lines.map(([key], i) => {
        const reading = observations[i]?.reading;
        return [key, reading?.known === true ? reading.value : null];
      }),
    );
    const rounds = [...before, { at: now, values }];
    const half = Math.floor(rounds.length / 2);
    this.kept.delete(stack);
    this.kept.set(stack, rounds.length > MOST_ROUNDS ? rounds.filter((_, i) => i >= half || i % 2 === 0) : rounds);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > MOST_STACKS && oldest !== undefined) this.kept.delete(oldest);
  }
}
