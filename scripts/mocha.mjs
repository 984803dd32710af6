// Chooses spec files and runs mocha over them, keeping the counts in this process, where a crash of mocha cannot take them along.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join, relative } from "node:path";
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

/** Seconds that each slow file took on two cores; what is not listed is quick. `CUTOVER_TEST_TIMES=test/times.json npm test` writes it. */
const times = async () => JSON.parse(await readFile(join(ROOT, "test", "times.json"), "utf8").catch(() => "{}"));

/** What runs in one process: quick files of a folder together and first, then each slow file alone, the longest first. */
export async function batchesOf(specs) {
  const seconds = await times();
  const nameOf = (spec) => relative(join(ROOT, "dist"), spec).replace(/\.js$/, ".ts");
  const slow = specs.filter((spec) => (seconds[nameOf(spec)] ?? 0) > 0).sort((a, b) => seconds[nameOf(b)] - seconds[nameOf(a)]);
  const quick = new Map();
  for (const spec of specs.filter((s) => !slow.includes(s))) {
    const room = relative(join(ROOT, "dist", "test"), spec).split("/")[0];
    quick.set(room, [...(quick.get(room) ?? []), spec]);
  }
  const batches = [...quick]
    .map(([room, files]) => ({ name: `test/${room}`, specs: files }))
    .concat(slow.map((spec) => ({ name: nameOf(spec), specs: [spec] })));
  return existsSync(process.env.CUTOVER_CLUSTER_BUILDING ?? "") ? clusterLast(batches) : batches;
}

/** While CI still builds the control plane, what waits for it would keep the others from beginning. */
async function clusterLast(batches) {
  const support = join(ROOT, "dist", "test", "support");
  const read = async (name) => [name, await readFile(join(support, name), "utf8")];
  const modules = await Promise.all((await readdir(support)).filter((name) => name.endsWith(".js")).map(read));
  // The control plane's own module, and each of the support that opens it for a suite.
  const ways = ["cluster.js", ...modules.filter(([, text]) => text.includes("clusterForSuite(")).map(([name]) => name)];
  const needsCluster = async (spec) => {
    const text = await readFile(spec, "utf8");
    return ways.some((name) => text.includes(`support/${name}"`));
  };
  const waits = await Promise.all(batches.map(async ({ specs }) => (await Promise.all(specs.map(needsCluster))).includes(true)));
  return [...batches.filter((_, i) => !waits[i]), ...batches.filter((_, i) => waits[i])];
}

/** Processes side by side: one more than cores, since tests wait as often as they work, and 3 GiB of memory for each. */
const sideBySide = () => Math.max(1, Math.min(availableParallelism() + 1, Math.floor(totalmem() / 3 / 2 ** 30)));

/** Runs every batch in a process of its own, several side by side, and prints the output of each once it has ended. */
export async function runBatches(batches, options, { env = process.env, jobs = sideBySide(), print = process.stdout, ...rest } = {}) {
  const results = [];
  const waiting = [...batches];
  const running = new Map();
  const total = () => sum([...results, ...running.values()]);
  const worker = async () => {
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      const begun = Date.now();
      const output = [];
      const result = await runMocha(batch.specs, options, {
        ...rest,
        env,
        output: "pipe",
        onOutput: (chunk) => output.push(chunk),
        onCount: (counts) => {
          running.set(batch, { ...counts });
          rest.onCount?.(total());
        },
      });
      running.delete(batch);
      results.push({ ...result, batch });
      rest.onCount?.(total());
      print.write(`\n== ${batch.name} (${results.length} of ${batches.length}, ${Math.round((Date.now() - begun) / 1_000)} s)\n`);
      print.write(Buffer.concat(output));
      if (!result.ended) print.write(`mocha ended early in ${batch.name} (${result.signal ?? `exit code ${result.code}`}).\n`);
    }
  };
  // Each running mocha hears of it automatically.
  const stop = () => waiting.splice(0);
  process.on("SIGINT", stop).on("SIGTERM", stop);
  await Promise.all(Array.from({ length: Math.min(jobs, batches.length) }, worker));
  process.off("SIGINT", stop).off("SIGTERM", stop);
  for (const { batch, failures } of results) for (const title of failures) print.write(`failed: ${batch.name}: ${title}\n`);
  return {
    ...sum(results),
    ended: results.length === batches.length && results.every((r) => r.ended),
    code: results.every(endedWell) ? 0 : 1,
    signal: null,
    seconds: Object.assign({}, ...results.map((r) => r.seconds)),
  };
}

const COUNTS = ["passed", "failed", "skipped"];
const sum = (results) => Object.fromEntries(COUNTS.map((what) => [what, results.reduce((all, r) => all + r[what], 0)]));

/** Runs mocha and keeps the counts its reporter sends on descriptor 3, so that they survive a crash of mocha. */
export function runMocha(
  specs,
  options,
  { env = process.env, output = "inherit", graceMs = GRACE_MS, say = () => {}, onCount = () => {}, onOutput = () => {} } = {},
) {
  const own = ["--no-config", "--no-package", "--timeout", String(TIMEOUT_MS), "--reporter", join(ROOT, "dist/test/support/reporter.js")];
  const strict = env.CI === "true" ? ["--forbid-only"] : [];
  const args = ["--enable-source-maps", join(ROOT, "node_modules/mocha/bin/mocha.js"), ...own, ...strict, ...options, ...specs];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...env, CUTOVER_TEST_COUNTS_FD: "3" },
    stdio: [output === "pipe" ? "ignore" : "inherit", output, output, "pipe"],
  });
  child.stdout?.on("data", onOutput);
  child.stderr?.on("data", onOutput);
  const counts = { passed: 0, failed: 0, skipped: 0, ended: false, failures: [], seconds: {} };
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

/** Ended by us after all tests counts as an end: see GRACE_MS. */
const endedWell = (result) => result.ended && (result.code === 0 || result.signal === "SIGKILL");

/** Did the run go well? Not when mocha ended early, when a test failed, and not when no test ran. */
export function wentWell(result) {
  return endedWell(result) && result.failed === 0 && result.passed > 0;
}
