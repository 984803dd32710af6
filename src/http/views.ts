import type { z } from "zod";
import { aheadOf } from "../automation/decide/ahead.js";
import { waitOf } from "../automation/decide/decide.js";
import { beyondOf } from "../automation/decide/editions.js";
import { lossesOf } from "../automation/decide/losses.js";
import type { Offers } from "../automation/decide/offers.js";
import type { Way } from "../automation/decide/wayBack.js";
import { answerOf } from "../automation/gates/answers.js";
import { gateNamed } from "../automation/gates/catalogue.js";
import type { GateUse } from "../automation/gates/gate.js";
import { type GateSummary, holdMs } from "../automation/gates/watch.js";
import type { PathItem, Recorded } from "../automation/journal/entries.js";
import type { Revision } from "../automation/journal/records.js";
import type { Migrations } from "../automation/migrations.js";
import type { Plan } from "../automation/plan/plan.js";
import { type ApprovalStep, PHASES, type Step } from "../automation/plan/step.js";
import type { Beginning } from "../automation/run/beginning.js";
import type { Migration } from "../automation/run/projections.js";
import type { Sent } from "../automation/run/sendBack.js";
import { configAfter, currentConfig, type MigrationState } from "../automation/state/state.js";
import { nameOfEdit } from "../config/edits.js";
import { liveOf } from "../config/live.js";
import type { StackConfig } from "../config/schema.js";
import { SHIFTS, shiftOf } from "../config/shift.js";
import { readConfig } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import { HELD_MS } from "../lib/pieces.js";
import { byHand } from "../readModels/byHand.js";
import type { entry } from "./schemas/history.js";
import type * as schemas from "./schemas/migration.js";

/** What of a migration only its service knows. */
export interface Around {
  /** Whether a process is at work on it. */
  running: boolean;
  /** What is under way of sending its users back. */
  sending?: Sent | undefined;
  allowed: Offers;
}

/** A stack as its file says now, without what only its caller decides. */
export async function stackView(
  migrations: Migrations,
  { stack, begun }: { stack: string; begun: boolean },
): Promise<Omit<z.input<typeof schemas.stackInFile>, "mayBegin">> {
  try {
    const { name, environment, criticality, owner } = (await migrations.configInFile(stack)).application;
    return { stack, begun, application: name, environment, criticality, owner };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { stack, begun, problem: error.message };
  }
}

/** What beginning a migration would do: what its plan holds. Pure. */
export function beginningView(stack: string, begun: boolean, { config, plan, digest }: Beginning): z.input<typeof schemas.beginning> {
  const { name, environment, criticality, owner } = config.application;
  const [first] = plan;
  return {
    ...{ stack, begun, digest, application: name, environment, criticality, owner },
    phases: stepsByPhase(plan).map(({ phase, steps }) => ({ phase, steps: steps.length })),
    ...(first === undefined ? {} : { first: { id: first.id, title: first.title } }),
    asks: plan.filter((s) => s.kind === "approval").length,
    pointsOfNoReturn: plan.filter((s) => s.pointOfNoReturn === true).map((s) => s.title),
  };
}

/** One migration in a list: where it is, what comes next, where its users are. Pure. */
export function migrationView({ stack, plan, state }: Migration, { running, sending, allowed }: Around): z.input<typeof schemas.migration> {
  const config = currentConfig(state);
  const shift = shiftOf(config);
  const step = plan[state.position];
  const over = state.status === "completed" || state.status === "aborted";
  const beyond = beyondOf(plan, state);
  const done = plan.filter((s) => state.steps[s.id]?.status === "done").length;
  return {
    stack,
    application: config.application.name,
    environment: config.application.environment,
    criticality: config.application.criticality,
    owner: config.application.owner,
    status: state.status,
    running,
    phase: step?.phase ?? plan.at(-1)?.phase ?? "cleanup",
    step:
      step === undefined
        ? undefined
        : {
            id: step.id,
            title: step.title,
            kind: step.kind,
            ...(step.kind === "approval" ? asked(step) : {}),
          },
    done,
    goal: state.goal,
    steps: plan.length,
    phases: phasesOf(plan, state),
    revision: state.revision,
    image: liveOf(config).image,
    ...(shift === undefined ? {} : { dns: { records: shift.records, ...shift.weights } }),
    ...(config.strategy.kind === "blue-green" ? { green: config.strategy.greenWeight } : {}),
    ...(state.heldReason === undefined ? {} : { heldReason: state.heldReason }),
    ...protectionsOf(state),
    ...(state.edit === undefined ? {} : { edit: editView(state.edit) }),
    ...(over || state.blind === undefined ? {} : { blind: { since: state.blind.at, gates: state.blind.gates, why: state.blind.why } }),
    ...(over || state.blocked === undefined ? {} : { blocked: state.blocked.why }),
    ...(over || beyond === undefined ? {} : { beyond }),
    ...(step === undefined || state.status !== "running" ? {} : { waits: waitOf(state, step) }),
    ...(state.watch === undefined || step === undefined || !("gates" in step)
      ? {}
      : { watch: { since: state.watch.startedAt, passingSince: state.watch.passingSince, holdMs: holdMs(step.gates) } }),
    ...(state.returning === undefined ? {} : { returning: returningView(state.returning) }),
    ...(state.wentBack === undefined ? {} : { wentBack: wentBackView(state.wentBack, state) }),
    ...(state.sentBack === undefined ? {} : { sentBack: sentBackView(state.sentBack, config, sending) }),
    ...(state.heldPromise === 7 ? { losses: lossesAt(state, step) } : {}),
    gates: readings(state, step),
    allowed,
    ahead: aheadOf(plan, state),
    updatedAt: new Date(state.updatedAt).toISOString(),
    lastSeq: state.lastSeq,
  };
}

