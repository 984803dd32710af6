import { expect } from "chai";
import fc from "fast-check";
import { aheadOf, within } from "../../../src/automation/decide/ahead.js";
import { ACTIONS, commandFor } from "../../../src/automation/decide/offers.js";
import type { Migrations } from "../../../src/automation/migrations.js";
import { CutoverError } from "../../../src/errors.js";
import { peopleOf } from "../../support/people.js";
import { STACK } from "../model.js";
import { act, modelService } from "../modelService.js";

describe("what is offered", () => {
  it("[people-13] is what the service accepts, at every position and whatever was done before", async function () {
    this.timeout(600_000);
    let [tried, offered] = [0, 0];
    const walk = fc.array(fc.option(fc.constantFrom(...ACTIONS), { freq: 2 }), { minLength: 20, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(walk, async (actions) => {
        const service = modelService().start();
        await service.create(STACK, "alice");
        for (const action of actions) {
          const { state } = await service.get(STACK);
          if (state.status === "completed" || state.status === "aborted") break;
          if (action === null) {
            await act(service);
            await service.settled(STACK);
            continue;
          }
          const found = await service.get(STACK);
          const offer = service.offers(found)[action];
          const command = commandFor(found.plan, found.state, action);
          if (command === undefined) {
            expect(offer, action).to.have.property("offered", false);
            continue;
          }
          // Anybody but the one it is not offered to.
          const who = offer.notBy === "carla" ? "dora" : "carla";
          const error = await service.command(STACK, command, who).then(
            () => undefined,
            (e: Error) => e,
          );
          if (error !== undefined && !(error instanceof CutoverError)) throw error;
          expect(offer.offered, `${action} at ${found.state.status}: ${error?.message}`).to.equal(error === undefined);
          if (error !== undefined) expect(error.message, "the same reason").to.contain(offer.why);
          await service.settled(STACK);
          tried += 1;
          offered += offer.offered ? 1 : 0;
        }
        await service.close();
      }),
      { numRuns: 15 },
    );
    // Both kinds were met.
    expect(offered).to.be.greaterThan(10);
    expect(tried - offered).to.be.greaterThan(10);
  });

  /** Ordered by ana while half of the users are on the new side. */
  async function afterEmergency(): Promise<Migrations> {
    const service = modelService().start();
    await peopleOf(service, STACK).standBefore("traffic.dns-100");
    expect(service.offers(await service.get(STACK)).emergency).to.deep.equal({ offered: true });
    await service.command(STACK, { command: "emergency", why: "errors" }, "ana");
    await service.settled(STACK);
    await untilShown(service);
    return service;
  }
  const untilShown = async (service: Migrations): Promise<void> => {
    while ((await service.get(STACK)).state.sentBack?.shown !== true) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  it("[people-13] no emergency at 0 % new, unless somebody insists or something speaks for users on the new side", async function () {
    this.timeout(120_000);
    const service = await afterEmergency();
    const { emergency, pause, approve } = service.offers(await service.get(STACK));
    expect(emergency.offered).to.equal(false);
    expect(emergency.why).to.equal("all users are on the old side already: the weights are 100 % old, 0 % new.");
    expect([pause.offered, approve.offered], "held after it").to.deep.equal([false, false]);
    const refused = await service.command(STACK, { command: "emergency", why: "again" }, "ana").catch((e: Error) => e);
    expect((refused as Error).message).to.contain("all users are on the old side already");
    // What a person knows better than the config.
    await service.command(STACK, { command: "emergency", why: "the name servers say otherwise", insist: true }, "ana");
    expect((await service.settled(STACK)).status).to.equal("held");
    await service.close();
  });

  it("[people-13] says what went back, by whom and when, until somebody goes on", async function () {
    this.timeout(120_000);
    const service = await afterEmergency();
    const { state } = await service.get(STACK);
    expect(state.wentBack).to.deep.include({ kind: "emergency", who: "ana", why: "errors" });
    const command = (await service.journal(STACK)).find((e) => e.type === "command" && e.command === "emergency");
    expect(state.wentBack?.at, "when it was ordered").to.equal(command?.at);
    expect(state.wentBack?.doneAt).to.be.at.least(Number(command?.at));
    await service.command(STACK, { command: "resume" }, "alice");
    expect((await service.settled(STACK)).wentBack).to.equal(undefined);
    await service.close();
  });
});

describe("what comes next", () => {
  it("[people-17] is the same list that runs, up to the next decision of a person", async function () {
    this.timeout(120_000);
    const service = modelService().start();
    const people = peopleOf(service, STACK);
    await people.standBefore("database.go");
    const { plan, state } = await service.get(STACK);
    const ahead = within(aheadOf(plan, state), "end");
    expect(ahead.run, "the position itself asks").to.deep.equal([]);
    expect(ahead.stopsAt?.id).to.equal("database.go");
    expect(ahead.stopsAt?.asks).to.match(/^Go: may writes stop and the cutover run\?/);

    const asked = await people.say({ command: "advance", extent: "end" });
    expect(asked.status).to.equal("approval");
    const after = within(aheadOf(plan, asked), "goal");
    const promote = after.run.find((s) => s.id === "database.promote");
    expect(promote?.wayBack?.none, "a way back is there").to.equal(undefined);
    const ran = await people.say({ command: "approve", step: "database.go" }, "bob");
    const done = plan.filter((s) => s.kind !== "approval" && asked.steps[s.id]?.status !== "done" && ran.steps[s.id]?.status === "done");
    expect(done.map((s) => s.id)).to.deep.equal(after.run.map((s) => s.id));
    expect(plan[ran.position]?.id).to.equal(after.stopsAt?.id);
    await service.close();
  });

  it("an approval that was only advanced to lets nothing run", async function () {
    this.timeout(120_000);
    const service = modelService().start();
    const people = peopleOf(service, STACK);
    await people.standBefore("cleanup.approve");
    const asked = await people.say({ command: "advance", extent: "step" });
    const { plan } = await service.get(STACK);
    expect(within(aheadOf(plan, asked), "goal")).to.deep.equal({ run: [] });
    await service.close();
  });
});
