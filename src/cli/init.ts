import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { StackFile } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import { foundSides } from "../init/found.js";
import { REPLACE } from "../init/placeholders.js";
import { checkDrafts, type DraftRow, writeProject } from "../init/project.js";
import { type Answers, hasOld } from "../init/skeleton.js";
import { draftStackConfigs, hostOf } from "../init/stackConfigs.js";
import { type Inventory, inventoryCsv, parseInventory } from "../inventory/csv.js";
import { cycleFindings, requireKnown, unknownDependencies } from "../inventory/graph.js";
import { parseColumnMap } from "../inventory/mappings.js";
import { type Cli, type OutputOptions, prints } from "./cli.js";
import { draftsTable, type InitOptions, missingLines, sayRehearse } from "./drafts.js";
import { initFromForms } from "./initForms.js";
import { print, say, tableOf } from "./output.js";

/** A project from an inventory, or from files that say how an application runs. */
export const initCommand = (_: Cli): Command =>
  prints(new Command("init"))
    .description(
      "make a project from an inventory, or from files that say how an application runs: stack configs, the inventory itself, and what is left to fill in",
    )
    .argument(
      "[inventory]",
      "a CSV file: Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner; or an export of Azure Migrate, AWS Migration Hub, ServiceNow, RVTools, Device42 or Konveyor",
    )
    .option(
      "--from <file...>",
      "in place of an inventory, what describes one application: docker-compose files, a Procfile, systemd units with their timers and drop-ins, or a Helm chart's values; compose=FILE, procfile=FILE, systemd=FILE or helm=FILE where a file does not say which it is",
      [],
    )
    .option("--name <application>", "with --from: its name (default: what the files say, or their folder's name)")
    .option("--web <process>", "with --from: which service, process type or unit users reach first (default: the one that the files tell)")
    .option("--map <column=header...>", "which of the file's columns is ours, for example --map 'Application=Server Name'", [])
    .option("--out <folder>", "the project's folder", ".")
    .option("--region <region>", "AWS region (default: AWS_REGION, or it is asked)")
    .option("--registry <prefix>", "where images lie, for example ghcr.io/your-org (default: it is asked)")
    .option("--domain <domain>", "public applications become NAME.DOMAIN (default: it is asked)")
    .option("--environment <name...>", "environments", ["staging", "production"])
    .option("--discover", "look at AWS, and fill in what answers on the old side today")
    .option("--profile <profile...>", "with --discover: profiles of the shared AWS configuration, one account each", [])
    .option("--role <arn...>", "with --discover: roles to assume, one account each", [])
    .option("--endpoint <url>", "with --discover: another endpoint for every service")
    .option("--force", "replace files that are there and differ")
    .action(async (file: string | undefined, options: InitOptions) => {
      requireOneSource(file, options);
      if (file === undefined) await initFromForms(options, await answersOf(options, `${REPLACE}.example`));
      else await initFromInventory(file, options);
    });

/** @throws UserError where there is neither an inventory nor another file, or both */
function requireOneSource(inventory: string | undefined, { from, map, name, web, discover }: InitOptions): void {
  if (inventory === undefined && from.length === 0)
    throw new UserError({
      path: "inventory",
      accepted: "a CSV file, or --from with a docker-compose file, a Procfile, systemd units or a chart's values",
    });
  if (inventory !== undefined && from.length > 0)
    throw new UserError({
      path: "--from",
      got: `an inventory too (${inventory})`,
      accepted: "one of both; an inventory that is in the project's stacks already is added to",
    });
  if (from.length > 0 && discover === true)
    throw new UserError({ path: "--discover", got: "--from too", accepted: "with an inventory only" });
  if (from.length > 0 && map.length > 0) throw new UserError({ path: "--map", got: "--from too", accepted: "with an inventory only" });
  if (inventory !== undefined && (name ?? web) !== undefined)
    throw new UserError({ path: name === undefined ? "--web" : "--name", got: "an inventory", accepted: "with --from only" });
}