type MigrationView = ReturnType<typeof migrationView>;

/** What of a list is asked for. */
interface Part {
  sees: (scope: { application: string; environment: string }) => boolean;
  /** Only stacks that come after this one. */
  after?: string | undefined;
  limit: number;
}

/**
 * A page of migrations, and why some have no view: one that this version cannot read keeps no other from being shown. Only
 * what is on the page is made.
 */
export async function listed(
  migrations: Migrations,
  { sees, after, limit }: Part,
): Promise<{ views: MigrationView[]; next: string | undefined; unreadable: Map<string, string> }> {
  const unreadable = new Map<string, string>();
  const page: Migration[] = [];
  const all = await migrations.list((stack, error) => void unreadable.set(stack, error.message));
  for (const m of all.sort((a, b) => (a.stack < b.stack ? -1 : 1))) {
    if (page.length > limit) break;
    if (after !== undefined && m.stack <= after) continue;
    try {
      const { name: application, environment } = currentConfig(m.state).application;
      if (sees({ application, environment })) page.push(m);
    } catch (error) {
      unreadable.set(m.stack, (error as Error).message);
    }
  }
  const shown = page.slice(0, limit);
  const atWork = await migrations.atWork(shown);
  const views: MigrationView[] = [];
  let began = performance.now();
  for (const m of shown) {
    if (performance.now() - began > HELD_MS) {
      await migrations.turns.turn();
      began = performance.now();
    }
    try {
      views.push(migrationView(m, around(migrations, m, atWork)));
    } catch (error) {
      unreadable.set(m.stack, (error as Error).message);
    }
  }
  return { views, next: page.length > limit ? shown.at(-1)?.stack : undefined, unreadable };
}

export const viewOf = async (migrations: Migrations, migration: Migration) =>
  migrationView(migration, around(migrations, migration, await migrations.atWork([migration])));

const around = (migrations: Migrations, m: Migration, atWork: ReadonlySet<string>): Around => ({
  running: atWork.has(m.stack),
  sending: migrations.sending(m.stack),
  allowed: migrations.offers(m),
});

/** What the gates of the step at the position read. Those of an attempt that was undone say nothing about now. */
function readings({ watch, steps, returning }: MigrationState, step: Step | undefined): GateSummary[] {
  if (step === undefined || returning !== undefined) return [];
  if (watch !== undefined) return watch.gates;
  const { status, gates = [] } = steps[step.id] ?? {};
  return status === "undone" || status === "waiting" ? [] : gates;
}

const wentBackView = (back: NonNullable<MigrationState["wentBack"]>, { returning }: MigrationState) => ({
  ...back,
  underWay: returning !== undefined,
});

/** Users are sent back when the far side shows it, and until then something is waited for. */
const sentBackView = ({ at, weights, shown }: NonNullable<MigrationState["sentBack"]>, config: StackConfig, sending: Sent | undefined) => ({
  at,
  ...weights,
  shown,
  ...(shown
    ? {}
    : { waitsFor: sending?.waitsFor ?? `${SHIFTS[shiftOf(config)?.section ?? "dns"].far} to show it`, byHand: byHand(config) }),
});

const editView = ({ changes, why, who, revision }: NonNullable<MigrationState["edit"]>) => ({
  paths: changes.map(nameOfEdit),
  why,
  who,
  applied: revision !== undefined,
});

