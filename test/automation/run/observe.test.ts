import { expect } from "chai";
import { round } from "../../../src/automation/run/observe.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { known, type Reading, unknown } from "../../../src/ports/observations.js";
import type { Target } from "../../../src/ports/target.js";
import { RAW, STACK } from "../model.js";
import { ModelService } from "../service.js";

const MINUTE = 60_000;
const NOW = 100 * MINUTE;
const CONFIG = readConfig(RAW, "web-api-production", "web-api-production");

/** Whoever measures, and over which windows it was asked. */
function measuring(rate: (windowSeconds: number) => Reading, ageSeconds = 0) {
  const windows: number[] = [];
  const target = {
    clock: { now: () => NOW },
    observer: {
      observe: async (name: "error-rate", side: "new", windowSeconds: number) => {
        windows.push(windowSeconds);
        return { name, side, reading: rate(windowSeconds), at: NOW - ageSeconds * 1_000, delaySeconds: ageSeconds, source: "test" };
      },
    },
  } as unknown as Target;
  const look = async (at?: number, again = false) => {
    const since = at === undefined ? undefined : { at, again };
    const uses = [{ gate: "error-rate" as const, holdSeconds: 60 }];
    const { observations } = await round({ target, observeLocal: async () => undefined }, uses, CONFIG, since);
    return observations[0]?.reading;
  };
  return { windows, look };
}

describe("a round of observations", () => {
  /** Errors until 90 s ago, none since. */
  const over = (windowSeconds: number) => known(windowSeconds > 90 ? 0.3 : 0);

  it("a rate that is bad by what was before the step is taken again over the time since", async () => {
    const { windows, look } = measuring(over);
    expect(await look(NOW - 80_000)).to.deep.equal(known(0));
    expect(windows).to.deep.equal([300, 80]);
  });

  it("and stays bad where it is bad since then too, whatever was before", async () => {
    const { look } = measuring(over);
    expect(await look(NOW - 120_000)).to.deep.equal(known(0.3));
    expect(await measuring(() => known(0.3)).look(NOW - 40_000)).to.deep.equal(known(0.3));
  });

  it("counts the time from when a source that is late saw it, and takes no shorter window than a config may name", async () => {
    const late = measuring(over, 60);
    await late.look(NOW - 120_000);
    expect(late.windows).to.deep.equal([300, 60]);
    const first = measuring(over);
    await first.look(NOW - 5_000);
    expect(first.windows).to.deep.equal([300, 30]);
  });

  it("stays bad where too little came since, at a first attempt", async () => {
    const { look } = measuring((windowSeconds) => (windowSeconds < 300 ? unknown("too few requests") : known(0.3)));
    expect(await look(NOW - 80_000)).to.deep.equal(known(0.3));
  });

  it("is unknown, and ends nothing, where too little came since a step was tried again: users come back as resolvers let go", async () => {
    const few = measuring((windowSeconds) => (windowSeconds < 300 ? unknown("too few requests") : known(0.3)));
    expect(await few.look(NOW - 80_000, true)).to.deep.include({ known: false });
    // The shortest window reaches back before the step too.
    expect(await measuring(() => known(0.3)).look(NOW - 10_000, true)).to.deep.include({ known: false });
    expect(await measuring(() => known(0.3)).look(NOW - 40_000, true)).to.deep.equal(known(0.3));
    expect(await measuring((w) => known(w < 300 ? 0 : 0.3)).look(NOW - 10_000, true)).to.deep.equal(known(0));
    // Then the whole window is the step's own.
    expect(await few.look(NOW - 300_000, true)).to.deep.equal(known(0.3));
  });

  it("asks once where nothing is bad, where the whole window is the step's own, or where nobody says since when", async () => {
    for (const [rate, since] of [
      [() => known(0), NOW - 80_000],
      [() => known(0.3), NOW - 400_000],
      [() => known(0.3), undefined],
    ] as const) {
      const { windows, look } = measuring(rate);
      await look(since);
      expect(windows).to.deep.equal([300]);
    }
  });
});

describe("a step that is tried again right after it went back", () => {
  /** Errors until they were mended, and too few requests to judge for some minutes after: resolvers let users go late. */
  const triedAgain = async (mended: boolean) => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-25");
    let mendedAt = Number.POSITIVE_INFINITY;
    const rate = (windowSeconds: number): Reading =>
      m.world.now - windowSeconds * 1_000 < mendedAt ? known(0.3) : windowSeconds < 200 ? unknown("too few requests") : known(0);
    m.world.faults = {
      ...m.world.faults,
      reading: (name, side, windowSeconds) => (name === "error-rate" && side === "new" ? rate(windowSeconds) : undefined),
    };
    await m.say({ command: "advance", extent: "step" });
    expect(await m.state).to.include({ status: "held" });
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    if (mended) mendedAt = m.world.now;
    await m.say({ command: "resume" });
    return m;
  };

  it("goes on where it was mended, though the window is full of the first attempt's errors", async () => {
    const m = await triedAgain(true);
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
    expect((await m.migrations.settled(STACK)).steps["traffic.dns-25"]).to.include({ status: "done", attempt: 2 });
  });

  it("goes back again where it was not", async () => {
    const m = await triedAgain(false);
    expect(await m.state).to.include({ status: "held" });
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
  });
});