async function initFromInventory(file: string, options: InitOptions): Promise<void> {
  const content = await readFile(file).catch((cause: Error) => {
    throw new UserError({ path: "inventory", got: cause.message, accepted: "a CSV file that can be read" }, { cause });
  });
  const inventory = parseInventory(content, file, parseColumnMap(options.map));
  requireKnown(inventory);
  const out = resolve(options.out);
  const stacks = join(out, "stacks");
  const answers = await answersOf(options);
  const drafts = draftStackConfigs(inventory, answers, await discovered(inventory, answers, options));
  const rows = await checkDrafts(stacks, drafts);
  const copy = join(stacks, "applications.csv");
  const kept = inventory.isPlain ? content.toString() : inventoryCsv(inventory);
  await writeProject(
    out,
    { ...Object.fromEntries(drafts.map((d) => [StackFile.pathOf(stacks, d.stack), d.text])), [copy]: kept },
    { force: options.force === true },
  );
  report(stacks, rows, inventory, options);
}

/** What accounts show of each application's old side; nothing unless it is asked for. */
async function discovered(inventory: Inventory, answers: Answers, { discover, profile, role, endpoint }: InitOptions) {
  if (discover !== true) return undefined;
  const old = answers.environments.filter(hasOld);
  if (old.length > 1)
    throw new UserError({
      path: "--discover",
      got: `the environments ${old.join(", ")}`,
      accepted: "one environment beside staging: what is found is not known to be of one or the other",
    });
  const { discoverAll } = await import("./discover.js");
  const all = await discoverAll({ region: [answers.region], profile, role, ...(endpoint === undefined ? {} : { endpoint }) });
  return foundSides(all, inventory, (a) => hostOf(a, answers));
}

/** What flags and environment do not say is asked, once, when somebody can answer. */
async function answersOf({ region, registry, domain, environment }: InitOptions, usualDomain = "example.com"): Promise<Answers> {
  const asks = process.stdin.isTTY === true;
  const readline = asks ? createInterface({ input: process.stdin, output: process.stderr }) : undefined;
  const ask = async (question: string, fallback: string): Promise<string> =>
    (await readline?.question(`${question} [${fallback}]: `))?.trim() || fallback;
  try {
    const usual = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? "us-east-2";
    const theirs = domain ?? (await ask("Domain under which users reach public applications, or - for none", usualDomain));
    return {
      region: region ?? (await ask("AWS region", usual)),
      registry: (registry ?? (await ask("Registry and organisation of your images", "ghcr.io/your-org"))).replace(/\/$/, ""),
      ...(theirs === "-" ? {} : { domain: theirs }),
      environments: environment,
    };
  } finally {
    readline?.close();
  }
}

/** What was drafted, how it was read, and what is left. */
function report(stacks: string, rows: DraftRow[], inventory: Inventory, { output }: OutputOptions): void {
  const cells = inventory.applications.flatMap(({ name, readings }) => readings.map((r) => ({ application: name, ...r })));
  const outside = unknownDependencies(inventory).map(
    (u) => `${u.application} depends on ${u.dependency}, which is not known here: it stays as it is, outside.`,
  );
  const notes = [...inventory.notes, ...outside, ...cycleFindings(inventory)];
  print(output, { stacks, configs: rows, cells, notes }, () =>
    [
      draftsTable(rows),
      "",
      "How each cell was read:",
      tableOf(
        ["APPLICATION", "COLUMN", "CELL", "READ AS", "CONFIDENCE"],
        cells.map((c) => [c.application, c.column, c.text.replace(/\s+/g, " "), c.as, c.confidence]),
      ),
      ...notes,
      ...missingLines(rows),
    ].join("\n"),
  );
  say("Image tags are a guess too: workload.image runs today, strategy.image comes next.");
  sayRehearse(rows);
}
