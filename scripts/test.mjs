// npm test [-- PATH... | WORDS... | mocha options]: set-up, then mocha, fast files first. The last line is always the counts.
import { runScript } from "./failure.mjs";
import { chooseSpecs, runMocha, wentWell } from "./mocha.mjs";
import { setUp } from "./setup.mjs";

const say = (line) => void process.stderr.write(`${line}\n`);

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
  const result = specs.length === 0 ? nothing : await runMocha(specs, options, { say, onCount });
  if (!result.ended) say(`mocha ended early (${result.signal ?? `exit code ${result.code}`}): the counts are those of the tests before.`);
  if (result.ended && result.passed + result.failed === 0) say("No test ran.");
  return wentWell(result) ? 0 : 1;
});
