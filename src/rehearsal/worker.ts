import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { signalsOf, unansweredIn } from "../automation/plan/signals.js";
import { currentConfig } from "../automation/state/state.js";
import { folderProject } from "../cli/project.js";
import type { StackConfig } from "../config/schema.js";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { useEngine } from "../engine/engine.js";
import { CutoverError, UserError } from "../errors.js";
import { collectReport } from "../report/collect.js";
import type { PromotionReport } from "../report/report.js";
import { type OpenSandbox, openSandbox } from "../sandbox/open.js";
import { provideSecrets } from "../sandbox/project.js";
import { rollbackCosts, waysBack } from "./cost.js";
import { framesOf } from "./frames.js";
import { reasonsAgainst, type WritePause } from "./judge.js";
import { ORDER, type Order, OUTCOME, type Told } from "./order.js";
import type { Outcome, Rehearsed } from "./outcome.js";
import { rehearse } from "./rehearse.js";
import { type Unfinished, unfinishedIn } from "./unfinished.js";

/**
 * The process that a rehearsal runs in: a crash that is rehearsed is a real one, so this process dies and is started
 * again by the one that watches it (run.ts), with the same folder.
 */
const [, , folder = "", restarts = "0"] = process.argv;
const tell = (told: Told): void => void process.send?.(told);

try {
  await run(JSON.parse(await readFile(join(folder, ORDER), "utf8")) as Order);
} catch (error) {
  if (!(error instanceof CutoverError)) throw error;
  tell({ kind: "error", message: error.message, ...(error.next === undefined ? {} : { next: error.next }) });
}
process.disconnect?.();

async function run(order: Order): Promise<void> {
  await useEngine();
  const { root, stacks, first, chosen, faults, seed } = order;
  const project = folderProject(stacks);
  const open = await openSandbox({ root, stacks, state: folder, project, faults, seed });
  try {
    const all = [...first, ...chosen];
    for (const stack of all) await provideSecrets(open.project, stack);
    open.migrations.onProgress(({ stack, entry }) => tell({ kind: "entry", stack, entry }));
    const configs = await Promise.all(all.map((s) => StackFile.read(open.project.stacksFolder, s)));
    const applications = [...new Set(configs.map((f) => f.shape().application.name))];
    const failure = await rehearse(open.migrations, [{ number: 1, applications }], all).then(
      () => undefined,
      (error: Error) => error.message,
    );
    await writeAtomically(join(folder, OUTCOME), `${JSON.stringify(await outcomeOf(open, order, failure), undefined, 1)}\n`);
  } finally {
    await open.close();
  }
}

/** From the user's own files: the sandbox's copy has secrets of its own. */
async function unfinished(stacks: string, stack: string): Promise<Unfinished> {
  const file = await StackFile.read(stacks, stack);
  const config = file.shape();
  const inventory = await folderProject(stacks)
    .inventory()
    .catch(() => undefined);
  return unfinishedIn(
    file.raw(),
    config,
    inventory?.applications.find((a) => a.name === config.application.name),
  );
}

async function outcomeOf(open: OpenSandbox, order: Order, failure: string | undefined): Promise<Outcome> {
  const begun = new Set((await open.migrations.list()).map((m) => m.stack));
  const missing = order.chosen.filter((s) => !begun.has(s)).map((s) => `${s} did not begin: ${failure ?? "unknown"}`);
  const migrations: Rehearsed[] = [];
  for (const stack of order.chosen) if (begun.has(stack)) migrations.push(await rehearsed(open, stack, order, failure));
  const reasons = [...missing, ...migrations.flatMap((m) => m.reasons)];
  const { id, seed, chosen, madeAt } = order;
  return { id, madeAt, seed, stacks: chosen, verdict: reasons.length === 0 ? "go" : "no-go", reasons, migrations };
}

async function rehearsed({ migrations, sandbox }: OpenSandbox, stack: string, order: Order, failure?: string): Promise<Rehearsed> {
  const { plan, state } = await migrations.get(stack);
  const entries = await migrations.journal(stack);
  const share = await sandbox.usersOnNew(stack);
  const report = (await collectReport(migrations, [stack])).migrations[0];
  if (report === undefined) throw new UserError({ path: "--stack", got: stack, accepted: "a stack whose migration has begun" });
  const { open, notTried } = await unfinished(order.stacks, stack);
  const signals = signalsOf(plan, currentConfig(state), { stacks: await StackFile.list(order.stacks) });
  const writePause = writePauseOf(report.promotion, currentConfig(state));
  const seen = {
    stack,
    ...(writePause === undefined ? {} : { writePause }),
    status: state.status,
    faults: await sandbox.faults(stack),
    rollbacks: rollbackCosts(plan, entries, share),
    violations: await sandbox.violations(stack),
    journal: report.verification?.faults ?? [],
    open,
    unanswered: unansweredIn(signals),
    ...(failure === undefined || state.status === "completed" ? {} : { failure }),
  };
  const pause = report.promotion?.pauseMs;
  return {
    stack,
    digest: state.revisions[0]?.digest ?? "",
    status: state.status,
    reasons: reasonsAgainst(seen, order.budget),
    faults: seen.faults,
    restarts: Number(restarts),
    rollbacks: seen.rollbacks,
    waysBack: waysBack(plan, entries),
    notTried,
    signals: signals.map(({ answer, ...signal }) => ({
      ...signal,
      ...("by" in answer ? { source: answer.by } : { noSource: answer.nobody }),
    })),
    ...(pause === undefined ? {} : { writePauseMs: pause }),
    ...(writePause?.untilPromotionMs === undefined
      ? {}
      : { untilPromotionMs: writePause.untilPromotionMs, writePauseBudgetMs: writePause.budgetMs }),
    frames: framesOf(plan, entries, share),
    report,
  };
}

function writePauseOf(promotion: PromotionReport | undefined, { database }: StackConfig): WritePause | undefined {
  if (promotion === undefined || database === undefined) return undefined;
  const { at, writesStoppedAt, pauseMs } = promotion;
  return {
    budgetMs: database.writePauseSeconds * 1_000,
    ...(writesStoppedAt === undefined ? {} : { untilPromotionMs: at - writesStoppedAt }),
    ...(pauseMs === undefined ? {} : { totalMs: pauseMs }),
  };
}
