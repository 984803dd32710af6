import { Command } from "commander";
import { Conflict, UserError } from "../errors.js";
import { finish, type WaitOptions, waits } from "./ask.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks } from "./cli.js";
import type { MigrationView, ServiceClient, StepView } from "./client.js";
import { requireName } from "./confirm.js";
import { say } from "./output.js";

interface ApproveOptions extends ServiceOptions, OutputOptions, WaitOptions {
  resource?: string[];
  confirm?: string;
}

/** A person's yes. */
export const approveCommand = (cli: Cli): Command =>
  waits(prints(talks(new Command("approve"))))
    .description("approve the step that waits; shows what it lets happen first")
    .argument(...STACK)
    .argument("[step]", "the step's id, so that nothing else is approved (default: the one that waits)")
    .option("--resource <name...>", "what may be replaced or deleted, for a step that was stopped because of it")
    .option("--confirm <application>", "the application's name, where what follows cannot be undone")
    .action(async (stack: string, step: string | undefined, options: ApproveOptions) => {
      const service = await cli.service(options);
      const view = await service.migration(stack);
      const id = step ?? waitingStep(stack, view.status, view.step?.id);
      requireNames(view, options.resource ?? []);
      const { digest } = await show(service, stack, id, view.application, options.confirm);
      // What was shown is what is approved: another preview makes the approval lapse.
      const seen = digest === undefined ? {} : { preview: digest };
      const resources = options.resource === undefined ? {} : { resources: options.resource };
      await service.command(stack, "approve", { step: id, ...resources, ...seen });
      await finish(service, stack, view.lastSeq, options);
    });

interface RefuseOptions extends ServiceOptions, OutputOptions {
  why?: string;
}

/** A person's no: the migration is held. */
export const refuseCommand = (cli: Cli): Command =>
  prints(talks(new Command("refuse")))
    .description("refuse the step that waits; the migration is held")
    .argument(...STACK)
    .argument("[step]", "the step's id (default: the one that waits)")
    .option("--why <text>", "the reason, for the journal")
    .action(async (stack: string, step: string | undefined, options: RefuseOptions) => {
      const service = await cli.service(options);
      const view = await service.migration(stack);
      const id = step ?? waitingStep(stack, view.status, view.step?.id);
      await service.command(stack, "refuse", { step: id, ...(options.why === undefined ? {} : { why: options.why }) });
      await finish(service, stack, view.lastSeq, { ...options, wait: false });
    });

/** What is held for its losses goes on only when each is named. */
function requireNames({ stack, losses = [] }: MigrationView, named: string[]): void {
  const names = [...new Set(losses.map((l) => l.name))];
  if (names.every((name) => named.includes(name))) return;
  throw new UserError(
    { path: "--resource", got: named.join(" ") || "nothing", accepted: `the name of each resource that would be lost: ${names.join(" ")}` },
    {
      next: `Look at what it would do first: cutover preview ${stack}. Once the cause is mended, cutover resume ${stack} previews it anew.`,
    },
  );
}

function waitingStep(stack: string, status: string, step: string | undefined): string {
  if ((status === "approval" || status === "held") && step !== undefined) return step;
  throw new Conflict(`${stack} waits for no approval: it is ${status}.`, { next: `Look: cutover status ${stack}` });
}

/** Says what an approval lets happen until the next one; over a point of no return a person writes the application's name. */
async function show(
  service: ServiceClient,
  stack: string,
  id: string,
  application: string,
  confirm: string | undefined,
): Promise<{ digest: string | undefined }> {
  const steps = await service.steps(stack);
  const allowed = letThrough(steps, id);
  const noWayBack = [...allowed, ...steps.filter((s) => s.id === id)].some((s) => s.pointOfNoReturn);
  say(`Approving ${id} of ${stack} lets these steps follow, as far as it was advanced:`);
  for (const step of allowed) say(`  ${step.id}: ${step.title}${step.pointOfNoReturn ? " (point of no return)" : ""}`);
  const preview = steps.find((s) => s.id === id)?.preview;
  for (const { op, name, type } of preview?.changes ?? [])
    if (op === "replace" || op === "delete") say(`  It would ${op} ${name} (${type}).`);
  if (noWayBack)
    await requireName(application, confirm, "After the point of no return the way back is another one, or none: see the runbook.");
  return { digest: preview?.digest };
}

/** The step itself when it changes something, and what follows it up to the next approval. */
export function letThrough(steps: StepView[], id: string): StepView[] {
  const at = steps.findIndex((s) => s.id === id);
  const next = steps.findIndex((s, i) => i > at && s.kind === "approval");
  return at === -1 ? [] : steps.slice(at, next === -1 ? undefined : next).filter((s) => s.kind !== "approval");
}