/** What people loosened, and want to loosen. */
export const protectionsOf = ({ proposal, loosened }: MigrationState) => ({
  ...(proposal === undefined
    ? {}
    : { proposal: { tuning: proposal.seq, loosens: proposal.loosens, why: proposal.why, who: proposal.who } }),
  ...(loosened === undefined ? {} : { loosened }),
});

const returningView = ({ revision, path, done, why, automatic, abort }: NonNullable<MigrationState["returning"]>) => ({
  revision,
  items: path.map((item) => item.summary),
  done,
  why,
  automatic,
  abort,
});

/** What the preview of the step would lose, and so holds it. */
function lossesAt(state: MigrationState, step: Step | undefined): z.input<typeof schemas.migration>["losses"] {
  const preview = step === undefined ? undefined : state.steps[step.id]?.preview;
  if (preview === undefined || step?.kind !== "config") return [];
  const wanted = readConfig(configAfter(state, step), `the config after ${step.id}`, state.stack);
  return lossesOf(preview.changes, currentConfig(state), wanted).map(({ op, name, type, urn }) => ({ op, name, type, urn }));
}

/** How far each phase of the plan is, in order. */
function phasesOf(plan: Plan, state: MigrationState) {
  return stepsByPhase(plan).map(({ phase, steps }) => {
    const done = steps.filter((s) => state.steps[s.id]?.status === "done").length;
    return { phase, done, steps: steps.length };
  });
}

const stepsByPhase = (plan: Plan) =>
  PHASES.flatMap((phase) => {
    const steps = plan.filter((s) => s.phase === phase);
    return steps.length === 0 ? [] : [{ phase, steps }];
  });

/** Of an approval. */
const asked = ({ asks, answer, secondPerson }: ApprovalStep) => ({ asks, secondPerson, ...(answer === undefined ? {} : { answer }) });

/** With what it accepts, and who answers it on real targets; or why nothing can. */
function plannedGate(use: GateUse, config: StackConfig) {
  const answer = answerOf(use.gate, config);
  const source = "by" in answer ? { source: answer.by } : { noSource: answer.nobody };
  return { ...use, accepts: gateNamed(use.gate).accepts(config, use.expect), ...source };
}

/** A step as the plan has it, whether or not a migration has begun. */
export function plannedStep(step: Step, config: StackConfig) {
  return {
    id: step.id,
    phase: step.phase,
    kind: step.kind,
    title: step.title,
    seed: step.seed,
    wayBack: step.wayBack,
    pointOfNoReturn: step.pointOfNoReturn === true,
    gates: "gates" in step ? step.gates.map((use) => plannedGate(use, config)) : [],
  };
}

export function stepView(step: Step, { state }: Migration): z.input<typeof schemas.step> {
  const at = state.steps[step.id];
  return {
    ...plannedStep(step, currentConfig(state)),
    status: at?.status ?? "waiting",
    attempt: at?.attempt ?? 0,
    ...(step.kind === "approval" ? asked(step) : {}),
    ...(at?.startedAt === undefined ? {} : { startedAt: at.startedAt }),
    ...(at?.completedAt === undefined ? {} : { completedAt: at.completedAt }),
    ...(at?.evidence === undefined ? {} : { evidence: at.evidence }),
    ...(at?.files === undefined ? {} : { files: at.files }),
    ...(at?.gates === undefined ? {} : { observed: at.gates }),
    ...(at?.preview === undefined ? {} : { preview: at.preview }),
    ...(at?.error === undefined ? {} : { error: at.error }),
    ...(at?.approvedBy === undefined ? {} : { approvedBy: at.approvedBy }),
    ...(at?.revision === undefined ? {} : { revision: at.revision }),
  };
}

export const revisionView = (revision: Revision) => sealed(revision);
export const entryView = (recorded: Recorded): z.input<typeof entry> => ({ ...sealed(recorded) });

/** A way back as people read it: what runs, and what config it leads to by its differences only. */
export const wayView = (way: Way): z.input<typeof schemas.way> => ({
  ...way,
  path: way.path.map((item) => (item.kind === "config" ? withoutConfig(item) : item)),
});

function withoutConfig({ config: _, ...item }: Extract<PathItem, { kind: "config" }>) {
  return item;
}

/** Ciphertexts are no secrets, but nobody outside needs them. */
export function sealed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sealed) as T;
  if (typeof value !== "object" || value === null) return value;
  if (typeof (value as { secure?: unknown }).secure === "string") return "(secret)" as T;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, sealed(v)])) as T;
}
