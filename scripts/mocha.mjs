// Chooses spec files and runs mocha over them, keeping the counts in this process, where a crash of mocha cannot take them along.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "./failure.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const LAST = ["test/e2e", "test/real"];
const TIMEOUT_MS = 20_000;
/** A test that left something running must not keep the whole run from ending. */
const GRACE_MS = 15_000;

/** The built spec files under a source path such as test/inventory or test/inventory/csv.test.ts. */
async function specsUnder(path) {
  const built = join(ROOT, "dist", path.replace(/\.ts$/, ".js"));
  const found = await stat(built).catch(() => undefined);
  if (found === undefined) return [];
  if (found.isFile()) return [built];
  const entries = await readdir(built, { recursive: true });
  return entries.filter((name) => name.endsWith(".test.js")).map((name) => join(built, name));
}

const rank = (file) => LAST.findIndex((room) => file.startsWith(join(ROOT, "dist", room, "/"))) + 1;
const byRankThenName = (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1);

/** Paths choose files, other words are a text to look for in the titles, and all from the first option on goes to mocha. */
export async function chooseSpecs(args) {
  const firstOption = args.findIndex((arg) => arg.startsWith("-"));
  const plain = firstOption === -1 ? args : args.slice(0, firstOption);
  const options = firstOption === -1 ? [] : args.slice(firstOption);
  const toSource = (arg) =>
    arg
      .replace(/^\.\//, "")
      .replace(/^dist\//, "")
      .replace(/\.js$/, ".ts");
  const isPath = (arg) => toSource(arg).startsWith("test") && existsSync(join(ROOT, toSource(arg)));
  const absent = plain.find((arg) => toSource(arg).startsWith("test/") && !isPath(arg));
  if (absent !== undefined)
    throw new Failure(`${absent} does not exist; accepted: a file or folder under test/, or words of a test's title.`);
  const paths = plain.filter(isPath).map(toSource);
  const words = plain.filter((arg) => !isPath(arg)).join(" ");
  const specs = (await Promise.all((paths.length > 0 ? paths : ["test"]).map(specsUnder))).flat();
  return { specs: [...new Set(specs)].sort(byRankThenName), options: words === "" ? options : ["--fgrep", words, ...options] };
}

/** Runs mocha and keeps the counts its reporter sends on descriptor 3, so that they survive a crash of mocha. */
export function runMocha(
  specs,
  options,
  { env = process.env, output = "inherit", graceMs = GRACE_MS, say = () => {}, onCount = () => {} } = {},
) {
  const own = ["--no-config", "--no-package", "--timeout", String(TIMEOUT_MS), "--reporter", join(ROOT, "dist/test/support/reporter.js")];
  const strict = env.CI === "true" ? ["--forbid-only"] : [];
  const args = ["--enable-source-maps", join(ROOT, "node_modules/mocha/bin/mocha.js"), ...own, ...strict, ...options, ...specs];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...env, CUTOVER_TEST_COUNTS_FD: "3" },
    stdio: ["inherit", output, output, "pipe"],
  });
  const counts = { passed: 0, failed: 0, skipped: 0, ended: false };
  let rest = "";
  let grace;
  child.stdio[3].setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) onCount(Object.assign(counts, JSON.parse(line)));
    if (counts.ended) {
      grace ??= setTimeout(() => {
        say("The tests left something running; mocha was ended.");
        child.kill("SIGKILL");
      }, graceMs);
    }
  });
  // A terminal gives Ctrl-C to mocha as well; a second one would keep it from cleaning up.
  const onInterrupt = () => process.stdin.isTTY || child.kill("SIGINT");
  const onTerminate = () => child.kill("SIGTERM");
  process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(grace);
      process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
      resolve({ ...counts, code, signal });
    });
  });
}

/** Did the run go well? Not when mocha ended early, when a test failed, and not when no test ran. */
export function wentWell(result) {
  const mochaIsContent = result.code === 0 || result.signal === "SIGKILL"; // Ended by us after all tests: see GRACE_MS.
  return result.ended && mochaIsContent && result.failed === 0 && result.passed > 0;
}
