import { join } from "node:path";
import { Command } from "commander";
import { writeAtomically } from "../config/stackFile.js";
import { type Cli, type OutputOptions, prints, wholeNumber } from "./cli.js";
import { EXIT } from "./exitCodes.js";
import { print, say } from "./output.js";
import { printer } from "./progress.js";
import { rehearsalsIn } from "./project.js";

interface RehearseOptions extends OutputOptions {
  stack: string[];
  fault: string[];
  seed: number;
  usersBack: number;
  writePause: number;
  mayLoseData?: boolean;
}

/** The whole migration before the real one. */
export const rehearseCommand = (cli: Cli): Command =>
  prints(new Command("rehearse"))
    .description("take stacks through their whole migration in a fresh sandbox, with faults; ends with 8 on a no-go")
    .requiredOption("--stack <stack...>", "what to rehearse; its staging stack comes first automatically")
    .option(
      "--fault <fault...>",
      "lag-spike@promotion, errors@25%, latency@25%, slower@25%, unhealthy-target@25%, throttled-dns@10%, held-connections@100%, data-difference@verify, no-reverse@promotion, lost-reverse@promotion, stuck-run@handover, dead-letters@handover, crash@EFFECT-OR-STEP; STACK:FAULT for one stack of several",
      [],
    )
    .option("--seed <number>", "same seed, same readings", wholeNumber(0, 2_147_483_647), 1)
    .option("--users-back <minutes>", "no-go when a rollback takes longer until users are back", wholeNumber(0, 100_000), 15)
    .option("--write-pause <minutes>", "no-go when users cannot write for longer, the promotion included", wholeNumber(0, 100_000), 15)
    .option("--may-lose-data", "a rollback that loses data is no reason for a no-go")
    .action(async (options: RehearseOptions) => {
      const { root, stacks, state } = cli.globals();
      const { runRehearsal } = await import("../rehearsal/run.js");
      const { outcomeText } = await import("../rehearsal/text.js");
      const out = printer(process.stderr, process.stderr.columns);
      const folder = rehearsalsIn(state);
      const outcome = await runRehearsal({
        root,
        stacks,
        folder,
        chosen: options.stack,
        faults: options.fault,
        seed: options.seed,
        budget: { usersBackMinutes: options.usersBack, writePauseMinutes: options.writePause, mayLoseData: options.mayLoseData === true },
        onEntry: (stack, entry) => out.entry(stack, entry),
        onRestart: (restarts) => say(`The process was killed, as rehearsed; it goes on (restart ${restarts}).`),
      });
      const text = outcomeText(outcome);
      await writeAtomically(join(folder, outcome.id, "rehearsal.md"), text);
      print(options.output, outcome, () => text);
      say(`To replay it step by step: ${join(folder, outcome.id, "rehearsal.json")}, or the portal of cutover serve.`);
      if (outcome.verdict === "no-go") process.exitCode = EXIT["no-go"];
    });
