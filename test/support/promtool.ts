import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { requirePart } from "./parts.js";
import { tempFolder } from "./tmp.js";

/** Makes the running test need promtool, the real evaluator of Prometheus rules. */
export function requirePromtool(context: Mocha.Context): void {
  requirePart(context, "promtool", spawnSync("promtool", ["--version"]).status === 0, "apt-get install prometheus");
}

/** One series: its name with labels, and its values as promtool writes them (`0+60x10`: 0, 60, 120, …). */
export interface Series {
  series: string;
  values: string;
}

export interface ExpectedAlert {
  exp_labels: Record<string, string>;
  exp_annotations: Record<string, string>;
}

export interface RuleTest {
  rules: object[];
  /** One sample a minute. */
  series: Series[];
  /** Minutes after the first sample. */
  atMinute: number;
  alert: string;
  /** The alerts that must fire then; none: it must be silent. */
  expected: ExpectedAlert[];
}

/** Checks that the real promtool takes the rules. @returns its exit code and output */
export function checkRules(rules: object[]): { status: number | null; output: string } {
  const folder = tempFolder("promtool");
  writeFileSync(join(folder, "rules.yaml"), stringify({ groups: [{ name: "cutover", rules }] }, { lineWidth: 0 }));
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", "rules.yaml"], { cwd: folder, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

/** Evaluates the rules with the real promtool. @returns its exit code and output */
export function testRules({ rules, series, atMinute, alert, expected }: RuleTest): { status: number | null; output: string } {
  const folder = tempFolder("promtool");
  const write = (name: string, content: object): void => writeFileSync(join(folder, name), stringify(content, { lineWidth: 0 }));
  write("rules.yaml", { groups: [{ name: "web-api", interval: "30s", rules }] });
  write("test.yaml", {
    rule_files: ["rules.yaml"],
    evaluation_interval: "30s",
    tests: [
      {
        interval: "1m",
        input_series: series,
        alert_rule_test: [{ eval_time: `${atMinute}m`, alertname: alert, exp_alerts: expected }],
      },
    ],
  });
  const checked = spawnSync("promtool", ["check", "rules", "rules.yaml"], { cwd: folder, encoding: "utf8" });
  if (checked.status !== 0) return { status: checked.status, output: checked.stdout + checked.stderr };
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "test.yaml"], { cwd: folder, encoding: "utf8" });
  return { status, output: stdout + stderr };
}
