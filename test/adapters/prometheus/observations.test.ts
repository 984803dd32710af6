import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { prometheusObservation, query } from "../../../src/adapters/prometheus/observations.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { Terminal, Transient } from "../../../src/errors.js";
import { RAW, STACK } from "../../automation/model.js";
import { afterThisTest } from "../../support/cleanup.js";
import { prometheusForSuite } from "../../support/prometheus.js";
import { tempFolder } from "../../support/tmp.js";

const WINDOW = 6;
const config = readConfig(patched(RAW, { "gates.minRequests": 20, "workload.replicas": 1 }), "test", STACK);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Counters that grow with time: requests a second by status, all just under a duration. */
function application(perSecond: Record<string, number>, seconds: number): () => string {
  const began = Date.now();
  const buckets = [0.1, 0.5, 1, 2.5];
  return () => {
    const elapsed = (Date.now() - began) / 1_000;
    const total = Object.values(perSecond).reduce((a, b) => a + b, 0) * elapsed;
    return [
      ...Object.entries(perSecond).map(([status, n]) => `http_requests_total{status="${status}"} ${n * elapsed}`),
      ...buckets.map((le) => `http_request_duration_seconds_bucket{le="${le}"} ${le >= seconds ? total : 0}`),
      `http_request_duration_seconds_bucket{le="+Inf"} ${total}`,
      "",
    ].join("\n");
  };
}

describe("observations from a real Prometheus", function () {
  this.timeout(60_000);
  const prometheus = prometheusForSuite();
  const observe = (name: "error-rate" | "latency-p95" | "request-count") =>
    prometheusObservation({ url: prometheus.url() }, config, name, WINDOW);
  const value = async (name: Parameters<typeof observe>[0]) => {
    const sampled = await observe(name);
    return sampled?.reading.known === true ? sampled.reading.value : sampled?.reading.reason;
  };

  it("promise 10: is unknown where nothing was ever measured", async () => {
    expect(await value("error-rate")).to.contain("no samples");
  });

  it("measures error rate, latency and count over the window, with the samples' age", async () => {
    prometheus.expose(application({ "200": 90, "500": 10 }, 0.3));
    await pause((WINDOW + 3) * 1_000);
    expect(await value("error-rate")).to.be.closeTo(0.1, 0.01);
    expect(await value("latency-p95")).to.be.within(0.1, 0.5);
    // Scrapes come late on a busy machine: about 100 requests a second, in a window of six.
    expect(await value("request-count")).to.be.within(200, 900);
    expect((await observe("error-rate"))?.ageSeconds).to.be.within(0, 6);
  });

  it("counts no series of errors as none", async () => {
    prometheus.expose(application({ "201": 50 }, 0.05));
    await pause((WINDOW + 3) * 1_000);
    expect(await value("error-rate")).to.equal(0);
  });

  it("[safety-12] reads its token again for each query: a rotated one is used at once", async () => {
    let accepted = "first";
    // Prometheus itself knows no bearer tokens; what stands before it does.
    const guarded = createServer(async (request, response) => {
      if (request.headers.authorization !== `Bearer ${accepted}`) return response.writeHead(401).end("no");
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = await fetch(new URL(request.url ?? "/", prometheus.url()), {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: Buffer.concat(chunks),
      });
      response.writeHead(answer.status).end(await answer.text());
    }).listen(0, "127.0.0.1");
    await once(guarded, "listening");
    afterThisTest(() => void guarded.close());
    const tokenFile = join(tempFolder(), "token");
    const options = { url: `http://127.0.0.1:${(guarded.address() as AddressInfo).port}`, tokenFile };
    for (const token of ["first", "second"]) {
      accepted = token;
      await writeFile(tokenFile, `${token}\n`);
      expect(await query(options, "vector(7)")).to.equal(7);
    }
    accepted = "third";
    expect(await query(options, "vector(7)").catch((e) => e)).to.be.instanceOf(Terminal);
    await rm(tokenFile);
    expect(await query(options, "vector(7)").catch((e: Error) => e.message)).to.contain(`could not be read: ${tokenFile}: ENOENT`);
  });

  it("promise 10: is unknown while too few requests come", async () => {
    prometheus.expose(application({ "201": 1 }, 0.05));
    await pause((WINDOW + 3) * 1_000);
    expect(await value("error-rate")).to.match(/^(only \d+|no) requests in the window/);
  });

  it("promise 10: is unknown while no requests come at all", async () => {
    prometheus.expose(() => 'http_requests_total{status="201"} 7\n');
    await pause((WINDOW + 3) * 1_000);
    expect(await value("error-rate")).to.equal("no requests in the window");
    expect(await value("latency-p95")).to.equal("no requests in the window");
  });

  it("promise 10: is unknown when the application is not scraped any more", async () => {
    prometheus.expose(() => undefined);
    await pause(3_000);
    expect(await value("error-rate")).to.match(/no samples|too few samples/);
  });

  it("promise 10: is unknown when Prometheus cannot be reached, and says why", async () => {
    const away = await prometheusObservation({ url: "http://127.0.0.1:1" }, config, "error-rate", WINDOW);
    expect(away?.reading).to.include({ known: false }).and.have.property("reason").that.contains("http://127.0.0.1:1 does not answer");
    expect(await query({ url: "http://127.0.0.1:1" }, "1").catch((e: Error) => e)).to.be.instanceOf(Transient);
    expect(await query({ url: prometheus.url() }, "sum(").catch((e: Error) => e)).to.be.instanceOf(Terminal);
  });
});
