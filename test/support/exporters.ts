import { type ChildProcess, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "chai";
import { stringify } from "yaml";
import { prometheusObservation, type RequestSignal } from "../../src/adapters/prometheus/observations.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import type { Reading } from "../../src/ports/observations.js";
import type { ConventionName } from "../../src/promql/conventions.js";
import { RAW, STACK } from "../automation/model.js";
import { requirePart } from "./parts.js";
import { endProcess, startPrometheus } from "./prometheus.js";
import { tempFolderForSuite } from "./tmp.js";

/** Seconds. */
const WINDOW = 10;

/** What a convention is to read of an exporter: every tenth request failed, and all were fast; or why it is unknown. */
export interface Reads {
  convention: ConventionName;
  reads: Record<Exclude<RequestSignal, "request-count">, "right" | RegExp>;
}

/** An application that answers `/orders`, and `/broken` with 500. */
export interface Application {
  /** HOST:PORT. */
  target: string;
  end: () => Promise<void>;
}

/**
 * Applications that real users ask and a real Prometheus scrapes, and a test for each reading.
 * @param exporters by job
 */
export function readsOfExporters<E extends Reads>(exporters: Record<string, E>, start: (exporter: E) => Promise<Application>): void {
  const folder = tempFolderForSuite("exports");
  let prometheus: { server?: ChildProcess; url: string } = { url: "" };
  let asking = true;
  let askers: Promise<void>[] = [];
  let applications: Application[] = [];

  before("applications, users who ask them, and Prometheus that scrapes them", async function () {
    this.timeout(90_000);
    requirePart(this, "Prometheus", spawnSync("prometheus", ["--version"]).status === 0, "apt-get install prometheus");
    applications = await Promise.all(Object.values(exporters).map(start));
    const jobs = Object.keys(exporters).map((job, i) => ({ job, target: applications[i]?.target ?? "" }));
    const file = join(folder(), "prometheus.yml");
    writeFileSync(
      file,
      stringify({
        global: { scrape_interval: "1s", scrape_timeout: "1s" },
        scrape_configs: jobs.map(({ job, target }) => ({
          job_name: job,
          static_configs: [{ targets: [target], labels: { namespace: "production", pod: `${job}-0` } }],
        })),
      }),
    );
    prometheus = await startPrometheus([`--config.file=${file}`, `--storage.tsdb.path=${join(folder(), "data")}`]);
    askers = jobs.map(({ target }) => ask(target));
    await pause((WINDOW + 4) * 1_000);
  });
  after("end the users, then what they ask", async () => {
    asking = false;
    await Promise.all(askers);
    await Promise.all(applications.map(({ end }) => end()));
    await endProcess(prometheus.server);
  });

  async function ask(target: string): Promise<void> {
    while (asking) {
      for (let i = 0; i < 10; i += 1) await (await fetch(`http://${target}/${i === 0 ? "broken" : "orders"}`)).text();
      await pause(200);
    }
  }

  for (const [job, { convention, reads }] of Object.entries(exporters))
    for (const [signal, expected] of Object.entries(reads) as [RequestSignal, "right" | RegExp][])
      it(`${job}, by the convention ${convention}: ${signal} is ${expected === "right" ? "read" : "unknown"}`, async () => {
        const source = { kind: "prometheus", convention, labels: { job } };
        const config = readConfig(patched(RAW, { "sources.new": source, "workload.replicas": 1 }), "test", STACK);
        const { reading } = await prometheusObservation({ url: prometheus.url }, config, signal, WINDOW);
        requireReading(reading, signal, expected);
      });
}

function requireReading(reading: Reading, signal: RequestSignal, expected: "right" | RegExp): void {
  if (expected !== "right") return void expect(reading.known ? `${reading.value}` : reading.reason).to.match(expected);
  const value = reading.known ? reading.value : reading.reason;
  // A scrape falls between two requests; no user here waits for longer than a busy machine makes them.
  if (signal === "error-rate") expect(value).to.be.within(0.07, 0.14);
  else expect(value).to.be.within(0.0001, 0.25);
}
