import { Command } from "commander";
import { type Cli, type OutputOptions, prints, type ServiceOptions, talks } from "./cli.js";
import { EXIT } from "./exitCodes.js";
import { print, tableOf } from "./output.js";

/** The journals of running migrations, against tampering and against the engine's own history. */
export const verifyCommand = (cli: Cli): Command =>
  prints(talks(new Command("verify")))
    .description("check journals against tampering, and revisions against the engine's history; ends with 7 on a fault")
    .argument("[stack...]", "default: all")
    .action(async (stacks: string[], options: ServiceOptions & OutputOptions) => {
      const service = await cli.service(options);
      const names = stacks.length > 0 ? stacks : (await service.migrations()).map((m) => m.stack);
      const results = await Promise.all(names.map(async (stack) => ({ stack, ...(await service.verifyJournal(stack)) })));
      print(options.output, results, () =>
        tableOf(
          ["STACK", "JOURNAL", "FAULTS"],
          results.map((r) => [r.stack, r.intact ? "intact" : "BROKEN", r.faults.join("; ") || "none"]),
        ),
      );
      if (results.some((r) => !r.intact)) process.exitCode = EXIT["promise-violation"];
    });
