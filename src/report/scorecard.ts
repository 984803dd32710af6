import { type GateName, gateNamed } from "../automation/gates/catalogue.js";
import { judge } from "../automation/gates/gate.js";
import { STEP } from "../automation/plan/ids.js";
import type { Plan } from "../automation/plan/plan.js";
import { currentConfig, type MigrationState } from "../automation/state/state.js";
import { SHIFTS, shiftOf } from "../config/shift.js";
import type { Observation } from "../ports/observations.js";

/**
 * `met` and `missed` rest on what was observed when it was due; `open` is not due yet, whatever holds so far; `unknown` is due and nobody has observed it
 * (promise 10: that is not met).
 */
export type Standing = "met" | "missed" | "open" | "unknown";

export interface Goal {
  id: string;
  /** Days after all users had moved. */
  days: 30 | 60 | 90;
  title: string;
  standing: Standing;
  /** What it rests on. */
  evidence: string;
}

export interface Scorecard {
  /** When all users had moved; absent before that. Days count from here. */
  since?: number;
  /** Whole days since then. */
  days?: number;
  goals: Goal[];
}

export interface ScorecardInput {
  plan: Plan;
  state: MigrationState;
  /** Measured just now, by gate. */
  observed: Partial<Record<GateName, Observation>>;
  /** Milliseconds since the epoch, on the target's clock. */
  now: number;
}

/** Gates that the scorecard wants measured now. */
export const SCORED_GATES = ["dns-weight", "error-rate", "latency-p95", "hpa-active", "backup-retention"] as const satisfies GateName[];

const DAY = 86_400_000;

interface Finding {
  /** Absent: nobody has observed it. */
  holds?: boolean;
  evidence: string;
}

/** The guide's 30/60/90-day goals, from observations and from what the steps left. Pure. */
export function scorecard(input: ScorecardInput): Scorecard {
  const since = movedAt(input);
  const days = since === undefined ? undefined : Math.floor((input.now - since) / DAY);
  const goal = (due: Goal["days"], id: string, title: string, { holds, evidence }: Finding): Goal => {
    const isDue = days !== undefined && days >= due;
    // What holds after 14 days is not yet what was to hold after 90.
    const standing = !isDue ? "open" : holds === true ? "met" : holds === false ? "missed" : "unknown";
    return { id, days: due, title, standing, evidence: !isDue && holds === true ? `holds so far: ${evidence}` : evidence };
  };
  const { plan, state } = input;
  const config = currentConfig(state);
  const shift = shiftOf(config);
  const has = (step: string): boolean => plan.some((s) => s.id === step);
  const goals: (Goal | undefined)[] = [
    shift === undefined
      ? undefined
      : goal(30, "all-users", "All users are on the new side", gateNow(input, SHIFTS[shift.section].gate, 100)),
    goal(30, "no-errors", "Errors stay within the limit", gateNow(input, "error-rate")),
    goal(30, "fast", "Responses are as fast as promised", gateNow(input, "latency-p95")),
    goal(30, "no-way-back", "Nobody had to go back", noWayBack(input)),
    has(STEP.alerts) ? goal(30, "alerts", "Alerts are set up", stepDone(input, STEP.alerts)) : undefined,
    config.database === undefined ? undefined : goal(60, "backups", "The new database is backed up", gateNow(input, "backup-retention")),
    has(STEP.hpa) ? goal(60, "scales", "It scales automatically", gateNow(input, "hpa-active")) : undefined,
    has(STEP.close) ? goal(60, "old-gone", "The old infrastructure is gone", stepDone(input, STEP.close)) : undefined,
    has(STEP.documents) ? goal(90, "documents", "The new architecture is written down", stepDone(input, STEP.documents)) : undefined,
    has(STEP.usage) ? goal(90, "right-sized", "Pods use at least a quarter of what they ask for", rightSized(input)) : undefined,
    has(STEP.cost) ? goal(90, "cheaper", "It costs no more than before", cheaper(input)) : undefined,
    has(STEP.spot) ? goal(90, "spot", "It runs on Spot capacity", stepDone(input, STEP.spot)) : undefined,
  ];
  return {
    ...(since === undefined ? {} : { since }),
    ...(days === undefined ? {} : { days }),
    goals: goals.filter((g) => g !== undefined),
  };
}

/** When the last step that moves users was done. */
function movedAt({ plan, state }: ScorecardInput): number | undefined {
  const last = plan.findLast((s) => s.phase === "traffic" || s.phase === "rollout");
  const at = last === undefined ? undefined : state.steps[last.id];
  return at?.status === "done" ? at.completedAt : undefined;
}

function gateNow({ observed, state, now }: ScorecardInput, name: GateName, expect?: number): Finding {
  const observation = observed[name];
  if (observation === undefined) return { evidence: "not measured" };
  const gate = gateNamed(name);
  const config = currentConfig(state);
  const use = { gate: name, holdSeconds: 0, ...(expect === undefined ? {} : { expect }) };
  const verdict = judge(gate, use, observation, config, now);
  const accepted = `accepted: ${gate.accepts(config, expect)}`;
  const { reading, source } = observation;
  if (!reading.known) return { evidence: `unknown: ${reading.reason} (${accepted})` };
  const shown = `${gate.format(reading.value)} by ${source} (${accepted})`;
  return verdict === "unknown" ? { evidence: `stale: ${shown}` } : { holds: verdict === "pass", evidence: shown };
}

function stepDone({ state }: ScorecardInput, step: string): Finding {
  const at = state.steps[step];
  if (at?.status === "done") return { holds: true, evidence: `${step} was done on ${date(at.completedAt)}` };
  return { holds: false, evidence: `${step} is ${at?.status ?? "waiting"}` };
}

const date = (at: number | undefined): string => (at === undefined ? "an unknown day" : new Date(at).toISOString().slice(0, 10));

/** Of the whole migration: one that went back while users were moving went back. */
function noWayBack({ state }: ScorecardInput): Finding {
  const { rollbacks = [] } = state;
  return rollbacks.length === 0
    ? { holds: true, evidence: "no way back was taken" }
    : {
        holds: false,
        evidence: rollbacks
          .map((r) => `${r.automatic ? "automatically" : "by a person"} to revision ${r.revision} on ${date(r.at)}: ${r.why}`)
          .join("; "),
      };
}

/** Share of the CPU asked for below which a pod counts as over-provisioned. */
const LEAST_USE = 0.25;

function rightSized({ state }: ScorecardInput): Finding {
  const { facts } = state.steps[STEP.usage] ?? {};
  const cpu = facts?.cpuMillicores;
  if (typeof cpu !== "number") return { evidence: "no usage was measured" };
  const asked = currentConfig(state).workload.resources.requests.cpu;
  const cores = asked.endsWith("m") ? Number.parseFloat(asked) : Number.parseFloat(asked) * 1_000;
  return { holds: cpu >= LEAST_USE * cores, evidence: `${Math.round((100 * cpu) / cores)} % of the ${asked} CPU asked for` };
}

function cheaper({ state }: ScorecardInput): Finding {
  const { before, after, applicationBefore, applicationAfter, currency } = state.steps[STEP.cost]?.facts ?? {};
  const [then, now, what] =
    typeof applicationBefore === "number" && typeof applicationAfter === "number"
      ? [applicationBefore, applicationAfter, "tagged with the application"]
      : [before, after, "in the whole account"];
  if (typeof then !== "number" || typeof now !== "number") return { evidence: "no costs were read" };
  return { holds: now <= then, evidence: `${now} ${currency} a month after ${then} ${currency} before, ${what}` };
}
