import { connect } from "node:net";
import { type PrometheusOptions, query } from "../adapters/prometheus/observations.js";
import type { StackConfig } from "../config/schema.js";
import { Transient } from "../errors.js";
import { counted } from "../lib/plural.js";
import { examine, type Finding } from "./check.js";

const CONNECT_MS = 5_000;

/** Whether Prometheus answers queries. */
export const metrics = (environment: string, prometheus: PrometheusOptions): Promise<Finding> =>
  examine("metrics", environment, "Correct prometheus.url in the targets file, or open the way to it.", async () => {
    const up = await query(prometheus, "count(up == 1)");
    if (up === undefined)
      return { warning: `${prometheus.url} answers, and scrapes nothing`, mend: "Let it scrape the applications' /metrics." };
    return `${prometheus.url} scrapes ${counted(up, "target")}`;
  });

/** Whether the old database can be reached from here; who may log in shows in the step that tests the replica. */
export const database = (stack: string, config: StackConfig): Promise<Finding> =>
  examine("database", stack, "Open its security group to this machine, or run cutover where it can be reached.", async () => {
    if (config.database === undefined) return "moves no database";
    const { endpoint: host, port } = config.database.source;
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host, port, timeout: CONNECT_MS });
      const fail = (why: string): void => {
        socket.destroy();
        reject(new Transient(`${host}:${port} cannot be reached: ${why}`));
      };
      socket.once("connect", () => {
        socket.destroy();
        resolve();
      });
      socket.once("timeout", () => fail(`no answer within ${CONNECT_MS / 1_000} s`));
      socket.once("error", (error) => fail(error.message));
    });
    return `${host}:${port} can be reached`;
  });
