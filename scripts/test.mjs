// npm test [-- PATH... | WORDS... | mocha options]: set-up, then mocha, fast files first. The last line is always the counts.
// Without an option, more than one file is run in several processes side by side (`CUTOVER_TEST_JOBS` says how many).
import { writeFileSync } from "node:fs";
import { runScript } from "./failure.mjs";
import { batchesOf, chooseSpecs, runBatches, runMocha, wentWell } from "./mocha.mjs";
import { setUp } from "./setup.mjs";

const say = (line) => void process.stderr.write(`${line}\n`);

/** From here on a file gets a process of its own. */
const SLOW_SECONDS = 8;

// Printed on the way out, whatever that way is: set-up that failed, mocha that crashed, Ctrl-C.
let counts = { passed: 0, failed: 0, skipped: 0 };
process.on("exit", () => process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`));

await runScript(async () => {
  await setUp();
  const { specs, options } = await chooseSpecs(process.argv.slice(2));
  const nothing = { ...counts, ended: true, code: 0 };
  const onCount = (now) => {
    counts = now;
  };
  const run = async () => {
    if (specs.length === 1 || options.length > 0) return runMocha(specs, options, { say, onCount });
    const jobs = Number(process.env.CUTOVER_TEST_JOBS) || undefined;
    const result = await runBatches(await batchesOf(specs), options, { say, onCount, ...(jobs === undefined ? {} : { jobs }) });
    const slow = Object.entries(result.seconds).filter(([, seconds]) => seconds >= SLOW_SECONDS);
    const times = Object.fromEntries(slow.sort(([, a], [, b]) => b - a).map(([file, seconds]) => [file, Math.round(seconds)]));
    if (process.env.CUTOVER_TEST_TIMES !== undefined) writeFileSync(process.env.CUTOVER_TEST_TIMES, `${JSON.stringify(times, null, 2)}\n`);
    return result;
  };
  const result = specs.length === 0 ? nothing : await run();
  if (!result.ended) say(`mocha ended early (${result.signal ?? `exit code ${result.code}`}): the counts are those of the tests before.`);
  if (result.ended && result.passed + result.failed === 0) say("No test ran.");
  return wentWell(result) ? 0 : 1;
});
