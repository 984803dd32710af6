import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { stringify } from "yaml";
import { SECRET_MUTABLE_CONFIG } from "../config/secretMutable.js";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { projectRoot } from "../engine/engine.js";
import { Conflict, UserError } from "../errors.js";
import { foundSides } from "../init/found.js";
import { type Missing, missingIn } from "../init/placeholders.js";
import { type Answers, draftStackConfigs, hasOld, hostOf } from "../init/stackConfigs.js";
import { type Inventory, inventoryCsv, parseInventory } from "../inventory/csv.js";
import { cycleFindings, requireKnown, unknownDependencies } from "../inventory/graph.js";
import { parseColumnMap } from "../inventory/mappings.js";
import { type Cli, type OutputOptions, prints } from "./cli.js";
import { print, say, tableOf } from "./output.js";

interface InitOptions extends OutputOptions {
  out: string;
  region?: string;
  registry?: string;
  domain?: string;
  environment: string[];
  map: string[];
  force?: boolean;
  discover?: boolean;
  profile: string[];
  role: string[];
  endpoint?: string;
}

/** A project from an inventory. */
export const initCommand = (_: Cli): Command =>
  prints(new Command("init"))
    .description("make a project from an inventory: stack configs, the inventory itself, and what is left to fill in")
    .argument(
      "<inventory>",
      "a CSV file: Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner; or an export of Azure Migrate, AWS Migration Hub, ServiceNow, RVTools, Device42 or Konveyor",
    )
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
    .action(async (file: string, options: InitOptions) => {
      const content = await readFile(file).catch((cause: Error) => {
        throw new UserError({ path: "inventory", got: cause.message, accepted: "a CSV file that can be read" }, { cause });
      });
      const inventory = parseInventory(content, file, parseColumnMap(options.map));
      requireKnown(inventory);
      const answers = await answersOf(options);
      const drafts = draftStackConfigs(inventory, answers, await discovered(inventory, answers, options));
      const out = resolve(options.out);
      const stacks = join(out, "stacks");
      const files = Object.fromEntries(drafts.map((d) => [StackFile.pathOf(stacks, d.stack), d.text]));
      const kept = inventory.isPlain ? content : Buffer.from(inventoryCsv(inventory));
      await requireFree({ ...files, [join(stacks, "applications.csv")]: kept.toString() }, options.force === true);
      await mkdir(stacks, { recursive: true });
      for (const [path, text] of Object.entries(files)) await writeAtomically(path, text);
      if (!inventory.isPlain) await writeAtomically(join(stacks, "applications.csv"), kept.toString());
      else if (resolve(file) !== join(stacks, "applications.csv")) await copyFile(file, join(stacks, "applications.csv"));
      await writeProject(out);
      await report(
        stacks,
        drafts.map((d) => d.stack),
        inventory,
        options,
      );
    });

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
async function answersOf({ region, registry, domain, environment }: InitOptions): Promise<Answers> {
  const asks = process.stdin.isTTY === true;
  const readline = asks ? createInterface({ input: process.stdin, output: process.stderr }) : undefined;
  const ask = async (question: string, fallback: string): Promise<string> =>
    (await readline?.question(`${question} [${fallback}]: `))?.trim() || fallback;
  try {
    const usual = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? "us-east-2";
    const theirs = domain ?? (await ask("Domain under which users reach public applications, or - for none", "example.com"));
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

/** @throws Conflict before anything is written */
async function requireFree(files: Record<string, string>, force: boolean): Promise<void> {
  const different: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    const there = await readFile(path, "utf8").catch(() => undefined);
    if (there !== undefined && there !== text) different.push(path);
  }
  if (different.length === 0 || force) return;
  throw new Conflict(`There are other files already: ${different.join(", ")}. Nothing was written.`, {
    next: "Name another folder with --out, or replace them with --force.",
  });
}

/** Lets `pulumi` work in the folder: the same program, the folder's own stack configs. */
async function writeProject(out: string): Promise<void> {
  const file = join(out, "Pulumi.yaml");
  if ((await readFile(file, "utf8").catch(() => undefined)) !== undefined) return;
  const main = relative(out, join(projectRoot(), "src", "index.mjs"));
  const runtime = { name: "nodejs", options: { typescript: false } };
  await writeAtomically(file, stringify({ name: "cutover", runtime, main, stackConfigDir: "stacks", config: SECRET_MUTABLE_CONFIG }));
}

/** Reads back what was written: it must be valid but for its secrets, and have a plan. */
async function report(stacks: string, names: string[], inventory: Inventory, { output }: OutputOptions): Promise<void> {
  const { buildPlan } = await import("../automation/plan/plan.js");
  const rows: { stack: string; strategy: string; steps: number; missing: Missing[] }[] = [];
  for (const stack of names) {
    const file = await StackFile.read(stacks, stack);
    const config = file.shape();
    rows.push({ stack, strategy: config.strategy.kind, steps: buildPlan(config).length, missing: missingIn(file.raw()) });
  }
  const cells = inventory.applications.flatMap(({ name, readings }) => readings.map((r) => ({ application: name, ...r })));
  const outside = unknownDependencies(inventory).map(
    (u) => `${u.application} depends on ${u.dependency}, which is not known here: it stays as it is, outside.`,
  );
  const notes = [...inventory.notes, ...outside, ...cycleFindings(inventory)];
  print(output, { stacks, configs: rows, cells, notes }, () =>
    [
      tableOf(
        ["STACK", "STRATEGY", "STEPS", "TO FILL IN"],
        rows.map((r) => [r.stack, r.strategy, r.steps, r.missing.length]),
      ),
      "",
      "How each cell was read:",
      tableOf(
        ["APPLICATION", "COLUMN", "CELL", "READ AS", "CONFIDENCE"],
        cells.map((c) => [c.application, c.column, c.text.replace(/\s+/g, " "), c.as, c.confidence]),
      ),
      ...notes,
      ...rows.flatMap((r) => [
        ...(r.missing.length === 0 ? [] : ["", r.stack]),
        ...r.missing.map((m) => `  ${m.path}: ${m.got} (${m.hint})`),
      ]),
    ].join("\n"),
  );
  say("Image tags are a guess too: workload.image runs today, strategy.image comes next.");
  say(`Rehearse it as it is: cutover rehearse --stack ${names.find((n) => n.endsWith("-production")) ?? names[0]}`);
}
