/**
 * Mocha's Spec reporter, which also sends the counts after each test to `scripts/test.mjs`, so that they are known
 * even when mocha crashes. Used without that script it prints the line of counts itself.
 */
import { writeSync } from "node:fs";
import Mocha from "mocha";
import { missingParts } from "./parts.js";

const { EVENT_RUN_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } = Mocha.Runner.constants;

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const counts = { passed: 0, failed: 0, skipped: 0, ended: false };
    const descriptor = Number(process.env.CUTOVER_TEST_COUNTS_FD ?? Number.NaN);
    const send = () => {
      if (!Number.isNaN(descriptor)) writeSync(descriptor, `${JSON.stringify(counts)}\n`);
    };
    const count = (what: "passed" | "failed" | "skipped") => () => {
      counts[what] += 1;
      send();
    };
    runner.on(EVENT_TEST_PASS, count("passed"));
    runner.on(EVENT_TEST_FAIL, count("failed"));
    runner.on(EVENT_TEST_PENDING, count("skipped"));
    runner.once(EVENT_RUN_END, () => {
      for (const [name, howToInstall] of missingParts()) console.log(`  skipped without ${name}: ${howToInstall}`);
      counts.ended = true;
      send();
      if (Number.isNaN(descriptor)) console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    });
  }
}
