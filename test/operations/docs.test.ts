import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ANNOUNCED_MOMENTS, ASKED_MOMENTS } from "../../src/automation/journal/records.js";
import { projectRoot } from "../../src/engine/engine.js";
import { parseOperations } from "../../src/operations/config.js";
import { type Definition, METRICS } from "../../src/operations/metrics/definitions.js";
import { EVENTS } from "../../src/operations/notifications/events.js";
import { expectGenerated, markdownTable } from "../support/generated.js";
import { checkRules, requirePromtool } from "../support/promtool.js";

const PAGE = "docs/operations.md";
const page = () => readFile(join(projectRoot(), PAGE), "utf8");

/** The page with one of its tables as the code has it. */
function withTable(text: string, name: string, table: string): string {
  const begin = new RegExp(`(<!-- ${name}: [^\\n]*-->\\n)[\\s\\S]*?(<!-- end of ${name} -->)`);
  expect(text).to.match(begin);
  return text.replace(begin, (_, open: string, close: string) => `${open}\n${table}\n\n${close}`);
}

describe("docs/operations.md", () => {
  it("has every metric and every event, as the code has them", async () => {
    const metrics = Object.entries(METRICS).map(([name, { type, labels, help }]: [string, Definition]) => [
      `\`${name}\``,
      type,
      labels.map((l) => `\`${l}\``).join(", "),
      help,
    ]);
    const table = markdownTable(["metric", "type", "labels", "what it says"], metrics);
    const events = `Events: ${EVENTS.map((e) => `\`${e}\``).join(", ")}.`;
    await expectGenerated(PAGE, withTable(withTable(await page(), "metrics", table), "events", events));
  });

  it("shows alerts that Prometheus takes", async function () {
    requirePromtool(this);
    const [, table = ""] = /### Alerts to set\n\n([\s\S]*?)\n\n/.exec(await page()) ?? [];
    const rules = [...table.matchAll(/^\| ([^|]+) \| `([^`]+)` \| (\d+) (m|h) \|/gm)].map(([, alert = "", expr, n, unit]) => ({
      alert: alert.replaceAll(" ", "_"),
      expr,
      for: `${n}${unit}`,
    }));
    expect(rules.length).to.be.greaterThan(6);
    for (const { expr } of rules) {
      const names = [...(expr ?? "").matchAll(/cutover_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ""));
      expect(Object.keys(METRICS)).to.include.members(names);
    }
    const { status, output } = checkRules(rules);
    expect(status, output).to.equal(0);
  });

  it("describes every moment at which a hook is called, and shows a file that is valid", async () => {
    const text = await page();
    for (const moment of [...ASKED_MOMENTS, ...ANNOUNCED_MOMENTS]) expect(text).to.contain(`\`${moment}\``);
    const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    expect(parseOperations(example, "operations.yaml").hooks.map((h) => h.name)).to.deep.equal(["change-board", "status-page"]);
  });
});
