// npm test [-- PATH... | WORDS... | mocha options]: set-up, then mocha, fast files first. The last line is always the counts.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { runScript } from "./failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

const LAST = ["test/e2e", "test/real"];
const TIMEOUT_MS = 20_000;
/** A test that left something running must not keep the whole run from ending. */
const GRACE_MS = 15_000;

const say = (line) => void process.stderr.write(`${line}\n`);

/** The built spec files under a source path such as test/inventory or test/inventory/csv.test.ts. */
async function specsUnder(path) {
  const built = join(ROOT, "dist", relative(ROOT, join(ROOT, path)).replace(/\.ts$/, ".js"));
  const found = await stat(built).catch(() => undefined);
  if (found === undefined) return [];
  if (found.isFile()) return [built];
  const entries = await readdir(built, { recursive: true });
  return entries.filter((name) => name.endsWith(".test.js")).map((name) => join(built, name));
}

const rank = (file) => LAST.findIndex((room) => file.startsWith(join(ROOT, "dist", room, "/"))) + 1;
const byRankThenName = (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1);

/** Paths choose files, other words are a text to look for in the titles, and all from the first option on goes to mocha. */
async function choose(args) {
  const firstOption = args.findIndex((arg) => arg.startsWith("-"));
  const plain = firstOption === -1 ? args : args.slice(0, firstOption);
  const options = firstOption === -1 ? [] : args.slice(firstOption);
  const toSource = (arg) =>
    arg
      .replace(/^\.\//, "")
      .replace(/^dist\//, "")
      .replace(/\.js$/, ".ts");
  const isPath = (arg) => toSource(arg).startsWith("test") && existsSync(join(ROOT, toSource(arg)));
  const paths = plain.filter(isPath).map(toSource);
  const words = plain.filter((arg) => !isPath(arg)).join(" ");
  const specs = (await Promise.all((paths.length > 0 ? paths : ["test"]).map(specsUnder))).flat();
  return { specs: [...new Set(specs)].sort(byRankThenName), options: words === "" ? options : ["--fgrep", words, ...options] };
}

/** Runs mocha and keeps the counts its reporter sends on descriptor 3, so that they survive a crash of mocha. */
function runMocha(specs, options) {
  const own = ["--no-config", "--no-package", "--timeout", String(TIMEOUT_MS), "--reporter", join(ROOT, "dist/test/support/reporter.js")];
  const strict = process.env.CI === "true" ? ["--forbid-only"] : [];
  const args = ["--enable-source-maps", join(ROOT, "node_modules/mocha/bin/mocha.js"), ...own, ...strict, ...options, ...specs];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, CUTOVER_TEST_COUNTS_FD: "3" },
    stdio: ["inherit", "inherit", "inherit", "pipe"],
  });
  const counts = { passed: 0, failed: 0, skipped: 0, ended: false };
  let rest = "";
  let grace;
  child.stdio[3].setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) Object.assign(counts, JSON.parse(line));
    if (counts.ended) {
      grace ??= setTimeout(() => {
        say("The tests left something running; mocha was ended.");
        child.kill("SIGKILL");
      }, GRACE_MS);
    }
  });
  // A terminal gives Ctrl-C to mocha as well; a second one would keep it from cleaning up.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(grace);
      resolve({ ...counts, code, signal });
    });
  });
}

await runScript(async () => {
  await setUp();
  const { specs, options } = await choose(process.argv.slice(2));
  if (specs.length === 0) say("There is no test file to run.");
  const result = specs.length === 0 ? { passed: 0, failed: 0, skipped: 0, ended: true, code: 1 } : await runMocha(specs, options);
  if (!result.ended) say(`mocha ended early (${result.signal ?? `exit code ${result.code}`}): the counts are those of the tests before.`);
  const ran = result.passed + result.failed;
  if (result.ended && ran === 0) say("No test ran.");
  process.stdout.write(`${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped\n`);
  const wellEnded = result.ended && (result.code === 0 || result.signal === "SIGKILL");
  return wellEnded && result.failed === 0 && ran > 0 ? 0 : 1;
});
