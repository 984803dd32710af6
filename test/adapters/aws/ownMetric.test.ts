import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";
import { ownMetric } from "../../../src/adapters/aws/ownMetric.js";
import { CLOUDWATCH_DELAY } from "../../../src/adapters/aws/requests.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";

const DIMENSIONS = { Queue: "orders" };

describe("[observing-7] a metric of the user's own, asked of CloudWatch", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  /** Each test has minutes of its own: what another one put there is not seen. */
  let now = Date.now();
  beforeEach(() => {
    now += 3_600_000;
  });

  const put = (values: number[]) =>
    moto.clients().cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: "Shop",
        MetricData: values.map((Value) => ({
          MetricName: "Refused",
          Value,
          Timestamp: new Date(now - (CLOUDWATCH_DELAY + 90) * 1_000),
          Dimensions: Object.entries(DIMENSIONS).map(([Name, of]) => ({ Name, Value: of })),
        })),
      }),
    );
  const ask = async (statistic: string, more: object = {}) => {
    const asked = { name: "refused", source: "cloudwatch", namespace: "Shop", metric: "Refused", dimensions: DIMENSIONS, limit: 1 };
    const [gate] = readConfig(patched(RAW, { "gates.own": [{ ...asked, statistic, ...more }] }), "test", STACK).gates.own;
    if (gate?.source !== "cloudwatch") throw new Error("no gate of CloudWatch");
    return ownMetric(moto.clients(), gate, 300, now);
  };

  it("reads each statistic of the whole window, with how old it is", async () => {
    await put([1, 2, 6]);
    const read = async (statistic: string) => (await ask(statistic)).reading;
    expect(await read("Sum")).to.deep.equal({ known: true, value: 9 });
    expect(await read("Average")).to.deep.equal({ known: true, value: 3 });
    expect(await read("Minimum")).to.deep.equal({ known: true, value: 1 });
    expect(await read("Maximum")).to.deep.equal({ known: true, value: 6 });
    expect(await read("SampleCount")).to.deep.equal({ known: true, value: 3 });
    expect((await ask("Sum")).ageSeconds).to.be.within(CLOUDWATCH_DELAY, CLOUDWATCH_DELAY + 60);
  });

  it("promise 10: is unknown without a sample, with other dimensions, and with fewer samples than the least", async () => {
    const nothing = { known: false, reason: "CloudWatch has no samples of Shop Refused with these dimensions in the window" };
    expect((await ask("Sum")).reading).to.deep.equal(nothing);
    await put([1, 2]);
    expect((await ask("Sum", { dimensions: { Queue: "mails" } })).reading).to.deep.equal(nothing);
    expect((await ask("Sum", { leastSamples: 3 })).reading).to.deep.equal({ known: false, reason: "only 2 samples in the window" });
    expect((await ask("Sum", { leastSamples: 2 })).reading).to.deep.equal({ known: true, value: 3 });
  });
});
