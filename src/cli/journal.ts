import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { Recorded } from "../automation/journal/entries.js";
import { ENTRY_TYPES } from "../automation/journal/types.js";
import {
  type Cli,
  type OutputOptions,
  prints,
  requireOneOf,
  type ServiceOptions,
  STACK,
  stepsIn,
  talks,
  wholeNumber,
  withValues,
} from "./cli.js";
import { print, tableOf } from "./output.js";
import { clock } from "./progress.js";

const SANDBOX = ["--sandbox", "the sandbox's journals instead of the real environments'"] as const;

/** Journals: of the running service, or where they are kept. */
export function journalCommand(cli: Cli): Command {
  const journal = new Command("journal")
    .description("read journals; verify, export and import them where they are kept")
    .option(...SANDBOX);
  const kept = (options: { sandbox?: boolean }) => ({ ...cli.globals(), ...journal.opts<{ sandbox?: boolean }>(), ...options });
  const journals = () => import("./journals.js");
  journal.addCommand(showCommand(cli));
  journal
    .command("verify")
    .description("check the hash chains; ends with 7 when an entry was changed, removed or reordered")
    .argument("[stack...]", "default: all")
    .option(...SANDBOX)
    .action(async (stacks: string[], options) => (await journals()).verifyJournals(stacks, kept(options)));
  journal
    .command("export")
    .description("copy journals and evidence into a folder")
    .argument("<folder>", "a new folder")
    .argument("[stack...]", "default: all")
    .option(...SANDBOX)
    .action(async (folder: string, stacks: string[], options) => (await journals()).exportJournals(resolve(folder), stacks, kept(options)));
  journal
    .command("import")
    .description("take over journals and evidence from such a folder")
    .argument("<folder>", "as export wrote it")
    .argument("[stack...]", "default: all")
    .option(...SANDBOX)
    .action(async (folder: string, stacks: string[], options) => (await journals()).importJournals(resolve(folder), stacks, kept(options)));
  return journal;
}

interface ShowOptions extends ServiceOptions, OutputOptions {
  type?: string[];
  step?: string;
  after: number;
}

const showCommand = (cli: Cli): Command =>
  prints(talks(new Command("show")))
    .description("print the entries of a migration's journal, as the running service has them")
    .argument(...STACK)
    .addOption(withValues(new Option("--type <type...>", "only these types, for example gates.failed"), () => ENTRY_TYPES))
    .addOption(withValues(new Option("--step <id>", "only what belongs to a step"), () => stepsIn(cli)))
    .option("--after <number>", "only what came after this entry", wholeNumber(0, 1_000_000_000), 0)
    .action(async (stack: string, options: ShowOptions) => {
      const service = await cli.service(options);
      // A newer service's journal may hold types that are not known here.
      const whole = await service.journal(stack, 0);
      for (const type of options.type ?? []) requireOneOf("--type", type, [...ENTRY_TYPES, ...whole.map((e) => e.type)]);
      if (options.step !== undefined) {
        const written = whole.flatMap((e) => ("step" in e && typeof e.step === "string" ? [e.step] : []));
        if (!written.includes(options.step))
          requireOneOf(
            "--step",
            options.step,
            (await service.getPlan(stack)).steps.map((s) => s.id),
          );
      }
      const all = whole.filter((e) => e.seq > options.after);
      const chosen = all.filter(
        (e) => (options.type?.includes(e.type) ?? true) && (options.step === undefined || ("step" in e && e.step === options.step)),
      );
      print(options.output, chosen, () =>
        tableOf(
          ["ENTRY", "TIME", "TYPE", "WHAT"],
          chosen.map((e) => [e.seq, clock(e.at), e.type, whatOf(e)]),
        ),
      );
    });

/** The member of an entry that says most. */
function whatOf(entry: Recorded): string {
  const said = entry as Partial<Record<"command" | "summary" | "reason" | "why" | "error" | "note", string>> & {
    step?: string;
    who?: string;
  };
  const text = said.command ?? said.summary ?? said.reason ?? said.why ?? said.error ?? said.note;
  const line = [said.step, text, said.who === undefined ? undefined : `(${said.who})`].filter((t) => t !== undefined).join(" ");
  return line.replaceAll("\n", " ").slice(0, 100);
}
