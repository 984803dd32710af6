import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Command } from "../../src/automation/journal/entries.js";
import { projectRoot } from "../../src/engine/engine.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { inSandbox } from "../support/sandbox.js";
import { GROUPS_STACK, groupsPage, groupsStack } from "../support/targetGroups.js";
import { tempFolder } from "../support/tmp.js";

const STACK = GROUPS_STACK;
const STAGING = "admin-portal-staging";
const BALANCER = "app/old-web/50dc6c495c0c9188";
const LISTENER = `arn:aws:elasticloadbalancing:us-east-2:123456789012:listener/${BALANCER}/f2f7dc8efc522ab2`;
const OLD_GROUP = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/sticky-web/73e2d6bc24d8a067";

/** The sample's users behind a load balancer that stays, as the how-to says. */
async function stacksOf(folder: string): Promise<string> {
  const from = join(projectRoot(), "stacks");
  const to = join(folder, "stacks");
  await mkdir(to, { recursive: true });
  for (const name of ["applications.csv", "dependencies.yaml", `Pulumi.${STAGING}.yaml`]) await copyFile(join(from, name), join(to, name));
  const changed = (await groupsStack())
    .replace("kind: canary", "kind: rolling")
    .replace(/ {2}# Its own metrics.*\n( {2}cutover:sources:\n( {4}.*\n)+)/, "");
  await writeFile(join(to, `Pulumi.${STACK}.yaml`), changed);
  return to;
}

describe("[traffic-7] users of a load balancer that stays, on the real engine", function () {
  this.timeout(300_000);

  async function say(open: OpenSandbox, stack: string, command: Command, who = "alice") {
    await open.migrations.command(stack, command, who);
    return open.migrations.settled(stack);
  }

  async function goTo(open: OpenSandbox, stack: string, id: string | undefined): Promise<void> {
    await open.migrations.create(stack, "alice");
    for (;;) {
      const { plan, state } = await open.migrations.get(stack);
      const step = plan[state.position];
      if (step === undefined || step.id === id) return;
      expect(state.status, state.heldReason).to.not.equal("held");
      if (state.status === "approval") await say(open, stack, { command: "approve", step: step.id }, "bob");
      else await say(open, stack, { command: "advance", extent: id === undefined ? "end" : "step" });
    }
  }

  it("move by a rule of cutover's own, are sent back at once, move again, and stay when the old side is gone; the rule of today is never touched", async function () {
    const stacks = await stacksOf(tempFolder("target-groups-stacks"));
    await inSandbox(
      this,
      "target-groups",
      async (open) => {
        const rule = async () => {
          const found = await open.sandbox.rule({ listenerArn: LISTENER, priority: 9 }).catch((e: Error) => e.message);
          if (typeof found === "string") return found;
          const [{ forward }] = found.actions as [{ forward: { targetGroups: { arn: string; weight: number }[]; stickiness?: unknown } }];
          return {
            ...forward,
            targetGroups: forward.targetGroups.map((t) => [t.arn === OLD_GROUP ? "old" : "new", t.weight].join(" ")).sort(),
          };
        };
        const kinds = async (after = 0) => (await open.sandbox.effects(STACK)).slice(after).map((e) => e.kind);
        await goTo(open, STAGING, undefined);
        // What the page shows as steps is what there is, in that order.
        const shown = [...(await groupsPage()).matchAll(/^\| `(traffic\.[a-z0-9-]+)` \|/gm)].map(([, id]) => id);
        await open.migrations.create(STACK, "alice");
        const { plan } = await open.migrations.get(STACK);
        expect(plan.flatMap((s) => (s.phase === "traffic" ? [s.id] : []))).to.deep.equal(shown);

        await goTo(open, STACK, "traffic.new-group");
        expect(await rule()).to.contain("couldn't find");
        await goTo(open, STACK, "traffic.groups-25");
        // The old group's targets are sticky, so the rule must be; for a second.
        expect(await rule()).to.deep.equal({ targetGroups: ["new 0", "old 100"], stickiness: { enabled: true, duration: 1 } });
        await goTo(open, STACK, "traffic.groups-100");
        expect(await rule()).to.deep.include({ targetGroups: ["new 25", "old 75"] });

        const before = (await kinds()).length;
        const sent = await say(open, STACK, { command: "emergency", why: "errors" });
        expect(sent.status, sent.heldReason).to.equal("held");
        expect(await rule()).to.deep.include({ targetGroups: ["new 0", "old 100"] });
        // The weights first, in one call; then the engine's state agrees.
        expect((await kinds(before)).filter((k) => k.startsWith("elbv2:") || k.startsWith("lb:"))[0]).to.equal("elbv2:ModifyRule");
        expect(await kinds()).to.not.include("route53:SetWeights");
        const { config } = (await open.migrations.get(STACK)).state.revisions.at(-1) ?? {};
        expect(config?.["cutover:traffic"]).to.deep.include({ records: "both", weights: { old: 100, new: 0 } });

        // An abort gives everything back: cutover's rule and its group go, and that is all.
        const resumed = await say(open, STACK, { command: "resume" });
        expect(resumed.heldReason).to.equal(undefined);
        await goTo(open, STACK, "cleanup.remove-old-group");
        expect(await rule()).to.deep.include({ targetGroups: ["new 100", "old 0"] });
        await goTo(open, STACK, undefined);
        expect(await rule()).to.deep.include({ targetGroups: ["new 100"] });
        expect(await kinds())
          .to.include("ec2:TerminateInstances")
          .and.not.include("elbv2:DeleteLoadBalancer");
        expect((await kinds()).filter((k) => k === "lb:ListenerRule:Create")).to.have.length(1);
        expect(await open.sandbox.violations(STACK)).to.deep.equal([]);
        expect((await open.sandbox.usersOnNew(STACK))(Number.MAX_SAFE_INTEGER)).to.equal(1);
      },
      { stacks },
    );
  });
});
