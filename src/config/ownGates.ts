import { z } from "zod";
import { type OwnName, ownName } from "../ports/observations.js";
import { count, name, seconds } from "./primitives.js";

/** Phases in which pods, workers or users' requests are watched. */
export const OWN_PHASES = ["database", "rollout", "traffic", "optimize", "cleanup"] as const;
export type OwnPhase = (typeof OWN_PHASES)[number];

const expression = z.string("a PromQL expression").trim().min(1, "a PromQL expression that gives one value");
const STATISTIC = 'one of Average, Sum, Minimum, Maximum, SampleCount, or a percentile such as "p99"';

const common = {
  /** What plans, journal and portal call it, after `own.`. */
  name,
  /** What the value may be at most, or must be at least. */
  limit: z.number("a number").refine(Number.isFinite, "a finite number"),
  /** On which side of `limit` a value passes. */
  direction: z.enum(["at-most", "at-least"], '"at-most" or "at-least"').default("at-most"),
  /** With fewer samples than this in `gates.windowSeconds` it is unknown. @default any number will do */
  leastSamples: count(1, 1_000_000_000).optional(),
  /** How long it must pass without a break, where the step's other gates hold for less. */
  holdSeconds: seconds(0, 86_400).default(0),
  /** `wait`: unknown is waited for until `gates.timeoutSeconds`; `fail`: it counts as a bad sample. It never passes. */
  whenUnknown: z.enum(["wait", "fail"], '"wait" or "fail"').default("wait"),
  /** In which phases it is judged: in their steps that watch pods, workers or users' requests. */
  phases: z
    .array(z.enum(OWN_PHASES, `one of ${OWN_PHASES.join(", ")}`))
    .min(1, `at least one of ${OWN_PHASES.join(", ")}`)
    .default(["traffic"]),
};

const ofPrometheus = z.strictObject({
  source: z.literal("prometheus"),
  ...common,
  /** Gives one value; `$window` stands for `gates.windowSeconds`. Several series, none, or NaN are unknown. */
  expression,
  /** Gives the number of samples that `leastSamples` speaks of. */
  samples: expression.optional(),
});

const ofCloudWatch = z.strictObject({
  source: z.literal("cloudwatch"),
  ...common,
  /** For example `AWS/SQS`. */
  namespace: z.string("a namespace of CloudWatch").min(1, "a namespace of CloudWatch, for example AWS/SQS").max(255),
  metric: z.string("a name of a metric").min(1, "a name of a metric, for example NumberOfMessagesSent").max(255),
  /** All dimensions of the metric: CloudWatch takes others for another metric. */
  dimensions: z.record(z.string().min(1).max(255), z.string().min(1).max(1_024)).default({}),
  /** Over `gates.windowSeconds`, in whole minutes. */
  statistic: z.string(STATISTIC).regex(/^(Average|Sum|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d{1,2})?|p100)$/, STATISTIC),
});

const ownGate = z
  .discriminatedUnion("source", [ofPrometheus, ofCloudWatch], { error: 'a gate whose source is "prometheus" or "cloudwatch"' })
  .refine((g) => g.source !== "prometheus" || (g.leastSamples === undefined) === (g.samples === undefined), {
    message: "leastSamples and samples together: a number, and the expression that counts",
    path: ["samples"],
  });

export type OwnGate = z.output<typeof ownGate>;

/** Gates of the user's own: each name once. */
export const ownGates = z
  .array(ownGate)
  .superRefine((gates, context) => {
    for (const [i, gate] of gates.entries())
      if (gates.findIndex((g) => g.name === gate.name) < i)
        context.addIssue({ code: "custom", path: [i, "name"], message: "a name that no other gate of gates.own has" });
  })
  .default([]);

/** What a gate of the user's own is, by its name in plans; undefined where the config has it no more. */
export const ownGateOf = ({ gates }: { gates: { own: OwnGate[] } }, gate: OwnName): OwnGate | undefined =>
  gates.own.find((g) => ownName(g.name) === gate);
