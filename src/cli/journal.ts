import { resolve } from "node:path";
import { Command } from "commander";
import type { Recorded } from "../automation/journal/entries.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks, wholeNumber } from "./cli.js";
import { print, tableOf } from "./output.js";
import { clock } from "./progress.js";

/** Journals: of the running service, or where they are kept. */
export function journalCommand(cli: Cli): Command {
  const journal = new Command("journal")
    .description("read journals; verify, export and import them where they are kept")
    .option("--sandbox", "the sandbox's journals instead of the real environments'");
  const kept = () => ({ ...cli.globals(), ...journal.opts<{ sandbox?: boolean }>() });
  const journals = () => import("./journals.js");
  journal.addCommand(showCommand(cli));
  journal
    .command("verify")
    .description("check the hash chains; ends with 7 when an entry was changed, removed or reordered")
    .argument("[stack...]", "default: all")
    .action(async (stacks: string[]) => (await journals()).verifyJournals(stacks, kept()));
  journal
    .command("export")
    .description("copy journals and evidence into a folder")
    .argument("<folder>", "a new folder")
    .argument("[stack...]", "default: all")
    .action(async (folder: string, stacks: string[]) => (await journals()).exportJournals(resolve(folder), stacks, kept()));
  journal
    .command("import")
    .description("take over journals and evidence from such a folder")
    .argument("<folder>", "as export wrote it")
    .argument("[stack...]", "default: all")
    .action(async (folder: string, stacks: string[]) => (await journals()).importJournals(resolve(folder), stacks, kept()));
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
    .option("--type <type...>", "only these types, for example gates.failed")
    .option("--step <id>", "only what belongs to a step")
    .option("--after <number>", "only what came after this entry", wholeNumber(0, 1_000_000_000), 0)
    .action(async (stack: string, options: ShowOptions) => {
      const all = await (await cli.service(options)).journal(stack, options.after);
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
