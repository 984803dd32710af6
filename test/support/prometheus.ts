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
        scrape_configs: [{ job_name: "web-api", static_configs: [{ targets: [target] }] }],
      }),
    );
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const flags = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder(), "data")}`, `--web.listen-address=127.0.0.1:${port}`];
    server = spawn("prometheus", flags, { stdio: "ignore" });
    while (
      !(await fetch(`${url}/-/ready`).then(
        (r) => r.ok,
        () => false,
      ))
    )
      await new Promise((resolve) => setTimeout(resolve, 100));
  });
  after("end Prometheus", async () => {
    exporter?.closeAllConnections();
    exporter?.close();
    if (server !== undefined && server.exitCode === null) {
      server.kill("SIGKILL");
      await new Promise((resolve) => server?.once("exit", resolve));
    }
  });
  return {
    url: () => url,
    expose(next: () => string | undefined): void {
      metrics = next;
    },
  };
}
