import { resolve } from "node:path";
import { Command } from "commander";
import { StackFile } from "../config/stackFile.js";
import type { plannedStep } from "../http/views.js";
import { computeWaves, cycleFindings } from "../inventory/graph.js";
import type { DatabaseReadiness } from "../ports/readiness.js";
import { duration } from "../report/format.js";
import { type Cli, type OutputOptions, prints } from "./cli.js";
import { type Paint, paintFor, print, tableOf } from "./output.js";
import { folderProject } from "./project.js";

type Planned = ReturnType<typeof plannedStep>;

/** The plan knows the components, which take a while to load. */
const planned = () => Promise.all([import("../automation/plan/plan.js"), import("../http/views.js")]).then(([p, v]) => ({ ...p, ...v }));

/** The plan of a stack, from its stack config alone: no service and no account is needed. */
export const planCommand = (cli: Cli): Command =>
  prints(new Command("plan"))
    .description("show every step of a stack's plan, with its gates and its way back; without a name, the waves")
    .argument("[stack]", "for example: web-api-production")
    .option("--targets <file>", "how real environments are reached: also whether the databases are ready to move")
    .option("--ways-back", "how each step is undone, and what that loses")
    .action(async (stack: string | undefined, options: OutputOptions & { waysBack?: boolean; targets?: string }) => {
      const { root, stacks } = cli.globals();
      if (stack === undefined) return showWaves(stacks, options);
      const config = (await StackFile.read(stacks, stack)).shape();
      const { buildPlan, plannedStep } = await planned();
      const steps = buildPlan(config).map((step) => plannedStep(step, config));
      const readiness =
        options.targets === undefined
          ? undefined
          : await (await import("../doctor/database.js")).readinessOfStack({ root, stacks, stack, targets: resolve(options.targets) });
      print(options.output, { stack, steps, ...(readiness === undefined ? {} : { readiness }) }, () =>
        [
          planText(steps, options.waysBack === true, paintFor(process.stdout)),
          ...(readiness === undefined ? [] : ["", readinessText(readiness)]),
        ].join("\n"),
      );
    });

/** The report as the portal and the step that tests the replica have it. */
function readinessText({ standing, findings, why }: DatabaseReadiness): string {
  if (standing === "none") return "No database moves with this application.";
  if (standing === "past") return "Writes are stopped, or the new database was promoted: readiness was a question of before.";
  if (standing === "unknown") return `It is not known whether the databases are ready to move: ${why ?? "no answer"}`;
  if (findings.length === 0) return "Nothing speaks against the move of the database.";
  return findings.map((f) => `${f.kind.padEnd(7)}  ${f.what}: ${f.means}\n${" ".repeat(9)}→ ${f.cure}`).join("\n");
}

async function showWaves(stacks: string, { output }: OutputOptions): Promise<void> {
  const { buildPlan } = await planned();
  const inventory = await folderProject(stacks).inventory();
  const waves = computeWaves(inventory);
  const findings = cycleFindings(inventory);
  const names = await StackFile.list(stacks);
  const rows = await Promise.all(
    waves.flatMap((applications, i) =>
      applications.flatMap((application) =>
        names
          .filter((n) => n.startsWith(`${application}-`))
          .map(async (stack) => {
            const config = (await StackFile.read(stacks, stack)).shape();
            return { wave: i + 1, application, stack, strategy: config.strategy.kind, steps: buildPlan(config).length };
          }),
      ),
    ),
  );
  print(output, { waves: rows, findings }, () =>
    [
      tableOf(
        ["WAVE", "APPLICATION", "STACK", "STRATEGY", "STEPS"],
        rows.map((r) => [r.wave, r.application, r.stack, r.strategy, r.steps]),
      ),
      ...findings,
    ].join("\n"),
  );
}

function planText(steps: Planned[], waysBack: boolean, paint: Paint): string {
  let phase = "";
  return steps
    .flatMap((step, i) => {
      const head = step.phase === phase ? [] : ["", paint("bold", step.phase)];
      phase = step.phase;
      const number = String(i + 1).padStart(4);
      const gates = step.gates.map((g) => `${g.gate}${g.holdSeconds > 0 ? ` for ${duration(g.holdSeconds * 1_000)}` : ""}`);
      const unanswered = step.gates.flatMap((g) =>
        "noSource" in g ? [`does not begin: nothing can answer ${g.gate}: ${g.noSource}`] : [],
      );
      return [
        ...head,
        `${number}  ${step.kind.padEnd(8)}  ${step.id}${step.pointOfNoReturn ? paint("red", "  point of no return") : ""}`,
        `${" ".repeat(16)}${paint("dim", step.title)}`,
        ...(gates.length === 0 ? [] : [`${" ".repeat(16)}${paint("dim", `gates: ${gates.join(", ")}`)}`]),
        ...unanswered.map((text) => `${" ".repeat(16)}${paint("red", text)}`),
        ...(waysBack ? [`${" ".repeat(16)}back: ${step.wayBack.summary} Loses: ${step.wayBack.loses}.`] : []),
      ];
    })
    .join("\n")
    .trimStart();
}
