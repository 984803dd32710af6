import type { GateSummary } from "../automation/gates/watch.js";
import type { Recorded } from "../automation/journal/entries.js";
import { STEP } from "../automation/plan/ids.js";
import type { Plan } from "../automation/plan/plan.js";
import type { Phase } from "../automation/plan/step.js";
import { fold } from "../automation/state/evolve.js";
import { currentConfig, type MigrationState, type StepState } from "../automation/state/state.js";
import type { StackConfig } from "../config/schema.js";
import { type ShiftSection, shiftOf } from "../config/shift.js";
import { readConfig } from "../config/stackFile.js";
import type { Scorecard } from "./scorecard.js";
import { type Decision, decisions, type Judgement, judgements, type Moment, type Series, series, timeline } from "./story.js";

export interface ReportInput {
  stack: string;
  plan: Plan;
  entries: readonly Recorded[];
  /** The goals as they stand now; they need what only the far side can tell. */
  scorecard?: Scorecard;
  /** Faults of the journal and of the revisions, looked for just now. */
  verification?: Pick<Verification, "at" | "faults">;
}

/** Whether the journal is what was written, when that was looked at. */
export interface Verification {
  /** Milliseconds since the epoch, on the wall clock. */
  at: number;
  faults: string[];
  entries: number;
  /** Hash of the newest entry: kept elsewhere, it shows later whether entries were cut off. */
  head: string;
}

/** Cost a month, as the step that reviews it found it. */
export interface CostReport {
  before: number;
  after: number;
  applicationBefore?: number;
  applicationAfter?: number;
  spotSavingsAMonth?: number;
  currency: string;
}

export interface StepReport {
  id: string;
  phase: Phase;
  kind: string;
  title: string;
  /** The seed's item that the step carries out. */
  seed: string;
  status: StepState["status"];
  attempts: number;
  /** Virtual milliseconds since the epoch. */
  startedAt?: number;
  completedAt?: number;
  revision?: number;
  /** Real milliseconds that the engine's update took. */
  updateMs?: number;
  changes?: Record<string, number>;
  gates: GateSummary[];
  evidence?: string;
  files: string[];
  approvedBy?: string;
}

export interface RollbackReport {
  at: number;
  completedAt?: number;
  why: string;
  who: string;
  automatic: boolean;
  toRevision: number;
  path: string[];
  kept: string[];
}

export interface PromotionReport {
  at: number;
  /** Seconds, as observed last before the promotion. */
  lag?: number;
  lagObservedAt?: number;
  writesStoppedAt?: number;
  /** Milliseconds between maintenance mode on and off. */
  pauseMs?: number;
}

export interface MigrationReport {
  stack: string;
  application: string;
  environment: string;
  status: MigrationState["status"];
  startedAt: number;
  endedAt: number;
  steps: StepReport[];
  /** What moves its users; absent where nothing does. */
  shift?: ShiftSection;
  /** Percent for the new side, as applied: of DNS answers, or of the requests of a load balancer's rule. */
  dnsWeights: { at: number; value: number }[];
  /** Percent of requests to green, as applied. */
  greenWeights: { at: number; value: number }[];
  promotion?: PromotionReport;
  rollbacks: RollbackReport[];
  revisions: { number: number; why: string; who: string; at: number; restores?: number }[];
  /** Policies that the stack config lets pass, with the reason. */
  waivers: { policy: string; resource?: string; reason: string }[];
  /** What was settled after a crash. */
  recoveries: { at: number; note: string }[];
  decisions: Decision[];
  judgements: Judgement[];
  series: Series[];
  timeline: Moment[];
  costs?: CostReport;
  scorecard?: Scorecard;
  verification?: Verification;
}

export interface Report {
  migrations: MigrationReport[];
  totals: { applications: number; updates: number; previews: number; rollbacks: number; gates: number; samples: number; updateMs: number };
}

/** What the journals say, and nothing else: every number comes from an entry. Pure. */
export function buildReport(inputs: ReportInput[]): Report {
  const migrations = inputs.filter((i) => i.entries.length > 0).map(migrationReport);
  const entries = inputs.flatMap((i) => i.entries);
  const of = <T extends Recorded["type"]>(type: T) => entries.filter((e): e is Extract<Recorded, { type: T }> => e.type === type);
  const judged = [...of("gates.passed"), ...of("gates.failed")].flatMap((e) => e.gates);
  return {
    migrations,
    totals: {
      applications: new Set(migrations.map((m) => m.application)).size,
      updates: of("update.succeeded").length,
      previews: of("preview.stored").length,
      rollbacks: of("rollback.started").length,
      gates: judged.length,
      samples: judged.reduce((sum, g) => sum + g.samples, 0),
      updateMs: of("update.succeeded").reduce((sum, e) => sum + e.durationMs, 0),
    },
  };
}

