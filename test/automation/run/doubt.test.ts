import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import type { Command, Recorded } from "../../../src/automation/journal/entries.js";
import { peopleOf } from "../../support/people.js";
import { NO_FAULTS, STACK } from "../model.js";
import { type ModelParts, modelService } from "../modelService.js";

/** The store fails over, and has lost the journal's last entries down to the last one of a type; the far side has lost nothing. */
function failover({ store, folder }: ModelParts, lastOf: string | undefined): { trusted: () => boolean } {
  const entries = store.journals.get(STACK) ?? [];
  const length = lastOf === undefined ? entries.length : entries.findLastIndex((e) => e.type === lastOf);
  store.failOver(() => (store.journals.get(STACK) ?? []).length <= length);
  // The stack's file comes from the same backup.
  const config = entries.slice(0, length).findLast((e) => e.type === "update.intended")?.config;
  writeFileSync(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config }));
  return { trusted: () => !store.doubts(STACK) };
}

describe("a journal whose store failed over", function () {
  this.timeout(60_000);

  async function at(step: string) {
    const parts = modelService();
    const first = parts.start();
    await peopleOf(first, STACK).standBefore(step);
    await first.close();
    return parts;
  }

  it("[safety-8] is held against the engine's history and the far side before anything goes forward", async () => {
    const parts = await at("traffic.dns-100");
    const updates = parts.world.updates.length;
    const { trusted } = failover(parts, "command");
    const next = parts.start({ store: parts.store.process() });
    const { say } = peopleOf(next, STACK);
    const state = await say({ command: "advance", extent: "step" });
    expect(state.status).to.equal("held");
    expect(state.heldReason).to.contain(
      "the engine's history has the update web-api-production/traffic.dns-25#1/update, and the journal does not",
    );
    expect(state.heldReason).to.contain("the name servers show 25 % on the new side, and the journal says 0 %");
    expect(parts.world.updates, "nothing was done").to.have.length(updates);
    expect(trusted()).to.equal(true);
    expect(parts.world.violations).to.deep.equal([]);
    await next.close();
  });

  it("[safety-8] goes on automatically where all agree, and a way back never waits for that", async () => {
    const parts = await at("traffic.dns-100");
    const { trusted } = failover(parts, undefined);
    const next = parts.start({ store: parts.store.process() });
    const { say } = peopleOf(next, STACK);
    await next.command(STACK, { command: "emergency", why: "errors" }, "alice");
    expect(trusted()).to.equal(false);
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    await next.settled(STACK);
    await say({ command: "resume" });
    expect(trusted()).to.equal(true);
    expect(parts.world.violations).to.deep.equal([]);
    const notes = (await parts.store.entries(STACK)).flatMap((e) => (e.type === "runner.recovered" ? [e.note] : []));
    expect(notes.filter((n) => n.includes("agree with what is there"))).to.have.length(1);
    await next.close();
  });

  it("[safety-8] goes nowhere but back where more is lost than the next update", async () => {
    // Users were sent back and blue came back, and then the journal lost that: what it says comes next would remove blue.
    const parts = await at("traffic.probe");
    const before = await modelJournal(parts);
    const first = parts.start();
    await peopleOf(first, STACK).say({ command: "rollback", revision: 3, why: "errors" });
    await first.close();
    const updates = parts.world.updates.length;
    parts.store.failOver(() => modelJournal(parts).length <= before.length);
    const next = parts.start({ store: parts.store.process() });
    const { say } = peopleOf(next, STACK);
    const held = await say({ command: "advance", extent: "end" });
    expect([held.status, held.adrift]).to.deep.equal(["held", { to: 3, back: true }]);
    expect(held.heldReason).to.contain(`cutover rollback ${STACK} --to 3`);
    for (const command of ["resume", "advance"] as const) {
      const asked: Command = command === "resume" ? { command } : { command, extent: "end" };
      const refused = await next.command(STACK, asked, "alice").catch((error: Error) => error.message);
      expect(refused).to.contain("has lost what was applied after revision 3");
    }
    const further = await next.command(STACK, { command: "rollback", revision: 5, why: "a test" }, "alice").catch((e: Error) => e.message);
    expect(further).to.contain("go back to it, or further");
    expect(parts.world.updates, "nothing was done").to.have.length(updates);
    const back = await say({ command: "rollback", revision: 3, why: "as it is" });
    expect([back.status, back.adrift]).to.deep.equal(["held", undefined]);
    // From here on it is as if nothing had been lost.
    expect((await say({ command: "abort", why: "not this year" })).status).to.equal("aborted");
    expect(parts.world).to.include({ oldWrites: true, newWrites: false, maintenance: false, fleetUses: "old" });
    expect(parts.world.violations).to.deep.equal([]);
    await next.close();
  });

  it("[safety-8] undoes on the way back what may have been done after the last entry that is left", async () => {
    const parts = await at("database.maintenance-on");
    const before = modelJournal(parts).length;
    const first = parts.start();
    parts.world.faults = {
      ...parts.world.faults,
      // Writes are stopped, and what the journal says of it is lost.
      crash: (point) => point === "before append step.completed" && !parts.world.oldWrites,
    };
    await peopleOf(first, STACK)
      .say({ command: "advance", extent: "end" })
      .catch(() => undefined);
    parts.world.faults = NO_FAULTS;
    expect([parts.world.oldWrites, parts.world.maintenance]).to.deep.equal([false, true]);
    parts.store.failOver(() => modelJournal(parts).length <= before);
    parts.store.lapse();
    const next = parts.start({ store: parts.store.process() });
    const { say } = peopleOf(next, STACK);
    const held = await say({ command: "abort", why: "not tonight" });
    expect(held.heldReason).to.contain("the old database refuses writes, and the journal says that it takes them");
    expect((await say({ command: "abort", why: "not tonight" })).status).to.equal("aborted");
    expect(parts.world).to.include({ oldWrites: true, maintenance: false, fleetUses: "old" });
    expect(parts.world.violations).to.deep.equal([]);
    await next.close();
  });

  it("[safety-8] takes no fencing token twice, and never an earlier one, after leases were lost with the entries", async () => {
    const parts = await at("traffic.probe");
    const known = parts.world.fence;
    parts.store.failOver(() => modelJournal(parts).length < 200);
    const next = parts.start({ store: parts.store.process() });
    await peopleOf(next, STACK).say({ command: "abort", why: "a test" });
    const fences = modelJournal(parts).map((e) => e.fence);
    expect(Math.max(...fences)).to.be.greaterThan(known);
    expect(parts.world.violations).to.deep.equal([]);
    await next.close();
  });
});

const modelJournal = ({ store }: ModelParts): readonly Recorded[] => store.journals.get(STACK) ?? [];
