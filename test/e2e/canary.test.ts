import { expect } from "chai";
import type { Command } from "../../src/automation/journal/entries.js";
import { currentConfig } from "../../src/automation/state/state.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { inSandbox } from "../support/sandbox.js";

const STACK = "admin-portal-production";
const STAGING = "admin-portal-staging";

describe("a canary of admin-portal on the real engine", function () {
  this.timeout(300_000);

  async function say(open: OpenSandbox, stack: string, command: Command, who = "alice") {
    await open.migrations.command(stack, command, who);
    return open.migrations.settled(stack);
  }

  /** Goes on until a step is next or done, answering what is asked on the way. */
  async function goTo(open: OpenSandbox, stack: string, id: string | undefined): Promise<void> {
    await open.migrations.create(stack, "alice");
    for (;;) {
      const { plan, state } = await open.migrations.get(stack);
      const step = plan[state.position];
      if (step === undefined || step.id === id) return;
      if (state.status === "approval") await say(open, stack, { command: "approve", step: step.id }, "bob");
      else await say(open, stack, { command: "advance", extent: id === undefined ? "end" : "step" });
    }
  }

  /** One step forward again after the emergency. */
  const migrationGoesOn = async (open: OpenSandbox) => (await say(open, STACK, { command: "resume" })).status;

  it("is aborted at once when errors appear at 40 %, goes back to the earlier image, and completes the next time; an emergency later sends users back first", function () {
    const more = { faults: { [STACK]: ["errors@canary-40%"] } };
    return inSandbox(
      this,
      "canary",
      async (open) => {
        await goTo(open, STAGING, undefined);
        await goTo(open, STACK, "rollout.canary");
        expect(await say(open, STACK, { command: "promote" }).catch((e: Error) => e.message)).to.contain(
          "nothing that can be promoted is under way",
        );

        const back = await say(open, STACK, { command: "advance", extent: "step" });
        expect(back.status, back.heldReason).to.equal("held");
        const entries = await open.migrations.journal(STACK);
        const started = entries.find((e) => e.type === "rollback.started");
        expect(started?.type === "rollback.started" && started.why).to.match(/rollout\.canary: .*error-rate 1[123]/);
        const effects = (await open.sandbox.effects(STACK)).slice(-2).map((e) => e.kind);
        expect(effects).to.deep.equal(["argo:Abort", "kubernetes:Rollout:Update"]);
        const config = await open.migrations.get(STACK);
        expect(JSON.stringify(config.state.revisions.at(-1)?.config)).to.contain("admin-portal:1.0.0");

        const done = await say(open, STACK, { command: "resume" });
        expect(done.status, done.heldReason).to.equal("ready");
        expect(done.steps["rollout.canary"]?.status).to.equal("done");

        // Users move; then an emergency: the records at once, and the engine's state and the stack config after them.
        await goTo(open, STACK, "traffic.dns-50");
        const before = (await open.sandbox.effects(STACK)).length;
        const safe = await say(open, STACK, { command: "emergency", why: "users see errors" });
        expect(safe.status).to.equal("held");
        expect(safe.heldReason).to.contain("users see errors");
        const since = (await open.sandbox.effects(STACK)).slice(before).map((e) => e.kind);
        expect(since[0]).to.equal("route53:SetWeights");
        const { weights, records } = currentConfig(safe).dns ?? {};
        expect({ weights, records }).to.deep.equal({ weights: { old: 100, new: 0 }, records: "both" });
        expect(await open.driver.inSync(STACK), "config and engine agree").to.equal(true);
        const record = await (await open.sandbox.open(STACK)).read(
          { type: "aws:route53/record:Record", urn: "" },
          "Z1234567890ABC_admin.example.com_A_new-infra",
        );
        expect(record?.inputs.weightedRoutingPolicies).to.deep.equal([{ weight: 0 }]);
        expect(await migrationGoesOn(open)).to.equal("ready");
        expect(await open.sandbox.violations(STACK)).to.deep.equal([]);
        expect(await open.migrations.verify(STACK)).to.deep.equal([]);
      },
      more,
    );
  });
});
