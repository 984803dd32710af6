// npm run reliability [-- PATH...]: runs the tests that break things on purpose, and writes docs/reliability.md from what they found.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runScript } from "./failure.mjs";
import { chooseSpecs, runMocha, wentWell } from "./mocha.mjs";
import { setUp } from "./setup.mjs";

const TESTS = ["test/automation/decide/promises.property.test.ts", "test/e2e/crashes.test.ts", "test/e2e/processes.test.ts"];
const PAGE = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "reliability.md");
const BEGIN = "<!-- faults: made by npm run reliability -->\n";
const END = "<!-- end of faults -->";

const cell = (text) => String(text).replaceAll("|", "\\|");

await runScript(async () => {
  await setUp();
  const folder = await mkdtemp(join(tmpdir(), "cutover-reliability-"));
  try {
    const findings = join(folder, "findings.ndjson");
    const given = process.argv.slice(2);
    const { specs, options } = await chooseSpecs(given.length > 0 ? given : TESTS);
    const result = await runMocha(specs, options, { env: { ...process.env, CUTOVER_FINDINGS: findings } });
    if (!wentWell(result)) return 1;
    const rows = (await readFile(findings, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const lines = rows
      .sort((a, b) => (a.fault < b.fault ? -1 : 1))
      .map((r) => `| ${cell(r.fault)} | ${cell(r.where)} | ${r.tried} | ${cell(r.outcome)} |`);
    const table = `| fault | where injected | times tried | outcome |\n|---|---|---|---|\n${lines.join("\n")}\n`;
    const page = await readFile(PAGE, "utf8");
    const [before, rest = ""] = page.split(BEGIN);
    await writeFile(
      PAGE,
      `${before}${BEGIN}\nFrom a run on ${new Date().toISOString().slice(0, 10)}.\n\n${table}\n${END}${rest.split(END)[1] ?? "\n"}`,
    );
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
