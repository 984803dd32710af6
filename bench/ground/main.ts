import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { hasNameServer } from "./names.js";
import { SCALE } from "./pace.js";
import type { Protections } from "./protections.js";
import { type Extent, LATE, migration, type Run, type Upgrade, upgrade } from "./scenarios.js";
import { type Row, tableOf } from "./table.js";

const USERS = 60;
const WEB_SOCKETS = 10;
const QUICK = { replicas: 3, startupSeconds: 15 };
/** What an application of several minutes' start, and one of a single pod, make of it. */
const SLOW = { replicas: 3, startupSeconds: 240 };
const SINGLE = { replicas: 1, startupSeconds: 15, healthEverySeconds: 60 };

const OFF: Record<keyof Protections, string> = {
  preStop: "the pre-stop pause",
  deregistrationDelay: "the deregistration delay",
  readinessGate: "the pod readiness gate",
  readinessBeforeWeight: "readiness before weight",
  gates: "the gates of error rate and latency",
  weightsFirst: "weights first in an emergency",
};

const TO_ITS_END = "migration, to the end of a regression at 25 %";
const REGRESSIONS: Record<Extent, string> = {
  regression: "migration with a regression at 25 %, to 100 %",
  "at-once": `${TO_ITS_END}, tried again at once`,
  emergency: TO_ITS_END,
  end: TO_ITS_END,
};

type Scenario = (run: Run, off: keyof Protections | undefined) => Promise<Row[]>;

const upgrading =
  (what: string, of: Upgrade): Scenario =>
  async (run, off) => [{ what, ...named(off), snapshot: await upgrade(run, of) }];

const moving =
  (extent: Extent): Scenario =>
  async (run, off) => {
    const { afterRegression, rolledBack, emergency, brokenAfter, end, orders } = await migration(run, extent);
    const regression = {
      what: REGRESSIONS[extent],
      ...named(off),
      snapshot: afterRegression,
      bad: afterRegression.injected,
      ...(rolledBack === undefined ? {} : { back: rolledBack }),
    };
    if (emergency === undefined || brokenAfter === undefined) return [{ ...regression, orders }];
    const what = extent === "end" ? "the whole migration, with an emergency at 50 %" : "migration, to the end of an emergency at 50 %";
    return [regression, { what, ...named(off), snapshot: end, back: emergency, bad: brokenAfter, orders }];
  };

const named = (off: keyof Protections | undefined) => (off === undefined ? {} : { off: OFF[off] });

const rolling = upgrading("new version, pod by pod", { kind: "rolling", ...QUICK });
const single = upgrading("the same with one pod, health asked every 60 s", { kind: "rolling", ...SINGLE });
const colours = upgrading("new version by colours, starts in 240 s", { kind: "blue-green", ...SLOW });

/** Each protection beside the same without it. */
const ALL: [name: string, Scenario, (keyof Protections)?][] = [
  ["rolling", rolling],
  ["pre-stop", rolling, "preStop"],
  ["deregistration", rolling, "deregistrationDelay"],
  ["single", single],
  ["readiness-gate", single, "readinessGate"],
  ["colours", colours],
  ["readiness-before-weight", colours, "readinessBeforeWeight"],
  ["migration", moving("end")],
  ["at-once", moving("at-once")],
  ["gates", moving("regression"), "gates"],
  ["weights-first", moving("emergency"), "weightsFirst"],
];
const SHORT = ["rolling", "pre-stop"];

async function run(names: string[], { short, json }: { short: boolean; json: boolean }): Promise<void> {
  if (!hasNameServer()) throw new Error("gdnsd is missing: apt-get install gdnsd");
  const unknown = names.filter((n) => !ALL.some(([name]) => name === n));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(", ")}; accepted: ${ALL.map(([name]) => name).join(", ")}`);
  const wanted = names.length > 0 ? names : short ? SHORT : ALL.map(([name]) => name);
  const rows: Row[] = [];
  for (const [name, scenario, off] of ALL.filter(([n]) => wanted.includes(n))) {
    const folder = await mkdtemp(join(tmpdir(), "cutover-ground-"));
    const began = Date.now();
    const say = (line: string) => void process.stderr.write(`  ${name} ${Math.round((Date.now() - began) / 1_000)} s: ${line}\n`);
    try {
      const made = await scenario({ folder, ...(off === undefined ? {} : { off }), users: USERS, webSockets: WEB_SOCKETS, say }, off);
      rows.push(...made);
      process.stderr.write(`${tableOf(made)}\n`);
    } catch (error) {
      process.stderr.write(`${name} failed: ${(error as Error).stack}\n`);
      process.exitCode = 1;
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  if (json) return void process.stdout.write(`${JSON.stringify(rows)}\n`);
  const load = `${USERS} users with a request a second each and ${WEB_SOCKETS} WebSockets with two messages a second`;
  process.stdout.write(
    `${tableOf(rows)}\n\nLoad: ${load}. One user's resolver in ${LATE.every} keeps answers ${LATE.factor} times as long as it may. One real second stands for ${SCALE} of the world. ${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}.\n`,
  );
}

// Whoever ends it leaves no process behind: those are ended as this one exits.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const program = new Command("npm run proving-ground --")
  .description("Drives cutover over real servers, load balancers, name server and users, and counts every answer.")
  .argument("[run...]", `some of ${ALL.map(([name]) => name).join(", ")}; default: all`)
  .option("--short", "a new version pod by pod, with everything and without the pre-stop pause", false)
  .option("--json", "every failure and count", false)
  .action((names: string[], options: { short: boolean; json: boolean }) => run(names, options));
await program.parseAsync();
process.exit();
