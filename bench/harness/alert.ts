import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { type AlertRule, alertRules, plainSelection } from "../../src/components/AlertRules.js";

/** Between two scrapes, and between two evaluations. */
const STEP_SECONDS = 15;
const GOOD_STEPS = 40;
const BAD_STEPS = 80;
const REQUESTS_A_STEP = 1_500;

export const hasPromtool = (): boolean => spawnSync("promtool", ["--version"]).status === 0;

/** Seconds until the guide's alert on errors fires, by the real evaluator of Prometheus. */
export interface Alerted {
  /** From the first evaluation that is above the limit. */
  fromSample: number;
  /** From the first request that failed. */
  fromRequest: number;
}

/** @param share of requests that fail from one moment on, 0 to 1 */
export async function guidesAlert(folder: string, share: number): Promise<Alerted> {
  await mkdir(folder, { recursive: true });
  const rule = alertRules(plainSelection("web-api", "production"), {}).find((r) => r.alert === "HighErrorRate") as AlertRule;
  const above = { alert: "Above", expr: rule.expr };
  const write = (name: string, content: object) => writeFile(join(folder, name), stringify(content, { lineWidth: 0 }));
  await write("rules.yaml", { groups: [{ name: "guide", interval: `${STEP_SECONDS}s`, rules: [above, rule] }] });
  const failed = Math.round(REQUESTS_A_STEP * share);
  const good = (each: number, from: number) => `${from}+${each}x${BAD_STEPS}`;
  const times = Array.from({ length: GOOD_STEPS + BAD_STEPS }, (_, i) => `${i * STEP_SECONDS}s`);
  await write("test.yaml", {
    rule_files: ["rules.yaml"],
    evaluation_interval: `${STEP_SECONDS}s`,
    tests: [
      {
        interval: `${STEP_SECONDS}s`,
        input_series: [
          {
            series: 'http_requests_total{job="web-api",status="200"}',
            values: `0+${REQUESTS_A_STEP}x${GOOD_STEPS} ${good(REQUESTS_A_STEP - failed, REQUESTS_A_STEP * GOOD_STEPS)}`,
          },
          { series: 'http_requests_total{job="web-api",status="500"}', values: `0+0x${GOOD_STEPS} ${good(failed, 0)}` },
        ],
        // Silence is expected at each moment: what promtool finds instead is when each one fires.
        alert_rule_test: times.flatMap((eval_time) => ["Above", rule.alert].map((alertname) => ({ eval_time, alertname, exp_alerts: [] }))),
      },
    ],
  });
  const { stdout, stderr } = spawnSync("promtool", ["test", "rules", "test.yaml"], { cwd: folder, encoding: "utf8" });
  const first = (alert: string): number => {
    const found = new RegExp(`alertname: ${alert}, time: (?:(\\d+)h)?(?:(\\d+)m)?(?:(\\d+)s)?`).exec(stdout + stderr);
    if (found === null) throw new Error(`promtool does not say when ${alert} fires:\n${(stdout + stderr).slice(-2_000)}`);
    const [hours, minutes, seconds] = found.slice(1).map((n) => Number(n ?? 0)) as [number, number, number];
    return 3_600 * hours + 60 * minutes + seconds;
  };
  const fires = first(rule.alert);
  return { fromSample: fires - first("Above"), fromRequest: fires - GOOD_STEPS * STEP_SECONDS };
}
