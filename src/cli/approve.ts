import { Argument, Command } from "commander";
import { within } from "../automation/decide/ahead.js";
import type { Migration } from "../client/generated.js";
import { Conflict, UserError } from "../errors.js";
import { finish, type WaitOptions, waits } from "./ask.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, stepsIn, talks, withValues } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { agreed, asksFirst, requireName, type YesOption } from "./confirm.js";
import { say } from "./output.js";
import { loosenedLines } from "./show.js";

interface ApproveOptions extends ServiceOptions, OutputOptions, WaitOptions, YesOption {
  resource?: string[];
  confirm?: string;
}

/** A person's yes. */
export const approveCommand = (cli: Cli): Command =>
  asksFirst(waits(prints(talks(new Command("approve")))))
    .description("approve the step that waits; shows what it lets happen first")
    .argument(...STACK)
    .addArgument(
      withValues(new Argument("[step]", "the step's id, so that nothing else is approved (default: the one that waits)"), () =>
        stepsIn(cli),
      ),
    )
    .option("--resource <name...>", "what may be replaced or deleted, for a step that was stopped because of it")
    .option("--confirm <application>", "the application's name, where what follows cannot be undone")
    .action(async (stack: string, step: string | undefined, options: ApproveOptions) => {
      const service = await cli.service(options);
      const view = await service.getMigration(stack);
      const id = step ?? waitingStep(view);
      requireNames(view, options.resource ?? []);
      for (const line of loosenedLines(view)) say(`Loosened since it began: ${line}`);
      const shown = await show(service, view, id, options);
      if (shown === undefined) return;
      // What was shown is what is approved: another preview makes the approval lapse.
      await service.approve(stack, { step: id, resources: options.resource, preview: shown.digest });
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
      const view = await service.getMigration(stack);
      const id = step ?? waitingStep(view);
      await service.refuse(stack, { step: id, why: options.why });
      await finish(service, stack, view.lastSeq, { ...options, wait: false });
    });

/** What is held for its losses goes on only when each is named. */
function requireNames({ stack, losses = [] }: Migration, named: string[]): void {
  const names = [...new Set(losses.map((l) => l.name))];
  if (names.every((name) => named.includes(name))) return;
  throw new UserError(
    { path: "--resource", got: named.join(" ") || "nothing", accepted: `the name of each resource that would be lost: ${names.join(" ")}` },
    {
      next: `Look at what it would do first: cutover preview ${stack}. Once the cause is fixed, cutover resume ${stack} previews it again.`,
    },
  );
}

/** Only what asks is answered: a migration that is held for another reason is resumed once that was read. */
function waitingStep({ stack, status, step, losses, heldReason }: Migration): string {
  if ((status === "approval" || losses !== undefined) && step !== undefined) return step.id;
  const why = heldReason === undefined ? "" : `: ${heldReason}`;
  throw new Conflict(`${stack} waits for no approval: it is ${status}${why}.`, { next: `Check: cutover status ${stack}` });
}

/** Says what an approval lets happen until the next one; over a point of no return a person writes the application's name. */
async function show(
  service: ServiceClient,
  { stack, application, ahead }: Migration,
  id: string,
  options: ApproveOptions,
): Promise<{ digest: string | undefined } | undefined> {
  const { steps } = await service.getPlan(stack);
  const { run, stopsAt } = within(ahead, "goal");
  const noWayBack = [...run, ...steps.filter((s) => s.id === id)].some((s) => s.pointOfNoReturn);
  if (run.length > 0) say(`Approving ${id} of ${stack} lets these steps run:`);
  else say(`Approving ${id} of ${stack} lets nothing run yet${stopsAt === undefined ? ": it was advanced to here only" : ""}.`);
  for (const step of run) say(`  ${step.id}: ${step.title}${step.pointOfNoReturn ? " (point of no return)" : ""}`);
  if (stopsAt !== undefined) say(`Then a person is asked: ${stopsAt.asks}`);
  const preview = steps.find((s) => s.id === id)?.preview;
  for (const { op, name, type } of preview?.changes ?? [])
    if (op === "replace" || op === "delete") say(`  It would ${op} ${name} (${type}).`);
  if (noWayBack)
    await requireName(application, options.confirm, "After the point of no return the way back is another one, or none: see the runbook.");
  else if (!(await agreed(`Approve ${id}?`, options))) return undefined;
  return { digest: preview?.digest };
}
