import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import { stackConfig, writeProject } from "../../bench/harness/stacks.js";
import { boardFor, wrapped } from "../../src/cli/board.js";
import { rehearse } from "../../src/rehearsal/rehearse.js";
import { modelPlan, STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { requireEngine } from "../support/sandbox.js";
import { inTerminal } from "../support/terminal.js";
import { tempFolder } from "../support/tmp.js";
import { MAIN } from "./service.js";

const CTRL_C = "\u0003";

/** The lines as they were written, without colours and movements. */
const linesOf = (shown: string): string[] => shown.split(/[\r\n]+/).map((line) => stripVTControlCharacters(line).trimEnd());

/** Something to write to, and what was written. */
function paper(shape: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
  const parts: string[] = [];
  return { out: { ...shape, write: (text: string) => parts.push(text) }, written: () => parts.join("") };
}

describe("the board of a rehearsal", function () {
  this.timeout(120_000);

  it("[people-5] rewrites one line a stack on a terminal, with n of m and times, at 60, 80 and 200 columns", async () => {
    for (const columns of [60, 80, 200]) {
      const sheet = paper({ isTTY: true, columns, rows: 24 });
      const parts = modelService();
      const migrations = parts.start();
      const out = boardFor(sheet.out);
      const stop = migrations.onProgress((p) => out.progress(p));
      await rehearse(migrations, [{ number: 1, applications: ["web-api"] }], [STACK], (wave) => out.say(`Wave ${wave.number}`));
      stop();
      out.close();
      await migrations.close();
      const lines = linesOf(sheet.written());
      expect(Math.max(...lines.map((l) => l.length)), `${columns} columns`).to.be.below(columns);
      const steps = modelPlan().length;
      const rows = lines.filter((l) => l.startsWith("web-api") && / \d+ of \d+ /.test(l));
      expect(rows.length).to.be.greaterThan(steps);
      for (const row of rows)
        expect(row, row).to.match(new RegExp(`^web-api\\S*… *\\d+ of ${steps} .* \\d+ s$|^${STACK} +\\d+ of ${steps} .*\\d+ s$`));
      // As many lines are taken back as were drawn, so that they are rewritten and nothing else is.
      expect(sheet.written().split("\u001b[J").length).to.be.greaterThan(steps);
      expect(sheet.written().split("\u001b[1A\r\u001b[J").length).to.be.greaterThan(steps);
      expect(lines.some((l) => l.startsWith(`● ${STACK}  `) && l.includes(`, ${steps} of ${steps} steps in`))).to.equal(true);
    }
  });

  it("[people-5] writes plain lines elsewhere, with n of m", async () => {
    const sheet = paper();
    const parts = modelService();
    const migrations = parts.start();
    const out = boardFor(sheet.out);
    migrations.onProgress((p) => out.progress(p));
    await rehearse(migrations, [{ number: 1, applications: ["web-api"] }], [STACK]);
    await migrations.close();
    expect(sheet.written()).to.not.contain("\u001b");
    expect(sheet.written()).to.match(/✓ web-api-production +12 of \d+ {2}\S+/);
  });

  it("[people-5] breaks lines between words, and leaves what is longer than a line to be copied whole", () => {
    const url = "http://127.0.0.1:8080/?token=0123456789012345678901234567890123456789012345678901234567890123456789";
    expect(wrapped(`Open ${url} in a browser`, 60)).to.deep.equal(["Open", `    ${url}`, "    in a browser"]);
    for (const width of [60, 80, 200])
      for (const line of wrapped("a rehearsal of everything that may be said at once and in one line ".repeat(5).trim(), width)) {
        expect(line.length).to.be.at.most(width);
        expect(
          line
            .trim()
            .split(" ")
            .every((w) => "a rehearsal of everything that may be said at once and in one line".split(" ").includes(w)),
        ).to.equal(true);
      }
  });
});

describe("`cutover start` at a terminal", function () {
  this.timeout(900_000);

  it("[people-5] [people-6] survives Ctrl-C and goes on, and ends with one migration that asks, and the command that answers", async function () {
    await requireEngine(this);
    const folder = tempFolder("start");
    const stacks = join(folder, "stacks");
    await mkdir(stacks, { recursive: true });
    const workload = { "cutover:workload": { image: "ghcr.io/your-org/web-api:1.0.0" } };
    await writeProject(stacks, {
      "app-1-staging": stackConfig("app-1", "staging", workload),
      "app-1-production": stackConfig("app-1", "production", workload),
    });
    const start = (columns: number, answers: [string, string][]) =>
      inTerminal([process.execPath, MAIN, "--stacks", stacks, "--state", join(folder, "state"), "start", "--port", "0"], {
        columns,
        answers,
        // As a user's own shell has it: `npm test` sets it, and the command to type is another one then.
        env: { npm_lifecycle_event: undefined },
      });

    const stopped = await start(60, [["containerize.", CTRL_C]]);
    expect(stopped.shown).to.contain("January 2026").and.to.contain("simulated");
    expect(stopped.code, stopped.shown.slice(-2_000)).to.equal(130);
    expect(linesOf(stopped.shown).join(" ")).to.contain("Nothing is lost");
    for (const line of linesOf(stopped.shown)) expect(line.length, line).to.be.below(60);

    const asked = await start(80, [["approve app-1-production --server", CTRL_C]]);
    expect(asked.code, asked.shown.slice(-2_000)).to.equal(0);
    expect(asked.shown).to.contain("app-1-production asks: Are webhooks");
    expect(linesOf(asked.shown).join("\n")).to.match(/^ {4}cutover approve app-1-production --server http:\/\/127\.0\.0\.1:\d+$/m);
    for (const line of linesOf(asked.shown).filter((l) => !l.includes("http") && !l.includes(folder)))
      expect(line.length, line).to.be.below(80);
    // What was done before Ctrl-C is not done again.
    expect(stripVTControlCharacters(asked.shown)).to.not.match(/app-1-staging +0 of /);

    const again = await start(200, [["approve app-1-production --server", CTRL_C]]);
    expect(again.shown).to.contain("The rehearsal is finished").and.to.not.contain("Wave 1");
    expect(again.code).to.equal(0);
  });
});
