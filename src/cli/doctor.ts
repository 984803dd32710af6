import { resolve } from "node:path";
import { Command } from "commander";
import { StackFile } from "../config/stackFile.js";
import type { Finding } from "../doctor/check.js";
import { counted } from "../lib/plural.js";
import { type Cli, type OutputOptions, prints } from "./cli.js";
import { EXIT } from "./exitCodes.js";
import { type Paint, paintFor, print, say } from "./output.js";

const MARKS = { ok: "✓", warning: "!", failed: "✗", unknown: "?" } as const;
const COLOURS = { ok: "green", warning: "yellow", failed: "red", unknown: "dim" } as const;

/** Everything that a migration will need, before it needs it. */
export const doctorCommand = (cli: Cli): Command =>
  prints(new Command("doctor"))
    .description("check what a migration will need, and say how to mend what is broken; ends with 9 when something is")
    .argument("[stack...]", "default: all")
    .option("--targets <file>", "how real environments are reached; without it, only this machine is looked at")
    .action(async (named: string[], options: OutputOptions & { targets?: string }) => {
      const { root, stacks } = cli.globals();
      const { examineAll } = await import("../doctor/doctor.js");
      const chosen = named.length > 0 ? named : await StackFile.list(stacks);
      say(`Looking at ${counted(chosen.length, "stack")}; nothing is changed.`);
      const targets = options.targets === undefined ? {} : { targets: resolve(options.targets) };
      const findings = await examineAll({ root, stacks, chosen, journals: process.env.DATABASE_URL, ...targets });
      print(options.output, findings, () => text(findings, paintFor(process.stdout)));
      if (findings.some((f) => f.standing === "failed")) process.exitCode = EXIT.unwell;
    });

function text(findings: Finding[], paint: Paint): string {
  const width = Math.max(...findings.map((f) => f.check.length));
  const count = (standing: Finding["standing"]): number => findings.filter((f) => f.standing === standing).length;
  return [
    ...findings.flatMap(({ check, of, standing, detail, mend }) => [
      `${paint(COLOURS[standing], MARKS[standing])} ${check.padEnd(width)}  ${paint("bold", of)}: ${detail}`,
      ...(mend === undefined ? [] : [`${" ".repeat(width + 4)}→ ${mend}`]),
    ]),
    "",
    `${count("ok")} well, ${count("warning")} warnings, ${count("failed")} broken, ${count("unknown")} not looked at.`,
  ].join("\n");
}
