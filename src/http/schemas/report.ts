import { z } from "zod";
import { instant, phase } from "./common.js";
import { gate, scorecard } from "./migration.js";

const point = z.object({ at: instant, value: z.number() });

const who = { at: instant, who: z.string(), why: z.string() };

const stepReport = z
  .object({
    id: z.string(),
    phase,
    kind: z.string(),
    title: z.string(),
    seed: z.string().describe("The guide's item that it carries out"),
    status: z.string(),
    attempts: z.int(),
    startedAt: instant.optional(),
    completedAt: instant.optional(),
    revision: z.int().optional(),
    updateMs: z.number().optional().describe("What the engine's update took, in real milliseconds"),
    changes: z.record(z.string(), z.number()).optional(),
    gates: z.array(gate),
    evidence: z.string().optional(),
    files: z.array(z.string()),
    approvedBy: z.string().optional(),
  })
  .meta({ id: "StepReport" });

const promotion = z.object({
  at: instant,
  lag: z.number().optional().describe("Seconds, as observed last before it"),
  lagObservedAt: instant.optional(),
  writesStoppedAt: instant.optional(),
  pauseMs: z.number().optional().describe("Milliseconds between maintenance mode on and off"),
});

const rollback = z.object({
  ...who,
  completedAt: instant.optional(),
  automatic: z.boolean(),
  toRevision: z.int(),
  path: z.array(z.string()).describe("What ran, in order"),
  kept: z.array(z.string()),
});

const decision = z.object({
  at: instant,
  who: z.string(),
  what: z.string().describe("The command"),
  step: z.string().optional(),
  why: z.string().optional(),
  resources: z.array(z.string()).optional(),
});

const judgement = z.object({
  at: instant,
  step: z.string(),
  passed: z.boolean(),
  gates: z.array(gate),
  reason: z.string().optional(),
  heldMs: z.number().optional(),
});

const series = z.object({
  gate: z.string(),
  phase: z.string(),
  points: z.array(point.extend({ passes: z.boolean() })),
  limit: z.number().optional().describe("Highest value that passes"),
  accepts: z.string(),
});

export const migrationReport = z
  .object({
    stack: z.string(),
    application: z.string(),
    environment: z.string(),
    status: z.string(),
    startedAt: instant,
    endedAt: instant,
    steps: z.array(stepReport),
    shift: z
      .enum(["dns", "traffic"])
      .optional()
      .describe("What moves its users: the records of the dns section, or the target groups of the traffic section"),
    dnsWeights: z
      .array(point)
      .describe("Percent for the new side, as applied: of DNS answers, or of the requests of a load balancer's rule"),
    greenWeights: z.array(point).describe("Percent of requests to green, as applied"),
    promotion: promotion.optional(),
    rollbacks: z.array(rollback),
    revisions: z.array(z.object({ ...who, number: z.int(), restores: z.int().optional() })),
    waivers: z.array(z.object({ policy: z.string(), resource: z.string().optional(), reason: z.string() })),
    recoveries: z.array(z.object({ at: instant, note: z.string() })).describe("What was settled after a crash"),
    decisions: z.array(decision),
    judgements: z.array(judgement),
    series: z.array(series).describe("Values of gates over time"),
    timeline: z.array(z.object({ seq: z.int(), at: instant, kind: z.string(), step: z.string().optional(), text: z.string() })),
    costs: z
      .object({
        before: z.number(),
        after: z.number(),
        applicationBefore: z.number().optional(),
        applicationAfter: z.number().optional(),
        spotSavingsAMonth: z.number().optional(),
        currency: z.string(),
      })
      .optional()
      .describe("A month"),
    scorecard: scorecard.optional(),
    verification: z
      .object({
        at: z.number().describe("Milliseconds since the epoch, on the wall clock"),
        faults: z.array(z.string()),
        entries: z.int(),
        head: z.string().describe("Hash of the newest entry"),
      })
      .optional(),
  })
  .meta({ id: "MigrationReport", description: "What a migration's journal says, and what was looked at to report it" });

const count = z.int();

export const report = z
  .object({
    migrations: z.array(migrationReport),
    totals: z.object({
      applications: count,
      updates: count,
      previews: count,
      rollbacks: count,
      gates: count,
      samples: count,
      updateMs: z.number(),
    }),
  })
  .meta({ id: "Report", description: "What the journals say; every number comes from an entry" });
