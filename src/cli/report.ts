import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { writeAtomically } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import { type Cli, type ServiceOptions, STACK, talks } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { say } from "./output.js";

type Fetch = (service: ServiceClient, stack: string) => Promise<string>;

/** By format: how its file ends, and how to get it. */
const FORMATS = {
  html: [".html", (service, stack) => service.getReportPage(stack)],
  markdown: [".md", (service, stack) => service.getReportMarkdown(stack)],
  json: [".json", async (service, stack) => JSON.stringify(await service.getReport(stack))],
} as const satisfies Record<string, [ending: string, fetch: Fetch]>;
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
        const [ending, fetch] = FORMATS[one];
        const text = await fetch(service, stack);
        if (out === "-") {
          process.stdout.write(`${text.trimEnd()}\n`);
          continue;
        }
        const file = join(resolve(out ?? cli.globals().state), `${stack}-report${ending}`);
        await writeAtomically(file, text);
        process.stdout.write(`${file}\n`);
      }
      if (out !== "-") say("The HTML file loads nothing from elsewhere: it can be sent, printed and archived as it is.");
    });
