import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { writeAtomically } from "../src/config/stackFile.js";
import { projectRoot } from "../src/engine/engine.js";
import type { Benchmark, Context, Report } from "./harness/report.js";
import { tableOf } from "./harness/report.js";

/** All benchmarks, in the order in which they run: those of the design's bars first. */
const BENCHMARKS = [
  "advance",
  "dns",
  "fleet",
  "memory",
  "start",
  "reads",
  "load",
  "reaction",
  "emergency",
  "rehearsal",
  "soak",
  "journal",
  "inventory",
  "verification",
  "pause",
  "profile",
] as const;

type Choice = Omit<Context, "folder" | "say" | "times"> & { out: string; rounds?: number };

const count = (text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("accepted: a whole number from 1");
  return Number(text);
};

/** Runs in a process of its own, so that no benchmark weighs on another one's memory. */
async function runOne(name: string, choice: Choice): Promise<Report> {
  const { benchmark } = (await import(new URL(`./${name}.js`, import.meta.url).href)) as { benchmark: Benchmark };
  const folder = await mkdtemp(join(tmpdir(), `cutover-bench-${name}-`));
  try {
    const most = choice.short ? 1 : (choice.rounds ?? Number.POSITIVE_INFINITY);
    return await benchmark.run({
      ...choice,
      folder,
      times: (usually) => Math.min(usually, most),
      say: (line) => void process.stderr.write(`  ${line}\n`),
    });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function inChild(name: string, choice: Choice): Promise<Report | undefined> {
  return new Promise((done) => {
    let report: Report | undefined;
    const child = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, CUTOVER_BENCH: JSON.stringify({ name, choice }) } });
    child.once("message", (message) => {
      report = message as Report;
    });
    child.once("exit", () => done(report));
  });
}

async function runAll(names: string[], choice: Choice): Promise<void> {
  const unknown = names.filter((n) => !(BENCHMARKS as readonly string[]).includes(n));
  if (unknown.length > 0) throw new InvalidArgumentError(`unknown: ${unknown.join(", ")}; accepted: ${BENCHMARKS.join(", ")}`);
  const machine = { cores: availableParallelism(), cpu: cpus()[0]?.model, memoryGb: Math.round(totalmem() / 1e9), node: process.version };
  const reports: Record<string, Report> = {};
  for (const name of names.length > 0 ? names : BENCHMARKS) {
    process.stderr.write(`${name}\n`);
    const report = await inChild(name, choice);
    if (report !== undefined) {
      reports[name] = report;
      // After each one: a run of an hour and a half that is stopped keeps what it has measured.
      await writeAtomically(
        choice.out,
        `${JSON.stringify({ at: new Date().toISOString(), short: choice.short, machine, reports }, undefined, 2)}\n`,
      );
    } else {
      process.stderr.write(`${name} failed\n`);
      // Never for a time: only for a benchmark that did not run.
      process.exitCode = 1;
    }
  }
  process.stdout.write(`${tableOf(reports)}\n\nAll values: ${choice.out}\n`);
}

const task = process.env.CUTOVER_BENCH;
if (task !== undefined) {
  delete process.env.CUTOVER_BENCH;
  const { name, choice } = JSON.parse(task) as { name: string; choice: Choice };
  const report = await runOne(name, choice);
  process.send?.(report, () => process.exit());
} else {
  const program = new Command("npm run bench --")
    .description("Measures cutover beside what a user would run instead; figures of one run compare, figures of two do not.")
    .argument("[benchmark...]", `some of ${BENCHMARKS.join(", ")}; default: all`)
    .option("--short", "few repetitions and small sizes: shows only that every benchmark runs", false)
    .option("--out <file>", "where all values are written", join(projectRoot(), ".cutover", "bench.json"))
    .option("--rounds <number>", "repetitions at most (default: each benchmark's own)", count)
    .option("--applications <number>", "the most applications of the rehearsal", count, 100)
    .option("--stacks <number>", "the most stacks at once", count, 40)
    .option("--migrations <number>", "the migrations that the load is measured beside", count, 10_000)
    .option("--database <url>", "a PostgreSQL for the load, whose journals stay for the next run (default: one that is made for it)")
    .option("--advances <number>", "advances of the soak", count, 1_000)
    .action((names: string[], options: Choice) => runAll(names, { ...options, out: resolve(options.out) }));
  await program.parseAsync();
}
