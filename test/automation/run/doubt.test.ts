import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { peopleOf } from "../../support/people.js";
import { STACK } from "../model.js";
import { type ModelParts, modelService } from "../modelService.js";

/** The store fails over, and has lost the journal's last entries down to the last one of a type; the far side has lost nothing. */
function failover({ store, folder }: ModelParts, lastOf: string | undefined): { trusted: () => boolean } {
  const entries = store.journals.get(STACK) ?? [];
  if (lastOf !== undefined) {
    const left = entries.slice(
      0,
      entries.findLastIndex((e) => e.type === lastOf),
    );
    store.journals.set(STACK, left);
    // The stack's file comes from the same backup.
    const config = left.findLast((e) => e.type === "update.intended")?.config;
    writeFileSync(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config }));
  }
  let doubtful = true;
  Object.assign(store, {
    isDoubtful: async () => doubtful,
    trust: async () => {
      doubtful = false;
    },
  });
  return { trusted: () => !doubtful };
}

describe("a journal whose store failed over", () => {
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
    const next = parts.start();
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
    const next = parts.start();
    const { say } = peopleOf(next, STACK);
    await say({ command: "emergency", why: "errors" });
    expect(trusted()).to.equal(false);
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    await say({ command: "resume" });
    expect(trusted()).to.equal(true);
    const notes = (await parts.store.entries(STACK)).flatMap((e) => (e.type === "runner.recovered" ? [e.note] : []));
    expect(notes.filter((n) => n.includes("agree with what is there"))).to.have.length(1);
    await next.close();
  });
});
