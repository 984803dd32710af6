import type { GateSummary } from "../automation/gates/watch.js";
import type { Recorded } from "../automation/journal/entries.js";
import type { Plan } from "../automation/plan/plan.js";
import { apply } from "../automation/state/evolve.js";
import { currentRevision, type MigrationState } from "../automation/state/state.js";
import type { StackConfig } from "../config/schema.js";
import { shiftOf } from "../config/shift.js";
import { type RawConfig, readConfig } from "../config/stackFile.js";
import { type Moment, timeline } from "../report/story.js";
import type { Frame } from "./outcome.js";

/** A journal as frames to step through: every moment of the timeline, and every round of samples, with how it stood then. */
export function framesOf(plan: Plan, entries: readonly Recorded[], share: (at: number) => number): Frame[] {
  const told = new Map(timeline(entries).map((m) => [m.seq, m]));
  const weights = weightsByRevision();
  const frames: Frame[] = [];
  let state: MigrationState | undefined;
  for (const entry of entries) {
    state = apply(state, entry, plan);
    const moment = told.get(entry.seq) ?? round(entry);
    if (moment === undefined) continue;
    const gates = gatesOf(entry);
    frames.push({
      ...moment,
      status: state.status,
      phase: plan[state.position]?.phase ?? plan.at(-1)?.phase ?? "cleanup",
      revision: state.revision,
      weights: weights(state),
      usersOnNew: share(entry.at),
      ...(gates === undefined ? {} : { gates }),
    });
  }
  return frames;
}

function round(entry: Recorded): Moment | undefined {
  if (entry.type !== "gates.watching") return undefined;
  return { seq: entry.seq, at: entry.at, kind: "gate", step: entry.step, text: entry.watch.reason ?? "All gates pass." };
}

function gatesOf(entry: Recorded): Frame["gates"] {
  const gates =
    entry.type === "gates.watching"
      ? entry.watch.gates
      : entry.type === "gates.passed" || entry.type === "gates.failed"
        ? entry.gates
        : undefined;
  return gates?.map(({ gate, verdict, shown, accepts }: GateSummary) => ({ gate, verdict, shown, accepts }));
}

/** Checking a config takes a while; a revision's never changes. */
function weightsByRevision(): (state: MigrationState) => Frame["weights"] {
  const known = new Map<number, Frame["weights"]>();
  return (state) => {
    const { number, config } = currentRevision(state);
    const found = known.get(number) ?? weightsIn(config, state.stack, number);
    known.set(number, found);
    return found;
  };
}

function weightsIn(raw: RawConfig, stack: string, number: number): Frame["weights"] {
  const config: StackConfig = readConfig(raw, `revision ${number}`, stack);
  const { strategy } = config;
  const shift = shiftOf(config);
  return {
    ...(shift === undefined || shift.records === "none" ? {} : { dns: shift.weights.new }),
    ...(strategy.kind === "blue-green" && strategy.green ? { green: strategy.greenWeight } : {}),
  };
}
