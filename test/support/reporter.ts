/**
 * Mocha's Spec reporter, which also sends the counts after each test to `scripts/test.mjs`, so that they are known
 * even when mocha crashes. Used without that script it prints the line of counts itself.
 */
import { writeSync } from "node:fs";
import { join, relative } from "node:path";
import Mocha from "mocha";
import { missingParts } from "./parts.js";

const { EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_SUITE_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } = Mocha.Runner.constants;

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const counts = { passed: 0, failed: 0, skipped: 0, ended: false, failures: [] as string[], seconds: {} as Record<string, number> };
    const descriptor = Number(process.env.CUTOVER_TEST_COUNTS_FD ?? Number.NaN);
    const send = () => {
      if (!Number.isNaN(descriptor)) writeSync(descriptor, `${JSON.stringify(counts)}\n`);
    };
    const count = (what: "passed" | "failed" | "skipped") => () => {
      counts[what] += 1;
      send();
    };
    runner.on(EVENT_TEST_PASS, count("passed"));
    runner.on(EVENT_TEST_FAIL, (test: Mocha.Test) => {
      counts.failures.push(test.fullTitle());
      count("failed")();
    });
    runner.on(EVENT_TEST_PENDING, count("skipped"));
    // How long each file takes, with its hooks: what runs alone in a process, and when, is chosen by it.
    const begun = new Map<Mocha.Suite, number>();
    runner.on(EVENT_SUITE_BEGIN, (suite: Mocha.Suite) => begun.set(suite, Date.now()));
    runner.on(EVENT_SUITE_END, (suite: Mocha.Suite) => {
      if (suite.parent?.root !== true || suite.file === undefined) return;
      const file = relative(join(process.cwd(), "dist"), suite.file).replace(/\.js$/, ".ts");
      counts.seconds[file] = (counts.seconds[file] ?? 0) + (Date.now() - (begun.get(suite) ?? Date.now())) / 1_000;
    });
    runner.once(EVENT_RUN_END, () => {
      for (const [name, howToInstall] of missingParts()) console.log(`  skipped without ${name}: ${howToInstall}`);
      counts.ended = true;
      send();
      if (Number.isNaN(descriptor)) console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    });
  }
}
