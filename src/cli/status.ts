import { Command } from "commander";
import type { Migration } from "../client/generated.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, talks, wholeNumber } from "./cli.js";
import { paintFor, print } from "./output.js";
import { migrationsTable, migrationText } from "./show.js";

interface StatusOptions extends ServiceOptions, OutputOptions {
  watch?: boolean;
  interval: number;
}

const OVER = ["completed", "aborted"];
const CLEAR = "\u001b[H\u001b[J";

/** Where migrations stand. */
export const statusCommand = (cli: Cli): Command =>
  prints(talks(new Command("status")))
    .description("show where a migration stands and what comes next; without a name, all migrations")
    .argument("[stack]", "for example: web-api-production")
    .option("--watch", "show every change until the migration is over, or Ctrl-C")
    .option("--interval <seconds>", "how often to look while watching, beside when something happens", wholeNumber(1, 3_600), 2)
    .action(async (stack: string | undefined, options: StatusOptions) => {
      const service = await cli.service(options);
      const told = new Set<string>();
      const tell = (unread: string, problem: string): void => {
        if (!told.has(unread)) process.stderr.write(`${unread} cannot be read by the service: ${problem}\n`);
        told.add(unread);
      };
      const look = async () => (stack === undefined ? service.migrations(tell) : [await service.getMigration(stack)]);
      const show = (views: Migration[]): void => {
        const paint = paintFor(process.stdout);
        print(options.output, stack === undefined ? views : views[0], () =>
          views.length === 1 && views[0] !== undefined && stack !== undefined
            ? migrationText(views[0], paint)
            : migrationsTable(views, paint),
        );
      };
      const news = options.watch === true ? service.news(stack) : undefined;
      let before = "";
      try {
        for (;;) {
          const views = await look();
          const now = JSON.stringify(views);
          if (now !== before) {
            if (before !== "" && process.stdout.isTTY === true) process.stdout.write(CLEAR);
            show(views);
          }
          before = now;
          if (news === undefined || (views.length > 0 && views.every((v) => OVER.includes(v.status)))) return;
          await news.next(options.interval * 1_000);
        }
      } finally {
        news?.end();
      }
    });
