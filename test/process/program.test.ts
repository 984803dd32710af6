import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { passedOn, runProgram } from "../../src/process/program.js";
import { tempFolder } from "../support/tmp.js";

const env = passedOn();
const shell = (script: string, deadlineMs = 10_000, more: { signal?: AbortSignal } = {}) =>
  runProgram(["sh", "-c", script], { env, deadlineMs, ...more });
/** How long it took, in milliseconds, beside the answer. */
async function timed<T>(run: Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await run, performance.now() - began];
}

describe("a user's program", function () {
  this.timeout(20_000);

  it("is done when it ends, whoever still holds its output; what it left behind goes on", async () => {
    const done = join(tempFolder("program"), "done");
    const [ended, ms] = await timed(shell(`(sleep 3; echo late; touch ${done}) & echo begun`));
    expect(ended).to.deep.equal({ code: 0, signal: undefined, late: false, output: "begun" });
    expect(ms).to.be.below(2_500);
    await pause(4_000);
    expect(existsSync(done)).to.equal(true);
  });

  it("ends at its deadline with all it has started, and none of it acts later", async () => {
    const done = join(tempFolder("program"), "done");
    const [ended, ms] = await timed(shell(`(sleep 2; touch ${done}) & echo begun; sleep 30`, 500));
    expect(ended).to.deep.equal({ code: undefined, signal: "SIGKILL", late: true, output: "begun" });
    expect(ms).to.be.below(1_900);
    await pause(2_500);
    expect(existsSync(done)).to.equal(false);
  });

  it("is not waited for by way of a process that left its group", async () => {
    const [ended, ms] = await timed(shell("setsid sleep 5 & sleep 30", 500));
    expect(ended.late).to.equal(true);
    expect(ms).to.be.below(3_000);
  });

  it("takes with it what it has started when it fails: nobody counts on that any more", async () => {
    const done = join(tempFolder("program"), "done");
    expect((await shell(`(sleep 1; touch ${done}) & exit 3`)).code).to.equal(3);
    await pause(1_500);
    expect(existsSync(done)).to.equal(false);
  });

  it("gives all of a long output's end, without what looks like a credential", async () => {
    const { output } = await shell(`seq 1 20000; echo "DB_PASSWORD=hunter2 postgres://app:hunter2@db/app"`);
    expect(output.split("\n").slice(-2)).to.deep.equal(["20000", "DB_PASSWORD=[secret] postgres://[secret]@db/app"]);
  });

  it("says who ended it, and what it cannot be started for", async () => {
    expect(await shell("kill -TERM $$")).to.deep.include({ code: undefined, signal: "SIGTERM", late: false });
    const absent = await runProgram(["/nothing/here"], { env, deadlineMs: 1_000 }).catch((error: NodeJS.ErrnoException) => error.code);
    expect(absent).to.equal("ENOENT");
    expect(await runProgram([], { env, deadlineMs: 1_000 }).catch((error: Error) => error)).to.be.instanceOf(Error);
  });

  it("gives way to a signal", async () => {
    const stop = new AbortController();
    const running = shell("sleep 30", 10_000, { signal: stop.signal });
    stop.abort(new Error("woken"));
    expect(await running.catch((error: Error) => error.message)).to.equal("woken");
  });

  it("reads what it is given", async () => {
    const file = join(tempFolder("program"), "input");
    await runProgram(["sh", "-c", `cat > ${file}`], { env, deadlineMs: 5_000, input: "told" });
    expect(readFileSync(file, "utf8")).to.equal("told");
  });
});