function migrationReport({ stack, plan, entries, scorecard, verification }: ReportInput): MigrationReport {
  const state = fold(entries, plan);
  const { application } = currentConfig(state);
  const promotion = promotionReport(entries);
  const costs = costsOf(state);
  const shift = shiftOf(currentConfig(state));
  return {
    stack,
    application: application.name,
    environment: application.environment,
    status: state.status,
    startedAt: state.createdAt,
    endedAt: state.updatedAt,
    steps: plan.map((step) => stepReport(step, state.steps[step.id], entries)),
    ...(shift === undefined ? {} : { shift: shift.section }),
    dnsWeights: weightsOver(state, (c) => {
      const shift = shiftOf(c);
      return shift === undefined || shift.records === "none" ? undefined : shift.weights.new;
    }),
    greenWeights: weightsOver(state, (c) => (c.strategy.kind === "blue-green" && c.strategy.green ? c.strategy.greenWeight : undefined)),
    ...(promotion === undefined ? {} : { promotion }),
    rollbacks: rollbackReports(entries),
    revisions: state.revisions.map(({ number, why, who, at, restores }) => ({
      number,
      why,
      who,
      at,
      ...(restores === undefined ? {} : { restores }),
    })),
    waivers: currentConfig(state).policies.waivers.map(({ resource, ...w }) => ({ ...w, ...(resource === undefined ? {} : { resource }) })),
    recoveries: entries.flatMap((e) => (e.type === "runner.recovered" && e.blind === undefined ? [{ at: e.at, note: e.note }] : [])),
    decisions: decisions(entries),
    judgements: judgements(entries),
    series: series(entries, currentConfig(state)),
    timeline: timeline(entries),
    ...(costs === undefined ? {} : { costs }),
    ...(scorecard === undefined ? {} : { scorecard }),
    ...(verification === undefined ? {} : { verification: { ...verification, entries: entries.length, head: entries.at(-1)?.hash ?? "" } }),
  };
}

function costsOf(state: MigrationState): CostReport | undefined {
  const { before, after, currency, ...more } = state.steps[STEP.cost]?.facts ?? {};
  if (typeof before !== "number" || typeof after !== "number") return undefined;
  const optional = Object.fromEntries(
    ["applicationBefore", "applicationAfter", "spotSavingsAMonth"].flatMap((k) => (typeof more[k] === "number" ? [[k, more[k]]] : [])),
  );
  return { before, after, currency: String(currency), ...optional };
}

function stepReport(step: Plan[number], at: StepState | undefined, entries: readonly Recorded[]): StepReport {
  const update = entries.findLast(
    (e): e is Extract<Recorded, { type: "update.succeeded" }> => e.type === "update.succeeded" && e.revision === at?.revision,
  );
  return {
    id: step.id,
    phase: step.phase,
    kind: step.kind,
    title: step.title,
    seed: step.seed,
    status: at?.status ?? "waiting",
    attempts: at?.attempt ?? 0,
    ...(at?.startedAt === undefined ? {} : { startedAt: at.startedAt }),
    ...(at?.completedAt === undefined ? {} : { completedAt: at.completedAt }),
    ...(at?.revision === undefined ? {} : { revision: at.revision }),
    ...(update === undefined ? {} : { updateMs: update.durationMs, changes: update.changes }),
    gates: at?.gates ?? [],
    ...(at?.evidence === undefined ? {} : { evidence: at.evidence }),
    files: at?.files ?? [],
    ...(at?.approvedBy === undefined ? {} : { approvedBy: at.approvedBy }),
  };
}

function weightsOver(state: MigrationState, weight: (config: StackConfig) => number | undefined): { at: number; value: number }[] {
  const points: { at: number; value: number }[] = [];
  for (const revision of state.revisions) {
    const value = weight(readConfig(revision.config, `revision ${revision.number}`, state.stack));
    if (value !== undefined && points.at(-1)?.value !== value) points.push({ at: revision.at, value });
  }
  return points;
}

function promotionReport(entries: readonly Recorded[]): PromotionReport | undefined {
  const promoted = entries.find((e) => e.type === "update.intended" && e.step === STEP.promote);
  if (promoted === undefined) return undefined;
  const before = entries.filter((e) => e.seq < promoted.seq);
  const lag = before.flatMap((e) => (e.type === "gates.passed" ? e.gates : [])).findLast((g) => g.gate === "lag-zero");
  const marked = (mark: string, among: readonly Recorded[]) =>
    among.findLast((e) => e.type === "action.succeeded" && (e.marks as string[]).includes(mark));
  const on = marked("maintenance-on", before);
  const off = entries.find(
    (e) => e.seq > promoted.seq && e.type === "action.succeeded" && (e.marks as string[]).includes("maintenance-off"),
  );
  const stopped = marked("old-writes-stopped", before);
  return {
    at: promoted.at,
    ...(lag?.last === undefined ? {} : { lag: lag.last }),
    ...(lag?.at === undefined ? {} : { lagObservedAt: lag.at }),
    ...(stopped === undefined ? {} : { writesStoppedAt: stopped.at }),
    ...(on === undefined || off === undefined ? {} : { pauseMs: off.at - on.at }),
  };
}

function rollbackReports(entries: readonly Recorded[]): RollbackReport[] {
  return entries.flatMap((e): RollbackReport[] => {
    if (e.type !== "rollback.started") return [];
    const done = entries.find((o) => o.seq > e.seq && o.type === "rollback.completed");
    return [
      {
        at: e.at,
        ...(done === undefined ? {} : { completedAt: done.at }),
        why: e.why,
        who: e.who,
        automatic: e.automatic,
        toRevision: e.revision,
        path: e.path.map((p) => p.summary),
        kept: e.path.flatMap((p) => (p.kind === "config" ? p.kept.map((k) => `${k.path}: ${k.why}`) : [])),
      },
    ];
  });
}
