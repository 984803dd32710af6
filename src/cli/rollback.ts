import { Command } from "commander";
import { finish, type WaitOptions, waits } from "./ask.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks, wholeNumber } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { agreed, asksFirst, requireName, type YesOption } from "./confirm.js";
import { EXIT } from "./exitCodes.js";
import { print, say } from "./output.js";
import { wayText } from "./show.js";

interface BackOptions extends ServiceOptions, OutputOptions, WaitOptions, YesOption {
  why?: string;
  dryRun?: boolean;
  insist?: boolean;
  confirm?: string;
}

/** Back to an earlier revision. */
export const rollbackCommand = (cli: Cli): Command =>
  back(new Command("rollback"))
    .description("go back to an earlier revision of the stack config; says what that runs, keeps and loses first")
    .requiredOption(
      "--to <revision>",
      "the revision's number (cutover journal show STACK --type update.intended)",
      wholeNumber(0, 1_000_000),
    )
    .action(async (stack: string, options: BackOptions & { to: number }) =>
      goBack(await cli.service(options), stack, options.to, "rollback", options),
    );

/** Back to the beginning, for good. */
export const abortCommand = (cli: Cli): Command =>
  back(new Command("abort"))
    .description("go back to revision 0 and end the migration; it cannot be taken up again")
    .action(async (stack: string, options: BackOptions) => goBack(await cli.service(options), stack, 0, "abort", options));

const back = (command: Command): Command =>
  asksFirst(waits(prints(talks(command))))
    .argument(...STACK)
    .option("--why <text>", "the reason, for the journal")
    .option("--dry-run", "only show the way back")
    .option("--insist", "also where the old side is known to be no better")
    .option("--confirm <application>", "the application's name, where going back loses data or cannot be undone");

async function goBack(service: ServiceClient, stack: string, to: number, name: "rollback" | "abort", options: BackOptions): Promise<void> {
  const { why, dryRun, confirm, insist, output } = options;
  const way = await service.getWayBack(stack, { revision: to });
  if (dryRun === true) return print(output, way, () => wayText(way));
  const { application, lastSeq } = await service.getMigration(stack);
  say(wayText(way));
  if (name === "abort" || way.crossesPointOfNoReturn)
    await requireName(application, confirm, name === "abort" ? "An aborted migration cannot be taken up again." : "");
  else if (!(await agreed(`Go back to revision ${to} now?`, options))) return;
  if (name === "rollback") await service.rollback(stack, { revision: to, why, insist });
  else await service.abort(stack, { why, insist });
  await finish(service, stack, lastSeq, options);
  // Held is what was asked for, once it is back.
  const isBack = (await service.journal(stack, lastSeq)).some((e) => e.type === "rollback.completed" || e.type === "migration.aborted");
  if (isBack) process.exitCode = EXIT.ok;
}
