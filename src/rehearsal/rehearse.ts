import type { Migrations } from "../automation/migrations.js";
import type { Plan } from "../automation/plan/plan.js";
import type { MigrationState } from "../automation/state/state.js";
import { Terminal } from "../errors.js";

/** The persons of a rehearsal: a cutover needs two. */
const OPERATOR = "rehearsal operator";
const APPROVER = "rehearsal approver";
/** How often the operator tries again after the migration went back or was held. */
const MOST_RESUMES = 3;

export interface Wave {
  number: number;
  applications: string[];
}

/** A migration that is left where it asks a person, who is to answer. */
export interface Left {
  stack: string;
  /** An approval. */
  step: string;
}

/** Of the stacks' plans the last question on the way that watches nothing meanwhile; undefined where nobody is asked. */
export function questionIn(plans: ReadonlyMap<string, Plan>): Left | undefined {
  let found: (Left & { at: number }) | undefined;
  for (const [stack, plan] of plans)
    for (const [at, step] of plan.entries()) {
      const asks = step.kind === "approval" && step.gates.length === 0 && step.phase !== "assess" && step.phase !== "cleanup";
      if (asks && !step.secondPerson && at >= (found?.at ?? 0)) found = { stack, step: step.id, at };
    }
  return found && { stack: found.stack, step: found.step };
}

/**
 * Takes every application through all phases, wave by wave: its staging stack first, then production; the stacks of
 * a wave side by side. It goes on where an interrupted rehearsal ended.
 */
export async function rehearse(
  migrations: Migrations,
  waves: Wave[],
  stacks: string[],
  onWave: (wave: Wave) => void = () => {},
  leave?: Left,
): Promise<void> {
  for (const wave of waves) {
    onWave(wave);
    const ofWave = stacks.filter((s) => wave.applications.some((a) => s.startsWith(`${a}-`)));
    await inParallel(
      ofWave.filter((s) => s.endsWith("-staging")),
      (stack) => complete(migrations, stack, leave),
    );
    await inParallel(
      ofWave.filter((s) => !s.endsWith("-staging")),
      (stack) => complete(migrations, stack, leave),
    );
  }
}

/** Every stack runs to its end, also when another one fails; then the first failure is thrown. */
async function inParallel(stacks: string[], run: (stack: string) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(stacks.map(run));
  const failed = results.find((r) => r.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Plays the people of one migration until it is completed. @throws Terminal when it cannot go on */
async function complete(migrations: Migrations, stack: string, leave: Left | undefined): Promise<void> {
  await migrations.create(stack, OPERATOR);
  await migrations.resumeAll();
  let failure: Error | undefined;
  const stopListening = migrations.onFailure((failed, error) => {
    if (failed === stack) failure = error;
  });
  try {
    for (let resumes = 0; ; ) {
      const state = await migrations.settled(stack);
      if (failure !== undefined) throw failure;
      if (state.status === "completed") return;
      if (state.status === "held" || state.status === "paused") resumes += 1;
      const { plan } = await migrations.get(stack);
      if (state.status === "approval" && leave?.stack === stack && plan[state.position]?.id === leave.step) return;
      if (resumes > MOST_RESUMES)
        throw new Terminal(`${stack} does not get past ${plan[state.position]?.id ?? "its end"}: ${state.heldReason}`);
      await answer(migrations, stack, plan, state);
    }
  } finally {
    stopListening();
  }
}

async function answer(migrations: Migrations, stack: string, plan: Plan, state: MigrationState): Promise<void> {
  switch (state.status) {
    case "ready":
      await migrations.command(stack, { command: "advance", extent: "end" }, OPERATOR);
      return;
    case "held":
    case "paused":
      await migrations.command(stack, { command: "resume" }, OPERATOR);
      return;
    case "approval": {
      const step = plan[state.position];
      if (step !== undefined) await migrations.command(stack, { command: "approve", step: step.id }, APPROVER);
      return;
    }
    default:
      throw new Terminal(`${stack} stands still while it is ${state.status}: ${state.heldReason ?? "no reason given"}`);
  }
}
