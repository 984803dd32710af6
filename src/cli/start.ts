import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { computeWaves, cycleFindings } from "../inventory/graph.js";
import { rehearse, type Wave } from "../rehearsal/rehearse.js";
import { collectReport } from "../report/collect.js";
import { renderHtml } from "../report/html.js";
import { renderMarkdown } from "../report/markdown.js";
import { renderTerminal } from "../report/terminal.js";
import type { OpenSandbox } from "../sandbox/open.js";
import { forgetSandbox } from "../sandbox/project.js";
import { requireFreePort } from "../server.js";
import { openAccess } from "../service/access.js";
import { faultsByStack } from "./faults.js";
import { isColoured } from "./output.js";
import { printer } from "./progress.js";
import { type CommandOptions, folderProject, rehearsalsIn, sandboxFolder } from "./project.js";
import { listen, servingLines } from "./serve.js";
import { untilStopped } from "./stop.js";
import { withSandbox } from "./withSandbox.js";

export interface StartOptions extends CommandOptions {
  exit?: boolean;
  fresh?: boolean;
  fault: string[];
  port: number;
}

/** The main job on the embedded default: the rehearsal of all applications, its report, then the service. */
export async function start(options: StartOptions): Promise<void> {
  const out = printer(process.stdout, process.stdout.columns);
  const stacks = await StackFile.list(options.stacks);
  // Before anything is made: a mistake in a stack config or in the inventory is told at once.
  for (const stack of stacks) (await StackFile.read(options.stacks, stack)).shape();
  const faults = faultsByStack(options.fault, stacks);
  const inventory = await folderProject(options.stacks).inventory();
  const waves: Wave[] = computeWaves(inventory).map((applications, i) => ({ number: i + 1, applications }));

  if (options.exit !== true) await requireFreePort("127.0.0.1", options.port);
  for (const finding of cycleFindings(inventory)) out.say(finding);

  const folder = sandboxFolder(options.state);
  const finished = join(folder, "finished");
  if (options.fresh === true || (await exists(finished))) await forgetSandbox(folder);
  await mkdir(options.state, { recursive: true });
  await withSandbox({ ...options, faults, say: out.say }, async (open) => {
    open.migrations.onProgress((p) => out.progress(p));
    await rehearse(open.migrations, waves, stacks, (wave) => out.say(`\nWave ${wave.number}: ${wave.applications.join(", ")}`));
    await report(open, options.state, out.say);
    await writeAtomically(finished, new Date().toISOString());
    if (options.exit === true) return;
    const opened = await openAccess({ state: options.state, host: "127.0.0.1", namesPeople: true });
    try {
      const server = await listen(opened, { migrations: open.migrations, rehearsals: rehearsalsIn(options.state), port: options.port });
      out.say(`\n${servingLines(server)}`);
      await untilStopped();
      await server.close();
    } finally {
      await opened.close();
    }
  });
}

async function report(open: OpenSandbox, folder: string, say: (line: string) => void): Promise<void> {
  const built = await collectReport(
    open.migrations,
    (await open.migrations.list()).map((m) => m.stack),
  );
  await writeAtomically(join(folder, "report.json"), `${JSON.stringify(built, undefined, 2)}\n`);
  await writeAtomically(join(folder, "report.md"), renderMarkdown(built));
  await writeAtomically(join(folder, "report.html"), renderHtml(built));
  say(renderTerminal(built, { width: Math.min(process.stdout.columns ?? 100, 100), colour: isColoured(process.stdout) }));
  say(`Report: ${join(folder, "report.html")}, and beside it report.md and report.json`);
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
