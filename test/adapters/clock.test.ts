import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { wallClock } from "../../src/adapters/clock.js";

const DAY = 86_400_000;

/** A clock that only a test moves, looked at every millisecond. */
function heldClock() {
  let at = 1_000_000;
  const clock = wallClock(() => at, 1);
  const set = (to: number): void => {
    at = to;
  };
  return { clock, set, now: () => at };
}

/** Whether it has ended, some looks later. */
const hasEnded = (waiting: Promise<unknown>): Promise<boolean> => Promise.race([waiting.then(() => true), sleep(30).then(() => false)]);

describe("the machine's clock", () => {
  it("waits for weeks: the end of a freeze does not come at once", async () => {
    const { clock, set, now } = heldClock();
    const waiting = clock.sleepUntil(now() + 40 * DAY);
    expect(await hasEnded(waiting)).to.equal(false);
    set(now() + 40 * DAY);
    expect(await hasEnded(waiting)).to.equal(true);
    const real = new AbortController();
    const truly = wallClock().sleepUntil(Date.now() + 40 * DAY, real.signal);
    expect(await hasEnded(truly)).to.equal(false);
    real.abort(new Error("enough"));
    expect(await truly.catch((e: Error) => e.message)).to.equal("enough");
  });

  it("ends when the clock is set forward over its end, not when a timer would", async () => {
    const { clock, set, now } = heldClock();
    const waiting = clock.sleepUntil(now() + DAY);
    set(now() + 2 * DAY);
    expect(await hasEnded(waiting)).to.equal(true);
  });

  it("lets whoever waits decide again when the clock is set back", async () => {
    const { clock, set, now } = heldClock();
    const waiting = clock.sleepUntil(now() + DAY);
    expect(await hasEnded(waiting)).to.equal(false);
    set(now() - 1);
    expect(await hasEnded(waiting)).to.equal(true);
  });

  it("ends with the signal's reason, also where it was given before", async () => {
    const { clock, now } = heldClock();
    const stop = new AbortController();
    const waiting = clock.sleepUntil(now() + DAY, stop.signal).catch((e: Error) => e.message);
    stop.abort(new Error("woken"));
    expect(await waiting).to.equal("woken");
    for (const until of [now() + DAY, now() - DAY])
      expect(await clock.sleepUntil(until, stop.signal).catch((e: Error) => e.message)).to.equal("woken");
  });
});
