import { expect } from "chai";
import { currentConfig } from "../../../src/automation/state/state.js";
import { afterThisTest } from "../../support/cleanup.js";
import { peopleOf } from "../../support/people.js";
import { STACK } from "../model.js";
import { modelService } from "../modelService.js";

const OLD = { old: 100, new: 0 };

describe("a service that ends", () => {
  /** A service whose users are on both sides, and the one that is started after it. */
  async function withUsers() {
    const parts = modelService();
    const service = parts.start();
    await peopleOf(service, STACK).standBefore("traffic.dns-100");
    const goneOn = async () => {
      const next = parts.start();
      afterThisTest(() => next.close().then(() => undefined));
      await next.resumeAll();
      return next.settled(STACK);
    };
    return { ...parts, service, goneOn };
  }

  it("takes an emergency all the same: users are back before it has ended, and its next process does the rest", async () => {
    const { world, service, goneOn } = await withUsers();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.beforeSleep = () => held;
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    const closed = service.close();
    const refused = await service.command(STACK, { command: "pause", why: "a look" }, "alice").catch((e: Error) => e);
    expect(refused).to.include({
      message: "The service is shutting down.",
      next: "Send it again: another process takes it, or this service once it was started again.",
    });
    await service.command(STACK, { command: "emergency", why: "errors" }, "alice");
    world.beforeSleep = async () => undefined;
    release();
    expect(await closed).to.equal(true);
    expect([world.applied.dns?.weights, world.effects.at(-1)]).to.deep.equal([OLD, "weights"]);

    const updates = world.updates.length;
    const state = await goneOn();
    expect(state).to.include({ status: "held" });
    expect(state.heldReason).to.contain("errors");
    expect(currentConfig(state).dns?.weights).to.deep.equal(OLD);
    expect(world.updates.length, "config and engine agree with the records").to.be.above(updates);
    expect(
      world.effects.filter((e) => e === "weights"),
      "tried before, and done once",
    ).to.have.length(2);
    expect(world.violations).to.deep.equal([]);
  });

  it("sends users back also where nothing ran", async () => {
    const { world, service, goneOn } = await withUsers();
    await service.close();
    await service.command(STACK, { command: "emergency", why: "errors" }, "alice");
    await service.close();
    expect([world.applied.dns?.weights, world.effects.at(-1)]).to.deep.equal([OLD, "weights"]);
    expect(await goneOn()).to.include({ status: "held" });
  });
});
