import { Command, Option } from "commander";
import type { Extent } from "../automation/journal/entries.js";
import type { Migration } from "../client/generated.js";
import { NotFound } from "../errors.js";
import { finish, type WaitOptions, waits } from "./ask.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { agreed, asksFirst, type YesOption } from "./confirm.js";
import { sayEdit } from "./edit.js";
import { say } from "./output.js";

interface AdvanceOptions extends ServiceOptions, OutputOptions, WaitOptions, YesOption {
  to: Extent;
}

/** One step further, or more. */
export const advanceCommand = (cli: Cli): Command =>
  asksFirst(waits(prints(talks(new Command("advance")))))
    .description("take the next step, and begin the migration when it has not begun; stops for approvals")
    .argument(...STACK)
    .addOption(new Option("--to <extent>", "how far").choices(["step", "phase", "end"]).default("step"))
    .action(async (stack: string, options: AdvanceOptions) => {
      const service = await cli.service(options);
      const { lastSeq, step } = await begun(service, stack);
      const next = step === undefined ? "its next step" : `${step.id} (${step.title})`;
      const extent = options.to === "step" ? "" : ` and what follows, to the end of the ${options.to === "phase" ? "phase" : "plan"}`;
      if (!(await agreed(`${stack}: run ${next}${extent}?`, options))) return;
      await sayEdit(service, stack);
      await service.advance(stack, { extent: options.to });
      await finish(service, stack, lastSeq, options);
    });

/** The migration; one that has not begun begins with its stack config as revision 0. */
async function begun(service: ServiceClient, stack: string): Promise<Migration> {
  try {
    return await service.getMigration(stack);
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
    const view = await service.createMigration({ stack });
    say(`${stack}: begun with its stack config as revision 0.`);
    return view;
  }
}
