import { z } from "zod";
import { instant, phase } from "./common.js";
import { gate, scorecard } from "./migration.js";

const point = z.object({ at: instant, value: z.number() });

const step = z.object({
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
  updateMs: z.number().optional().describe("Real milliseconds that the engine's update took"),
  changes: z.record(z.string(), z.number()).optional(),
  gates: z.array(gate),
  evidence: z.string().optional(),
  files: z.array(z.string()),
  approvedBy: z.string().optional(),
});

const rollback = z.object({
  at: instant,
  completedAt: instant.optional(),
  why: z.string(),
  who: z.string(),
  automatic: z.boolean(),
  toRevision: z.int(),
  path: z.array(z.string()),
  kept: z.array(z.string()),
});

const promotion = z.object({
  at: instant,
  lag: z.number().optional().describe("Seconds, as observed last before it"),
  lagObservedAt: instant.optional(),
  writesStoppedAt: instant.optional(),
  pauseMs: z.number().optional().describe("Milliseconds between maintenance mode on and off"),
});

/** A migration's report: what its journal says, and what was looked at to make it. */
const migrationReport = z
  .object({
    stack: z.string(),
    application: z.string(),
    environment: z.string(),
    status: z.string(),
    startedAt: instant,
    endedAt: instant,
    steps: z.array(step),
    dnsWeights: z.array(point).describe("Percent of DNS answers for the new side, as applied"),
    greenWeights: z.array(point).describe("Percent of requests to green, as applied"),
    promotion: promotion.optional(),
    rollbacks: z.array(rollback),
    revisions: z.array(z.object({ number: z.int(), why: z.string(), who: z.string(), at: instant, restores: z.int().optional() })),
    waivers: z
      .array(z.object({ policy: z.string(), resource: z.string().optional(), reason: z.string() }))
      .describe("Policies that the stack config lets pass"),
    recoveries: z.array(z.object({ at: instant, note: z.string() })).describe("What was settled after a crash"),
    decisions: z.array(
      z.object({
        at: instant,
        who: z.string(),
        what: z.string(),
        step: z.string().optional(),
        why: z.string().optional(),
        resources: z.array(z.string()).optional(),
      }),
    ),
    judgements: z.array(
      z.object({
        at: instant,
        step: z.string(),
        passed: z.boolean(),
        gates: z.array(gate),
        reason: z.string().optional(),
        heldMs: z.number().optional(),
      }),
    ),
    series: z
      .array(
        z.object({
          gate: z.string(),
          phase: z.string(),
          points: z.array(point.extend({ passes: z.boolean() })),
          limit: z.number().optional().describe("Highest value that passes"),
          accepts: z.string(),
        }),
      )
      .describe("Values of gates over time"),
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
      .describe("A month's, as the step that reviews them found them"),
    scorecard: scorecard.optional(),
    verification: z
      .object({
        at: z.number().describe("Milliseconds since the epoch, on the wall clock"),
        faults: z.array(z.string()),
        entries: z.int(),
        head: z.string(),
      })
      .optional(),
  })
  .meta({ id: "MigrationReport" });

export const report = z
  .object({ migrations: z.array(migrationReport), totals: z.record(z.string(), z.number()) })
  .meta({ id: "Report", description: "What the journals say; every number comes from an entry" });
