import { expect } from "chai";
import { type BuiltInName, OBSERVATIONS } from "../../src/ports/observations.js";
import type { ObserverPort } from "../../src/ports/target.js";

export interface ObserverSide {
  observer: ObserverPort;
  now(): number;
  close?(): void;
}

const NAMES = Object.keys(OBSERVATIONS) as BuiltInName[];
/** Observations that are a difference or a multiple, so not bound to a range. */
const FREE: BuiltInName[] = ["error-rate-over-old", "latency-over-old"];

/** What every observer keeps, the real one and its sandbox twin, whatever is behind it. */
export function observerPortContract(name: string, open: () => Promise<ObserverSide>): void {
  describe(`the contract of the observer port: ${name}`, function () {
    this.timeout(120_000);
    let side: ObserverSide;
    before(async () => {
      side = await open();
    });
    after(() => side?.close?.());

    it("promise 10: answers each observation as a value in its range or as unknown with a reason, and never throws", async () => {
      for (const observation of NAMES) {
        for (const of of [undefined, "old", "new"] as const) {
          const answer = await side.observer.observe(observation, of, 300);
          expect(answer.name).to.equal(observation);
          expect(answer.source, observation).to.not.equal("");
          expect(answer.at, `${observation} lies in the future`).to.be.at.most(side.now());
          const { reading } = answer;
          if (!reading.known) expect(reading.reason, observation).to.match(/\w/);
          else if (!FREE.includes(observation)) {
            expect(reading.value, observation).to.satisfy(Number.isFinite).and.to.be.at.least(0);
            if (OBSERVATIONS[observation].startsWith("fraction")) expect(reading.value, observation).to.be.at.most(1);
            if (OBSERVATIONS[observation].startsWith("percent")) expect(reading.value, observation).to.be.at.most(100);
            if (OBSERVATIONS[observation].startsWith("1 when")) expect(reading.value, observation).to.be.oneOf([0, 1]);
          }
        }
      }
    });

    it("promise 10: says of a gate of the user's own that the config does not have that it is unknown", async () => {
      const answer = await side.observer.observe("own.of-nobody", undefined, 300);
      expect(answer).to.deep.include({
        name: "own.of-nobody",
        reading: { known: false, reason: "gates.own has no own.of-nobody any more" },
      });
    });

    it("promise 10: compares the sides only when both are known", async () => {
      for (const [comparison, of] of [
        ["error-rate-over-old", "error-rate"],
        ["latency-over-old", "latency-p95"],
      ] as const) {
        const [both, fresh, old] = await Promise.all([
          side.observer.observe(comparison, undefined, 300),
          side.observer.observe(of, "new", 300),
          side.observer.observe(of, "old", 300),
        ]);
        expect(both.reading.known).to.equal(fresh.reading.known && old.reading.known);
        if (!both.reading.known) expect(both.reading.reason).to.match(/^(new|old) side: \w/);
      }
    });
  });
}
