import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { writeAtomically } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import { type Cli, type ServiceOptions, STACK, talks } from "./cli.js";
import { say } from "./output.js";

const FORMATS = { html: ".html", markdown: ".md", json: "" } as const;
type Format = keyof typeof FORMATS;

interface ReportOptions extends ServiceOptions {
  format: Format[];
  out?: string;
}

/** What is handed to an auditor. */
export const reportCommand = (cli: Cli): Command =>
  talks(new Command("report"))
    .description("write a migration's report: timeline, charts, gates with values, approvals, rollbacks, costs")
    .argument(...STACK)
    .addOption(
      new Option("--format <format...>", "html is one file that loads nothing; json is what both are made of")
        .choices(Object.keys(FORMATS))
        .default(["html", "markdown"], "html markdown"),
    )
    .option("--out <folder>", "where to write STACK-report.*; - prints one format (default: the state folder)")
    .action(async (stack: string, options: ReportOptions) => {
      const service = await cli.service(options);
      const { out, format } = options;
      if (out === "-" && format.length > 1)
        throw new UserError({ path: "--format", got: format.join(" "), accepted: "one format when it is printed" });
      for (const one of new Set(format)) {
        const text = await service.text(`/v1/migrations/${encodeURIComponent(stack)}/report${FORMATS[one]}`);
        if (out === "-") {
          process.stdout.write(`${text.trimEnd()}\n`);
          continue;
        }
        const file = join(resolve(out ?? cli.globals().state), `${stack}-report${one === "json" ? ".json" : FORMATS[one]}`);
        await writeAtomically(file, text);
        process.stdout.write(`${file}\n`);
      }
      if (out !== "-") say("The HTML file loads nothing from elsewhere: it can be sent, printed and archived as it is.");
    });
