import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { commandFleet, oldOnceRunning } from "../../src/adapters/fleet.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { targetSchema } from "../../src/config/targets.js";
import { Terminal } from "../../src/errors.js";
import { STACK, WITH_PROCESSES } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

const CONFIG = readConfig(patched(WITH_PROCESSES, { "processes.reports": { kind: "schedule", schedule: "* * * * *" } }), "test", STACK);
const effect = (key: string) => ({ key, fence: 1 });

/** The old side of a test: a process that stands for cron, and the commands that its owners would give. */
function oldSide(folder: string) {
  const pid = join(folder, "pid");
  const log = join(folder, "log");
  // What runs goes on for a moment after it was asked to stop.
  const cron = `process.on("SIGTERM", () => setTimeout(() => process.exit(0), 700)); setInterval(() => {}, 1000)`;
  const script = (body: string) => [
    process.execPath,
    "-e",
    `const fs = require("fs"), pid = ${JSON.stringify(pid)}, log = ${JSON.stringify(log)}; ${body}`,
  ];
  const alive = "const alive = () => { try { process.kill(+fs.readFileSync(pid, 'utf8'), 0); return true } catch { return false } };";
  return {
    log,
    commands: {
      startOnce: script(
        `${alive} fs.appendFileSync(log, "start " + process.env.CUTOVER_PROCESSES + " missed " + process.env.CUTOVER_MISSED_RUNS + "\\n");
         if (!alive()) { const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(cron)}], { detached: true, stdio: "ignore" }); c.unref(); fs.writeFileSync(pid, String(c.pid)); }`,
      ),
      stopOnce: script(`${alive} if (alive()) process.kill(+fs.readFileSync(pid, "utf8"), "SIGTERM")`),
      onceRunning: script(`${alive} console.log("looked at " + process.env.CUTOVER_PROCESSES); console.log(alive() ? 1 : 0)`),
      setWorkers: script(`fs.appendFileSync(log, "workers " + process.env.CUTOVER_WORKERS_PERCENT + "\\n")`),
    },
    async end() {
      const id = Number(await readFile(pid, "utf8").catch(() => ""));
      try {
        if (id > 0) process.kill(id, "SIGKILL");
      } catch {
        // It has ended.
      }
    },
  };
}

describe("the old fleet's handover by its owners' commands", function () {
  this.timeout(120_000);

  it("[applications-14] promise 12: a real process is stopped, seen to go on, seen to be stopped, and started again", async () => {
    const side = oldSide(tempFolder("fleet"));
    const { fleet } = targetSchema.parse({ prometheus: { url: "http://127.0.0.1:1" }, fleet: side.commands });
    const port = commandFleet(
      () => CONFIG,
      fleet,
      async () => "new.example.com",
    );
    try {
      await port.startOnce([], effect("start"));
      expect(await oldOnceRunning(CONFIG, fleet)).to.deep.equal({ known: true, value: 1 });
      await port.stopOnce(effect("stop"));
      let reading = await oldOnceRunning(CONFIG, fleet);
      for (let i = 0; i < 200 && reading.known && reading.value > 0; i += 1) reading = await oldOnceRunning(CONFIG, fleet);
      expect(reading).to.deep.equal({ known: true, value: 0 });
      await port.stopOnce(effect("stop again"));
      await port.startOnce([{ process: "reports", at: Date.parse("2026-01-05T10:15:00Z") }], effect("back"));
      expect(await oldOnceRunning(CONFIG, fleet)).to.deep.equal({ known: true, value: 1 });
      await port.setWorkers(50, effect("half"));
      expect((await readFile(side.log, "utf8")).trim().split("\n")).to.deep.equal([
        "start reports,scheduler missed ",
        "start reports,scheduler missed reports=2026-01-05T10:15:00.000Z",
        "workers 50",
      ]);
    } finally {
      await side.end();
    }
  });

  it("promise 10: an answer that is no number, a failure and a command that nobody gave are unknown, and a step says what is missing", async () => {
    const folder = tempFolder("fleet");
    await writeFile(join(folder, "x"), "");
    const parse = (commands: object) => targetSchema.parse({ prometheus: { url: "http://127.0.0.1:1" }, fleet: commands }).fleet;
    for (const [command, reason] of [
      [["echo", "none"], 'printed "none" and no number'],
      [["false"], "ended with 1"],
    ] as const)
      expect(await oldOnceRunning(CONFIG, parse({ onceRunning: command })))
        .to.include({ known: false })
        .with.property("reason")
        .that.contains(reason);
    const nothing = parse({});
    expect(await oldOnceRunning(CONFIG, nothing)).to.include({ known: false });
    const error = await commandFleet(
      () => CONFIG,
      nothing,
      async () => "h",
    )
      .stopOnce(effect("stop"))
      .catch((e) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("no command fleet.stopOnce");
  });
});
