import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Outcome } from "../../src/rehearsal/outcome.js";
import { command, makeConsumer } from "../support/consumer.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const INVENTORY = `Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner
worker,Python,SQS,Hourly,None,Low,Data Team
`;

describe("cutover as npm packs it", function () {
  this.timeout(300_000);

  it("makes a project of somebody else's from their inventory, plans and rehearses it", async function () {
    await requireEngine(this);
    const folder = tempFolder("package");
    await makeConsumer(folder);
    await writeFile(join(folder, "inventory.csv"), INVENTORY);
    const cutover = (...args: string[]) =>
      command(process.execPath, [join(folder, "node_modules", "cutover", "scripts", "cutover.mjs"), ...args], { cwd: folder });
    const made = await cutover("init", "inventory.csv", "--region", "eu-west-1", "--registry", "ghcr.io/acme");
    expect(made.code, made.output).to.equal(0);
    const planned = await cutover("plan", "worker-staging");
    expect(planned.code, planned.output).to.equal(0);
    const rehearsed = await cutover("rehearse", "--stack", "worker-staging", "--output", "json");
    expect(rehearsed.code, rehearsed.output).to.equal(0);
    const outcome = JSON.parse(rehearsed.output.slice(0, rehearsed.output.lastIndexOf("\n}") + 2)) as Outcome;
    expect(outcome).to.include({ verdict: "go" });
  });
});
