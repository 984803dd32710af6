import { expect } from "chai";
import { ownExpression } from "../../../src/adapters/prometheus/own.js";
import { prometheusForSuite } from "../../support/prometheus.js";

const WINDOW = 30;

describe("[observing-7] an expression of the user's own, asked of a real Prometheus", function () {
  this.timeout(60_000);
  const prometheus = prometheusForSuite();
  const began = Date.now();
  const text = (): string =>
    ['orders_refused{pod="a"} 3', 'orders_refused{pod="b"} 4', `orders_total ${(Date.now() - began) / 100}`, "nothing_yet NaN", ""].join(
      "\n",
    );

  const ask = (expression: string, more: { samples?: string; leastSamples?: number } = {}) =>
    ownExpression({ url: prometheus.url() }, { expression, ...more }, WINDOW).catch((error: Error) => ({
      reading: { known: false as const, reason: error.message },
      ageSeconds: 0,
    }));
  const said = async (...asked: Parameters<typeof ask>): Promise<number | string> => {
    const { reading } = await ask(...asked);
    return reading.known ? reading.value : reading.reason;
  };

  before("scraped once", async () => {
    prometheus.expose(text);
    while ((await said("count(increase(orders_total[$window]))")) !== 1) await new Promise((resolve) => setTimeout(resolve, 200));
  });

  it("reads its one series, over the window that gates have", async () => {
    expect(await said("sum(orders_refused)")).to.equal(7);
    expect(await said("sum(increase(orders_total[$window]))")).to.be.above(0);
    // A comment at its end takes nothing of the question with it.
    expect(await said("max(orders_refused) # of all pods")).to.equal(4);
  });

  it("promise 10: takes several series, none, NaN and infinity for unknown, and says which", async () => {
    expect(await said("orders_refused")).to.contain("gives 2 series, and one is meant");
    expect(await said("sum(orders_lost)")).to.equal("its expression gives no series");
    expect(await said("nothing_yet")).to.equal("its expression gives no finite number");
    expect(await said("sum(orders_refused) / 0")).to.equal("its expression gives no finite number");
  });

  it("promise 10: says of what is no instant vector, or no PromQL, that it is refused", async () => {
    expect(await said("1 + 1")).to.contain("gave a scalar where an instant vector was expected");
    expect(await said("orders_total[1m]")).to.contain("gave a matrix");
    expect(await said("sum(")).to.contain("Prometheus refused a query");
  });

  it("promise 10: is unknown of fewer samples than the least, and where nobody knows how many there are", async () => {
    expect(await said("sum(orders_refused)", { samples: "sum(orders_total)", leastSamples: 1 })).to.equal(7);
    expect(await said("sum(orders_refused)", { samples: "count(orders_refused)", leastSamples: 50 })).to.equal(
      "only 2 samples in the window",
    );
    expect(await said("sum(orders_refused)", { samples: "sum(orders_lost)", leastSamples: 1 })).to.equal("its samples gives no series");
  });

  it("is as old as the sample of a plain series, so that one whose target is gone is stale and not good", async () => {
    expect((await ask("orders_total")).ageSeconds).to.be.below(10);
    // An exporter that says when a value was true; Prometheus goes on with it for five minutes.
    const at = Date.now() - 100_000;
    prometheus.expose(() => `orders_of_yesterday 5 ${at}\n`);
    while (!(await ask("orders_of_yesterday")).reading.known) await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await ask("orders_of_yesterday")).ageSeconds).to.be.at.least(100);
  });
});
