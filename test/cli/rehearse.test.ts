import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { rehearsal } from "../../src/http/schemas/rehearsal.js";
import type { Outcome } from "../../src/rehearsal/outcome.js";
import { listRehearsals, readRehearsal } from "../../src/rehearsal/shelf.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";
import { cutover } from "./service.js";

const STACK = "batch-processor-staging";

describe("cutover rehearse", function () {
  this.timeout(600_000);
  const rehearse = (state: string, ...args: string[]) => cutover(["--state", state, "rehearse", "--stack", STACK, ...args]);

  it("takes a stack through its migration on the real engine, crash and restart included, and says go", async function () {
    await requireEngine(this);
    const state = tempFolder("rehearse");
    const { code, stdout, stderr } = await rehearse(state, "--fault", "crash@rollout.integration", "--output", "json");
    expect(code, stderr).to.equal(0);
    const outcome = JSON.parse(stdout) as Outcome;
    expect(outcome).to.include({ verdict: "go" });
    expect(outcome.reasons).to.deep.equal([]);
    const [m] = outcome.migrations;
    expect(m).to.include({ stack: STACK, status: "completed", restarts: 1 });
    expect(m?.faults).to.deep.equal([{ fault: "crash@rollout.integration", came: true }]);
    expect(m?.report.verification?.faults).to.deep.equal([]);
    expect(m?.frames.at(-1)?.text).to.equal("Completed.");
    expect(stderr).to.contain("The process was killed, as rehearsed; it goes on (restart 1).");
    const folder = join(state, "rehearsals");
    expect((await listRehearsals(folder)).map((r) => r.id)).to.deep.equal([outcome.id]);
    expect(await readRehearsal(folder, outcome.id)).to.deep.equal(outcome);
    // As the API describes it, to its last member.
    expect(rehearsal.parse(outcome)).to.deep.equal(outcome);
    expect(await readFile(join(folder, outcome.id, "rehearsal.md"), "utf8")).to.match(/^# GO: batch-processor-staging\n/);
  });

  it("ends with 8 on a no-go, which says what speaks against the night", async function () {
    await requireEngine(this);
    const { code, stdout } = await rehearse(tempFolder("no-go"), "--fault", "crash@ec2:Never");
    expect(code).to.equal(8);
    expect(stdout).to.match(/^# NO-GO: batch-processor-staging\n/);
    expect(stdout).to.contain("- crash@ec2:Never never came about, so nothing is known about it.");
  });

  it("refuses stacks and faults that do not exist before anything is made", async () => {
    const state = tempFolder("refused");
    const stack = await cutover(["--state", state, "rehearse", "--stack", "nothing-here"]);
    expect(stack.stderr).to.contain('--stack: got "nothing-here"; accepted: one of admin-portal-production');
    const fault = await rehearse(state, "--fault", "earthquake@25%");
    expect([fault.code, fault.stderr]).to.satisfy(([c, e]: [number, string]) => c === 2 && e.includes("errors@NN%"));
    const never = await rehearse(state, "--fault", "errors@25%");
    expect(never.stderr).to.contain("a fault that can strike batch-processor-staging: it has neither a dns section nor target groups");
  });
});
