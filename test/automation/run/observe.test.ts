import { expect } from "chai";
import { round } from "../../../src/automation/run/observe.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { known, type Reading, unknown } from "../../../src/ports/observations.js";
import type { Target } from "../../../src/ports/target.js";
import { RAW } from "../model.js";

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
  const look = async (since?: number, gate: "error-rate" | "pods-ready" = "error-rate") => {
    const { observations } = await round({ target, observeLocal: async () => undefined }, [{ gate, holdSeconds: 60 }], CONFIG, since);
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

  it("stays bad where too little came since", async () => {
    const { look } = measuring((windowSeconds) => (windowSeconds < 300 ? unknown("too few requests") : known(0.3)));
    expect(await look(NOW - 80_000)).to.deep.equal(known(0.3));
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
