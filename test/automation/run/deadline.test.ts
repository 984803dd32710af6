import { expect } from "chai";
import { wallClock } from "../../../src/adapters/clock.js";
import { endingBy } from "../../../src/automation/run/deadline.js";
import { Terminal } from "../../../src/errors.js";

const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined).catch((error: unknown) => error);
const INTERRUPTED = new Terminal("users are sent back");

describe("an action in the way of going back", () => {
  /** An action that is interrupted once it runs. @param heed whether it ends when it is asked */
  async function interrupted(awaited: boolean, heed: "ends" | "hangs" | "succeeds"): Promise<unknown> {
    const interruption = new AbortController();
    const ending = { clock: wallClock(), deadline: undefined, interrupted: interruption.signal, awaited, graceMs: 5 };
    const run = (signal: AbortSignal) =>
      new Promise<string>((resolve, reject) => {
        if (heed === "ends") signal.addEventListener("abort", () => reject(new Error("aborted")));
        if (heed === "succeeds") setTimeout(() => resolve("done"), 50);
      });
    const ended = endingBy(ending, run).catch((error: unknown) => error);
    interruption.abort(INTERRUPTED);
    return ended;
  }

  it("[safety-3] ends when it is asked, or is not waited for after a grace", async () => {
    expect(await interrupted(false, "ends")).to.equal(INTERRUPTED);
    expect(await interrupted(false, "hangs")).to.equal(INTERRUPTED);
  });

  it("is waited for where it decides which side may write: its outcome is never left open", async () => {
    expect(await interrupted(true, "succeeds")).to.equal("done");
  });

  it("says of itself how it ended where nobody interrupted it", async () => {
    const own = new Error("of its own");
    const ending = { clock: wallClock(), deadline: undefined, interrupted: new AbortController().signal, awaited: false };
    expect(await failure(endingBy(ending, () => Promise.reject(own)))).to.equal(own);
    expect(await endingBy(ending, async () => 42)).to.equal(42);
  });
});
