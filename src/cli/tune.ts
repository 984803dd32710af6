import { Command } from "commander";
import { parse } from "yaml";
import type { Proposal } from "../client/generated.js";
import { Conflict, printable, UserError } from "../errors.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks, wholeNumber } from "./cli.js";
import { print, say, tableOf } from "./output.js";
import { loosenedText } from "./show.js";

/** Thresholds, holds and weights of a running migration. */
export const tuneCommand = (cli: Cli): Command =>
  prints(talks(new Command("tune")))
    .description("show or change thresholds, holds and weights to come of a running migration, from now on")
    .argument(...STACK)
    .argument("[changes...]", "PATH=VALUE, for example gates.maxErrorRate=0.02; without one, what can be changed")
    .option("--why <text>", "the reason, for the journal")
    .action(async (stack: string, changes: string[], options: ServiceOptions & OutputOptions & { why?: string }) => {
      const service = await cli.service(options);
      const { why, output } = options;
      if (changes.length > 0) await service.tune(stack, { changes: Object.fromEntries(changes.map(change)), why });
      const now = await service.getTuning(stack);
      print(output, now, () =>
        tableOf(
          ["PATH", "VALUE", ""],
          Object.entries(now.values).map(([path, value]) => [path, JSON.stringify(value), path in now.tuned ? "tuned" : ""]),
        ),
      );
      if (now.proposal !== undefined) say(waiting(stack, now.proposal));
    });

/** A second person's yes to a tuning that loosens what protects. */
export const confirmCommand = (cli: Cli): Command =>
  prints(talks(new Command("confirm")))
    .description("confirm, as a second person, a tuning that loosens what protects; shows it first")
    .argument(...STACK)
    .argument(
      "[tuning]",
      "number of the tuning's entry, so that no other is confirmed (default: the one that waits)",
      wholeNumber(1, 1_000_000_000),
    )
    .action(async (stack: string, tuning: number | undefined, options: ServiceOptions & OutputOptions) => {
      const service = await cli.service(options);
      const { proposal } = await service.getTuning(stack);
      if (proposal === undefined) throw new Conflict(`${stack}: no tuning waits for a second person.`);
      say(waiting(stack, proposal));
      const view = await service.confirm(stack, { tuning: tuning ?? proposal.tuning });
      print(options.output, view, () => `It counts from now on. Approvals that were given before and not used have lapsed.`);
    });

const waiting = (stack: string, { who, why, loosens, tuning }: Proposal): string =>
  [
    `${who} wants to loosen what protects ${stack} (entry ${tuning}): ${why}`,
    ...loosens.map((l) => `  ${loosenedText(l)}`),
    `It waits for a second person: cutover confirm ${stack} ${tuning}`,
  ].join("\n");

/** `dns.steps=[25, 100]`: values are written as in a stack config. */
function change(text: string): [string, unknown] {
  const at = text.indexOf("=");
  if (at < 1)
    throw new UserError({ path: "changes", got: JSON.stringify(text), accepted: "PATH=VALUE, for example gates.maxErrorRate=0.02" });
  const [path, value] = [text.slice(0, at), text.slice(at + 1)];
  try {
    return [path, parse(value)];
  } catch (cause) {
    throw new UserError(
      { path, got: printable(value), accepted: "a value as in a stack config, for example 0.02 or [25, 100]" },
      { cause },
    );
  }
}
