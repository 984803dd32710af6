import type { AwsClients } from "../adapters/aws/clients.js";
import { loadBalancerRequests } from "../adapters/aws/requests.js";
import { prometheusObservation, type RequestSignal } from "../adapters/prometheus/observations.js";
import { loadedRules, type PrometheusOptions } from "../adapters/prometheus/query.js";
import { openConnections } from "../adapters/sources/connections.js";
import { ownMeasure } from "../adapters/sources/own.js";
import type { Surroundings } from "../automation/gates/answers.js";
import { gateNamed } from "../automation/gates/catalogue.js";
import { drainedSides } from "../automation/plan/drain.js";
import { buildPlan } from "../automation/plan/plan.js";
import { signalsOf, unansweredIn } from "../automation/plan/signals.js";
import type { StackConfig } from "../config/schema.js";
import { type OtherStack, sharedInWords, sharedResources } from "../config/shared.js";
import { sourceOf } from "../config/sources.js";
import { Terminal } from "../errors.js";
import { counted } from "../lib/plural.js";
import { ownName, type Reading, type Side } from "../ports/observations.js";
import { examine, type Finding } from "./check.js";

const SIGNALS: [RequestSignal, string, (value: number) => string][] = [
  ["error-rate", "error rate", (v) => `${Math.round(v * 1_000) / 10} %`],
  ["latency-p95", "95th percentile", (v) => `${Math.round(v * 100) / 100} s`],
  ["request-count", "requests", (v) => `${Math.round(v)}`],
];

/** Which source answers for a side's requests, with a reading of each signal: what is unknown here passes no gate. */
export const answers = (
  stack: string,
  config: StackConfig,
  side: Side,
  { clients, prometheus }: { clients: AwsClients; prometheus: PrometheusOptions },
): Promise<Finding> =>
  examine(`source of the ${side} side`, stack, "Name another under sources.", async () => {
    const kind = sourceOf(config, side);
    const { windowSeconds } = config.gates;
    const read = async (signal: RequestSignal): Promise<Reading> => {
      const sampled =
        kind === "prometheus"
          ? await prometheusObservation(prometheus, config, signal, windowSeconds, side)
          : await loadBalancerRequests(clients, config, signal, side, windowSeconds, Date.now());
      return sampled.reading;
    };
    const readings = await Promise.all(SIGNALS.map(async ([signal, label, format]) => ({ label, format, reading: await read(signal) })));
    const shown = readings.map(({ label, format, reading }) => `${label} ${reading.known ? format(reading.value) : "unknown"}`).join(", ");
    const unknown = readings.find((r) => !r.reading.known)?.reading;
    if (unknown === undefined || unknown.known) return `${kind}: ${shown}`;
    return {
      warning: `${kind}: ${shown}: ${unknown.reason}`,
      mend:
        side === "new" && !config.workload.deployed
          ? "Before the first deployment this is as it should be."
          : "Let users or the load generator ask it, or name another source under sources (docs/targets.md).",
    };
  });

/** Whether each gate of the plan has somebody who can answer it: a step whose gates nothing can answer does not begin. */
export const gates = (stack: string, config: StackConfig, around: Surroundings): Promise<Finding> =>
  examine("gates", stack, "", async () => {
    const signals = signalsOf(buildPlan(config), config, around);
    const without = unansweredIn(signals);
    if (without.length === 0) return `each of the ${counted(signals.length, "gate")} of the plan has a source`;
    const steps = new Set(signals.flatMap((s) => ("nobody" in s.answer ? s.steps : [])));
    throw new Terminal(`nothing can answer ${without.join("; ")}`, {
      next: `Without it ${[...steps].join(", ")} cannot pass. Say in the stack config who answers (docs/targets.md).`,
    });
  });

/** What the user's own gates read now: an expression that gives no value passes nothing. */
export const ownGates = (
  stack: string,
  config: StackConfig,
  parts: { clients: AwsClients; prometheus: PrometheusOptions },
): Promise<Finding[]> =>
  Promise.all(
    config.gates.own.map(({ name }) => {
      const gate = gateNamed(ownName(name));
      const mend = "Correct it in gates.own, and try it where it is asked (docs/targets.md).";
      return examine(gate.name, stack, mend, async () => {
        const { windowSeconds } = config.gates;
        const { reading, source } = await ownMeasure(parts, ownName(name))({ config, side: undefined, windowSeconds });
        const accepted = `accepted: ${gate.accepts(config, undefined)}`;
        if (!reading.known) return { warning: `${source}: unknown: ${reading.reason} (${accepted})`, mend };
        const shown = `${source}: ${gate.format(reading.value)} (${accepted})`;
        if (gate.judge(reading.value, config, undefined) === "pass") return shown;
        return { warning: `${shown}: it would not pass now`, mend: "Before users are on the new side that may be as it should be." };
      });
    }),
  );

/** What counts the connections that the plan waits for before it removes a side: where nothing does, the whole time is waited. */
export const draining = (
  stack: string,
  config: StackConfig,
  asked: { clients: AwsClients; prometheus: PrometheusOptions },
): Promise<Finding> =>
  examine("draining", stack, "See that what counts the connections answers.", async () => {
    const sides = drainedSides(buildPlan(config));
    const { seconds } = config.drain;
    if (sides.length === 0) return "no side is removed whose connections would be waited for";
    if (seconds === 0) return "nothing is waited for: drain.seconds is 0";
    const seen = await Promise.all(sides.map(async (side) => ({ side, ...(await openConnections(config, side, asked)) })));
    const shown = seen.map(({ side, reading, source }) =>
      reading.known ? `${side} side ${reading.value} open (${source})` : `${side} side unknown`,
    );
    const unknown = seen.flatMap(({ reading }) => (reading.known ? [] : [reading.reason]));
    if (unknown.length === 0) return shown.join(", ");
    return {
      warning: `${shown.join(", ")}: ${unknown.join("; ")}`,
      mend: `Each removal waits ${seconds} s (drain.seconds) and cannot say what it cuts, unless something counts (docs/reference/stack-config.md, drain).`,
    };
  });

/** Whether Prometheus has loaded the alerts: a rule that no operator selects is there and does nothing. */
export const alertsLoaded = (stack: string, config: StackConfig, prometheus: PrometheusOptions): Promise<Finding> =>
  examine("alerts", stack, "See that Prometheus answers.", async () => {
    if (!config.alerts.enabled) return "not set up yet";
    const rules = (await loadedRules(prometheus)).filter((r) => r.labels.stack === stack).map((r) => r.name);
    if (rules.includes("HighErrorRate")) return `Prometheus has loaded ${rules.join(", ")}`;
    return {
      warning: "Prometheus has not loaded the rules: nobody would be told",
      mend: "Give alerts.ruleLabels the labels that the Prometheus operator selects rules by, and let it watch the namespace.",
    };
  });

/** Whether another stack names what this one's clean-up would remove. */
export const shared = (stack: string, config: StackConfig, others: readonly OtherStack[]): Promise<Finding> =>
  examine("old side", stack, "", async () => {
    const found = sharedResources(config, others);
    if (found.length === 0) return "named by no other stack";
    return {
      warning: `other stacks name it too: ${sharedInWords(found)}`,
      mend: "What they name stays until the last of their migrations ends. Do not share a database that is moved: stopping writes stops theirs.",
    };
  });
