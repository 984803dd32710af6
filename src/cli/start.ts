import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildPlan, type Plan } from "../automation/plan/plan.js";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { computeWaves, cycleFindings } from "../inventory/graph.js";
import { questionIn, rehearse, type Wave } from "../rehearsal/rehearse.js";
import { collectReport } from "../report/collect.js";
import { renderHtml } from "../report/html.js";
import { renderMarkdown } from "../report/markdown.js";
import { renderTerminal } from "../report/terminal.js";
import type { OpenSandbox } from "../sandbox/open.js";
import { forgetSandbox } from "../sandbox/project.js";
import { requireFreePort } from "../server.js";
import { openAccess } from "../service/access.js";
import { type Board, boardFor } from "./board.js";
import { faultsByStack } from "./faults.js";
import { isColoured } from "./output.js";
import { type CommandOptions, folderProject, rehearsalsIn, sandboxFolder } from "./project.js";
import { listen, servingLines } from "./serve.js";
import { untilStopped } from "./stop.js";
import { withSandbox } from "./withSandbox.js";

/** The sample project's stack that goes back once, so that a way back is seen. */
const SAMPLE = "web-api-production";
/** For what runs at Ctrl-C, in milliseconds. */
const STOP_MS = 10_000;
const DEFAULT_PORT = 8_080;

export interface StartOptions extends CommandOptions {
  exit?: boolean;
  fresh?: boolean;
  fault?: string[];
  port: number;
}

/**
 * The main job on the embedded default: the rehearsal of all applications, its report, then the service. Where it goes on to
 * serve, one migration is left where it asks a person. A rehearsal that is finished is served again, until `--fresh`.
 */
export async function start(options: StartOptions): Promise<void> {
  const out = boardFor(process.stdout);
  const stacks = await StackFile.list(options.stacks);
  // Before anything is made: a mistake in a stack config or in the inventory is told at once.
  const plans = new Map<string, Plan>();
  for (const stack of stacks) plans.set(stack, buildPlan((await StackFile.read(options.stacks, stack)).shape()));
  const faults = faultsByStack(options.fault ?? (stacks.includes(SAMPLE) ? [`${SAMPLE}:errors@25%`] : []), stacks);
  const inventory = await folderProject(options.stacks).inventory();
  const waves: Wave[] = computeWaves(inventory).map((applications, i) => ({ number: i + 1, applications }));

  if (options.exit !== true) await requireFreePort("127.0.0.1", options.port);
  for (const finding of cycleFindings(inventory)) out.say(finding);

  const folder = sandboxFolder(options.state);
  const finished = join(folder, "finished");
  const serveOnly = options.exit !== true && options.fresh !== true && options.fault === undefined && (await exists(finished));
  if (!serveOnly && (options.fresh === true || (await exists(finished)))) await forgetSandbox(folder);
  await mkdir(options.state, { recursive: true });
  const stopped = untilStopped();
  if (serveOnly) out.say("The rehearsal is finished, and shown as it is; `npm start -- --fresh` rehearses again.");
  else for (const line of WHAT_IT_IS) out.say(line);
  await withSandbox({ ...options, faults, say: out.say }, async (open) => {
    const leave = options.exit === true ? undefined : questionIn(plans);
    if (!serveOnly) {
      const stop = open.migrations.onProgress((p) => out.progress(p));
      const rehearsed = rehearse(
        open.migrations,
        waves,
        stacks,
        (wave) => out.say(`\nWave ${wave.number}: ${wave.applications.join(", ")}`),
        leave,
      );
      let over = false;
      await Promise.race([rehearsed, stopped.then(() => (over ? undefined : interrupted(open, out, rehearsed)))]);
      over = true;
      stop();
      out.close();
      await report(open, options.state, out.say);
      await writeAtomically(finished, new Date().toISOString());
    }
    if (options.exit === true) return;
    await open.migrations.resumeAll();
    const opened = await openAccess({ state: options.state, host: "127.0.0.1", namesPeople: true });
    try {
      const server = await listen(opened, { migrations: open.migrations, rehearsals: rehearsalsIn(options.state), port: options.port });
      out.close();
      out.say(`\n${servingLines(server)}`);
      for (const line of await nextCommand(open, server.url)) out.say(line);
      await stopped;
      await server.close();
    } finally {
      await opened.close();
    }
  });
}

/** Said first: dates of a year that is not this one look like a mistake. */
const WHAT_IT_IS = [
  "A rehearsal: the engine, the service and the program are real, all they talk to is simulated. No AWS account, cluster, database or name server is touched.",
  "Its clock is simulated too: it begins in January 2026, and ten weeks pass in minutes.",
];

/** Commands as they are typed: through the checkout's script, or by the package's own name. */
const typed = (): string => (process.env.npm_lifecycle_event === undefined ? "cutover" : "npm run cutover --");

/** Ends what runs and the process: the next start goes on there. */
async function interrupted({ migrations }: OpenSandbox, out: Board, rehearsed: Promise<void>): Promise<never> {
  out.close();
  out.say("Stopping: what runs is given ten seconds to finish. Ctrl-C again ends at once.");
  rehearsed.catch(() => undefined);
  await migrations.close({ deadlineMs: STOP_MS });
  out.say("Stopped. Nothing is lost: the same command goes on from here, and --fresh begins again.");
  process.exit(130);
}

/** What a person is asked, with the command that answers. */
async function nextCommand({ migrations }: OpenSandbox, url: string): Promise<string[]> {
  const waiting = (await migrations.list()).find(({ state }) => state.status === "approval");
  const step = waiting?.plan[waiting.state.position];
  if (waiting === undefined || step?.kind !== "approval") return [];
  const server = url.endsWith(`:${DEFAULT_PORT}`) ? "" : ` --server ${url}`;
  return [
    "",
    `${waiting.stack} asks: ${step.asks}`,
    "Answer in the portal, or in another terminal:",
    `    ${typed()} approve ${waiting.stack}${server}`,
  ];
}

async function report(open: OpenSandbox, folder: string, say: (line: string) => void): Promise<void> {
  const built = await collectReport(
    open.migrations,
    (await open.migrations.list()).map((m) => m.stack),
  );
  await writeAtomically(join(folder, "report.json"), `${JSON.stringify(built, undefined, 2)}\n`);
  await writeAtomically(join(folder, "report.md"), renderMarkdown(built));
  await writeAtomically(join(folder, "report.html"), renderHtml(built));
  say(renderTerminal(built, { width: Math.min((process.stdout.columns ?? 101) - 1, 100), colour: isColoured(process.stdout) }));
  say(`Report: ${join(folder, "report.html")}, and beside it report.md and report.json`);
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
