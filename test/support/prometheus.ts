import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "./freePort.js";
import { requirePart } from "./parts.js";
import { tempFolderForSuite } from "./tmp.js";

/** A real Prometheus that scrapes, every second, whatever `metrics()` answers, as the job web-api. */
export function prometheusForSuite() {
  const folder = tempFolderForSuite("prometheus");
  let server: ChildProcess | undefined;
  let exporter: Server | undefined;
  let url = "";
  let metrics: () => string | undefined = () => undefined;

  before("start Prometheus", async function () {
    this.timeout(60_000);
    requirePart(this, "Prometheus", spawnSync("prometheus", ["--version"]).status === 0, "apt-get install prometheus");
    exporter = createServer((_, response) => {
      const text = metrics();
      if (text === undefined) response.writeHead(503).end();
      else response.end(text);
    });
    await new Promise<void>((resolve) => exporter?.listen(0, "127.0.0.1", resolve));
    const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
    const file = join(folder(), "prometheus.yml");
    writeFileSync(
      file,
      stringify({
        global: { scrape_interval: "1s", scrape_timeout: "1s" },
        scrape_configs: [{ job_name: "web-api", static_configs: [{ targets: [target], labels: { namespace: "production" } }] }],
      }),
    );
    ({ server, url } = await startPrometheus([`--config.file=${file}`, `--storage.tsdb.path=${join(folder(), "data")}`]));
  });
  after("end Prometheus", async () => {
    exporter?.closeAllConnections();
    exporter?.close();
    await endProcess(server);
  });
  return {
    url: () => url,
    expose(next: () => string | undefined): void {
      metrics = next;
    },
  };
}

/** One series that grows evenly. */
export interface Growth {
  name: string;
  labels: Record<string, string>;
  perSecond: number;
  /** Its first value. @default 0 */
  from?: number;
  /** When it began, seconds ago. @default the whole time */
  sinceSeconds?: number;
}

const BACK_SECONDS = 900;
/** So long after the start there are samples: tests may be slow. */
const AHEAD_SECONDS = 1_800;
const EVERY_SECONDS = 15;

/** A real Prometheus that has measured these series for the last quarter of an hour, and goes on to. */
export function backfilledForSuite(series: () => Growth[]) {
  const folder = tempFolderForSuite("prometheus");
  let server: ChildProcess | undefined;
  let url = "";

  before("start Prometheus with a past", async function () {
    this.timeout(120_000);
    const present = spawnSync("prometheus", ["--version"]).status === 0 && spawnSync("promtool", ["--version"]).status === 0;
    requirePart(this, "Prometheus", present, "apt-get install prometheus");
    const data = join(folder(), "data");
    const file = join(folder(), "past.txt");
    writeFileSync(file, openMetrics(series(), Math.floor(Date.now() / 1_000)));
    const made = spawnSync("promtool", ["tsdb", "create-blocks-from", "openmetrics", file, data], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`promtool: ${made.stderr}`);
    const config = join(folder(), "prometheus.yml");
    writeFileSync(config, "{}\n");
    ({ server, url } = await startPrometheus([`--config.file=${config}`, `--storage.tsdb.path=${data}`]));
  });
  after("end Prometheus", () => endProcess(server));
  return { url: () => url };
}

function openMetrics(series: Growth[], now: number): string {
  const lines: string[] = [];
  for (const { name, labels, perSecond, from = 0, sinceSeconds = BACK_SECONDS } of series) {
    const shown = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
    for (let at = -sinceSeconds; at <= AHEAD_SECONDS; at += EVERY_SECONDS)
      lines.push(`${name}{${shown.join(",")}} ${from + perSecond * (at + sinceSeconds)} ${now + at}`);
  }
  return `${lines.join("\n")}\n# EOF\n`;
}

/** On a free port, once it is ready. */
export async function startPrometheus(flags: string[]): Promise<{ server: ChildProcess; url: string }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = spawn("prometheus", [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: "ignore" });
  const ready = () =>
    fetch(`${url}/-/ready`).then(
      (r) => r.ok,
      () => false,
    );
  while (!(await ready())) await new Promise((resolve) => setTimeout(resolve, 100));
  return { server, url };
}

export async function endProcess(server: ChildProcess | undefined): Promise<void> {
  if (server === undefined || server.exitCode !== null) return;
  server.kill("SIGKILL");
  await new Promise((resolve) => server.once("exit", resolve));
}
