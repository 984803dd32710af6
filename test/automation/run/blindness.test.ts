import { expect } from "chai";
import { observeRound, startWatch } from "../../../src/automation/gates/watch.js";
import type { Entry } from "../../../src/automation/journal/entries.js";
import { Blindness } from "../../../src/automation/run/blindness.js";
import { currentConfig } from "../../../src/automation/state/state.js";
import { eventOf } from "../../../src/operations/notifications/events.js";
import { known, unknown } from "../../../src/ports/observations.js";
import { NO_FAULTS, STACK } from "../model.js";
import { ModelService } from "../service.js";

const unseen = { ...NO_FAULTS, reading: (name: string) => (name === "error-rate" ? unknown("401 Unauthorized") : undefined) };

describe("a watch over users that sees nothing of them", function () {
  this.timeout(60_000);

  const told = async (m: ModelService) => (await m.journal("runner.recovered")).filter((e) => e.blind !== undefined);

  it("[safety-12] raises an alert between steps after more than two intervals, once, and another when it sees again", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    m.world.faults = unseen;
    for (let round = 0; round < 2; round += 1) await m.migrations.guardAll();
    expect(await told(m), "two intervals").to.deep.equal([]);
    for (let round = 0; round < 3; round += 1) await m.migrations.guardAll();
    const [alert, ...more] = await told(m);
    expect(more).to.deep.equal([]);
    expect(alert?.blind?.gates).to.deep.equal(["error-rate"]);
    const { plan, state } = await m.migrations.get(STACK);
    expect(state.blind?.why).to.contain("401 Unauthorized");
    if (alert === undefined) throw new Error("no alert");
    expect(eventOf(alert, state, plan)).to.include({ type: "watch.blind" });
    expect(state.status, "what is not seen moves nobody").to.equal("ready");
    m.world.faults = { ...NO_FAULTS, reading: (name) => (name === "error-rate" ? known(0.001) : undefined) };
    await m.migrations.guardAll();
    expect((await m.state).blind).to.equal(undefined);
    const last = (await told(m)).at(-1);
    expect(last?.blind).to.equal(null);
  });

  it("[safety-12] takes a reading from before the step for no blindness, however long its source is behind, unless it is stale", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    const { state } = await m.migrations.get(STACK);
    const config = currentConfig(state);
    const uses = [{ gate: "error-rate" as const, holdSeconds: 0 }];
    const notes: Entry[] = [];
    const blindness = new Blindness(async (_stack, entry) => void notes.push(entry));
    const roundsOf = async (rounds: number, readAt: number, now: number) => {
      const seen = { name: "error-rate" as const, reading: known(0.002), at: readAt, source: "cloudwatch", delaySeconds: 180 };
      const { gates } = observeRound(startWatch(now), uses, [seen], config, now);
      expect(gates[0]?.verdict).to.equal("unknown");
      for (let round = 0; round < rounds; round += 1) await blindness.saw(state, config, gates);
    };
    const now = Date.parse("2026-01-01T00:10:00Z");
    await roundsOf(10, now - 60_000, now);
    expect(notes, "a minute old").to.deep.equal([]);
    await roundsOf(3, now - 3_600_000, now);
    expect(notes, "an hour old").to.have.length(1);
  });

  it("[safety-12] raises it while a step's own gates are watched too, and says nothing where no user is on the new side", async () => {
    const m = await ModelService.open();
    m.world.faults = unseen;
    for (let round = 0; round < 4; round += 1) await m.migrations.guardAll();
    expect(await told(m), "nobody is there yet").to.deep.equal([]);
    m.world.faults = NO_FAULTS;
    await m.reach("traffic.dns-100");
    m.world.faults = unseen;
    await m.say({ command: "advance", extent: "step" });
    expect((await told(m)).map((e) => e.blind?.gates)).to.deep.equal([["error-rate"]]);
  });
});
