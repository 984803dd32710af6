// npm run fleet [-- NAME...]: takes the real applications of examples/fleet through their whole migration in the sandbox on the real
// engine, each with errors among the first users and the rollback that comes of them, and writes what came of it into the table of its
// README, row by row; those of other applications stay.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { Failure, runScript } from "./failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

const FLEET = join(ROOT, "examples", "fleet");
const STACKS = join(FLEET, "stacks");
const PAGE = join(FLEET, "README.md");
const BEGIN = "<!-- rehearsals: made by npm run fleet -->\n";
const END = "<!-- end of rehearsals -->";
const HEAD =
  "| application | moves weaker, or by people | rehearsal | rollback on the way | no writes | rehearsed on |\n|---|---|---|---|---|---|\n";
const FAULT = "errors@25%";
const MINUTE = 60_000;

const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
const minutes = (ms) => (ms === undefined ? "never" : `${Math.round((ms / MINUTE) * 10) / 10} min`);

async function rehearsed(name, folder) {
  const { runRehearsal } = await import("../dist/src/rehearsal/run.js");
  return runRehearsal({
    root: ROOT,
    stacks: STACKS,
    folder,
    chosen: [`${name}-production`],
    faults: [FAULT],
    seed: 1,
    budget: { usersBackMinutes: 15, mayLoseData: false },
    onEntry: () => {},
    onRestart: () => {},
  });
}

/** One line of the table. */
function rowOf(name, losses, { verdict, reasons, migrations }) {
  const [migration] = migrations;
  const [back] = migration?.rollbacks ?? [];
  const rollback = back === undefined ? "none" : `users back in ${minutes(back.usersBackMs)}, all done in ${minutes(back.doneMs)}`;
  const why = verdict === "go" ? "" : `: ${reasons.join(" ")}`;
  const pause = migration?.writePauseMs === undefined ? "none" : minutes(migration.writePauseMs);
  const verdictCell = `${verdict === "go" ? "GO" : "NO-GO"}${cell(why)}`;
  const date = new Date().toISOString().slice(0, 10);
  return `| ${name} | ${losses.length === 0 ? "nothing" : losses.join("; ")} | ${verdictCell} | ${rollback} | ${pause} | ${date} |\n`;
}

/** The page with a row in the place of the application's earlier one. */
function written(page, all, name, row) {
  const [before = "", rest = ""] = page.split(BEGIN);
  const [there = "", after = "\n"] = rest.split(END);
  const rows = new Map(
    there.split("\n").flatMap((line) => {
      const of = /^\| ([\w-]+) \|/.exec(line)?.[1];
      return of !== undefined && all.includes(of) ? [[of, `${line}\n`]] : [];
    }),
  );
  rows.set(name, row);
  const missing = all.filter((other) => !rows.has(other));
  const told = missing.length === 0 ? "" : `\nNot rehearsed yet: ${missing.join(", ")}.\n`;
  return `${before}${BEGIN}\n${HEAD}${all.flatMap((other) => rows.get(other) ?? []).join("")}${told}\n${END}${after}`;
}

await runScript(async () => {
  await setUp();
  const { useEngine } = await import("../dist/src/engine/engine.js");
  const { StackFile } = await import("../dist/src/config/stackFile.js");
  await useEngine((line) => void process.stderr.write(`${line}\n`));
  const all = (await StackFile.list(STACKS)).filter((s) => s.endsWith("-production")).map((s) => s.replace(/-production$/, ""));
  const given = process.argv.slice(2);
  const stranger = given.find((name) => !all.includes(name));
  if (stranger !== undefined) throw new Failure(`There is no application ${stranger}; there are ${all.join(", ")}.`);
  const losses = parse(await readFile(join(FLEET, "losses.yaml"), "utf8"));
  const folder = await mkdtemp(join(tmpdir(), "cutover-fleet-"));
  let unexpected = 0;
  try {
    for (const name of given.length > 0 ? given : all) {
      process.stderr.write(`${name}: …\n`);
      const outcome = await rehearsed(name, folder);
      // What the config itself says is open is no surprise.
      const { questions } = (await StackFile.read(STACKS, `${name}-production`)).shape();
      if ((outcome.verdict === "go") !== (questions.length === 0)) unexpected += 1;
      const row = rowOf(name, losses[name] ?? [], outcome);
      // At once: what was rehearsed stands there, whatever becomes of the others.
      await writeFile(PAGE, written(await readFile(PAGE, "utf8"), all, name, row));
      process.stdout.write(row);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return unexpected === 0 ? 0 : 1;
});
