import { expect } from "chai";
import { inPieces } from "../../src/lib/pieces.js";

const busy = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

describe("many small things", () => {
  it("[people-24] come all, in order, and whoever waits for the thread has it in between", async () => {
    const order: string[] = [];
    setImmediate(() => order.push("another"));
    for await (const n of inPieces([1, 2, 3, 4], 5)) {
      busy(6);
      order.push(String(n));
    }
    expect(order.filter((o) => o !== "another")).to.deep.equal(["1", "2", "3", "4"]);
    expect(order.indexOf("another")).to.be.greaterThan(0).and.lessThan(4);
  });
});
