import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { OWN_PHASES } from "../../src/config/ownGates.js";
import { patched, type RawConfig, readConfig } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import type { UserError } from "../../src/errors.js";
import { RAW, STACK, WITH_PROCESSES } from "../automation/model.js";

const GATE = { name: "refused-orders", source: "prometheus", expression: "sum(orders_refused)", limit: 0.01 };
const own = (...gates: object[]) => readConfig(patched(RAW, { "gates.own": gates }), "test", STACK).gates.own;
const without = (raw: RawConfig, ...sections: string[]): RawConfig =>
  Object.fromEntries(Object.entries(raw).filter(([key]) => !sections.includes(key.replace("cutover:", ""))));

/** What is wrong with a config, as the error says it. */
function wrong(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    return (error as UserError).issues.map(({ path, got, accepted }) => `${path}: ${got ?? "nothing"}; accepted: ${accepted}`);
  }
  return [];
}

describe("[observing-7] a gate of the user's own in the stack config", () => {
  it("needs a name, a source with what it asks, and a limit; all else has a default", () => {
    expect(own(GATE)).to.deep.equal([{ ...GATE, direction: "at-most", holdSeconds: 0, whenUnknown: "wait", phases: ["traffic"] }]);
    const metric = { source: "cloudwatch", namespace: "AWS/SES", metric: "Send", statistic: "p99.9", limit: 1 };
    expect(own({ name: "sent", ...metric })[0]).to.deep.include({ ...metric, dimensions: {} });
  });

  it("is refused by the field that is wrong, with what is accepted", () => {
    const cases: [object[], string][] = [
      [[{ ...GATE, expression: "  " }], "gates.own.0.expression:   ; accepted: a PromQL expression that gives one value"],
      [[{ ...GATE, limit: undefined }], "gates.own.0.limit: nothing; accepted: a number"],
      [[{ ...GATE, direction: "below" }], 'gates.own.0.direction: below; accepted: "at-most" or "at-least"'],
      [[{ ...GATE, whenUnknown: "pass" }], 'gates.own.0.whenUnknown: pass; accepted: "wait" or "fail"'],
      [[{ ...GATE, name: "Refused Orders" }], "gates.own.0.name: Refused Orders; accepted: a lower-case DNS label, for example web-api"],
      [[{ ...GATE, source: "datadog" }], 'gates.own.0.source: datadog; accepted: a gate whose source is "prometheus" or "cloudwatch"'],
      [[{ ...GATE, phases: [] }], "gates.own.0.phases: []; accepted: at least one of database, rollout, traffic, optimize, cleanup"],
      [[{ ...GATE, phases: ["assess"] }], "gates.own.0.phases.0: assess; accepted: one of database, rollout, traffic, optimize, cleanup"],
      [[{ ...GATE, leastSamples: 5 }], "gates.own.0.samples: nothing; accepted: leastSamples and samples together"],
      [[GATE, { ...GATE, limit: 2 }], "gates.own.1.name: refused-orders; accepted: a name that no other gate of gates.own has"],
      [
        [{ name: "sent", source: "cloudwatch", namespace: "AWS/SES", metric: "Send", statistic: "Median", limit: 1 }],
        'gates.own.0.statistic: Median; accepted: one of Average, Sum, Minimum, Maximum, SampleCount, or a percentile such as "p99"',
      ],
    ];
    for (const [gates, expected] of cases) {
      const [first, ...others] = wrong(() => own(...gates));
      expect(others, expected).to.deep.equal([]);
      expect(first?.replaceAll('"', ""), expected).to.contain(expected.replaceAll('"', ""));
    }
    expect(wrong(() => own({ ...GATE, metric: "Send" }))[0]).to.contain("gates.own.0.metric: an unknown key");
  });

  it("takes no place of a gate of cutover's own, whatever it is called", () => {
    const config = readConfig(patched(RAW, { "gates.own": [{ ...GATE, name: "error-rate" }] }), "test", STACK);
    const gates = buildPlan(config).flatMap((s) => (s.id === "traffic.dns-25" && "gates" in s ? s.gates.map((g) => g.gate) : []));
    expect(gates).to.include.members(["error-rate", "own.error-rate"]);
  });

  it("names phases that the stack's plan watches: the plan has it in each that is accepted, and in no other", () => {
    const stacks: RawConfig[] = [
      RAW,
      WITH_PROCESSES,
      without(RAW, "database"),
      without(RAW, "dns"),
      without(RAW, "dns", "database", "old", "ingress"),
      without(WITH_PROCESSES, "dns"),
      { ...RAW, "cutover:strategy": { kind: "rolling", image: "example.org/web-api:1.1.0" } },
      { ...RAW, "cutover:strategy": { kind: "canary", image: "example.org/web-api:1.1.0", steps: [{ setWeight: 50, pauseSeconds: 60 }] } },
    ];
    const judged = { accepted: 0, refused: 0 };
    for (const [i, raw] of stacks.entries())
      for (const phase of OWN_PHASES) {
        const asked = patched(raw, { "gates.own": [{ ...GATE, phases: [phase] }] });
        // Sections that are left out are missed elsewhere too.
        const refused = wrong(() => readConfig(asked, "test", STACK)).filter((w) => w.startsWith("gates."));
        const plan = buildPlan(readConfig(asked, "test", STACK, { lenient: true }));
        const has = plan.some((s) => "gates" in s && s.gates.some((g) => g.gate === "own.refused-orders"));
        expect(refused.length === 0, `stack ${i}, ${phase}: ${refused.join()}`).to.equal(has);
        if (!has) expect(refused[0]).to.match(/^gates\.own\.0\.phases\.0: .*accepted: a phase that this stack watches \(/);
        judged[has ? "accepted" : "refused"] += 1;
      }
    expect(judged.accepted).to.be.above(20);
    expect(judged.refused).to.be.above(5);
  });

  it("is in the documentation as it is read", async () => {
    const text = await readFile(join(projectRoot(), "docs", "targets.md"), "utf8");
    const [, example = ""] = /## A gate of your own[\s\S]*?```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const { config } = parse(example) as { config: { "cutover:gates": { own: object[] } } };
    expect(own(...config["cutover:gates"].own).map((g) => [g.name, g.phases, g.whenUnknown])).to.deep.equal([
      ["refused-orders", ["traffic", "cleanup"], "wait"],
      ["mails-sent", ["traffic"], "fail"],
    ]);
  });
});
