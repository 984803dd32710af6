import { z } from "zod";
import { instant, phase } from "./common.js";
import { gate, scorecard } from "./migration.js";

const point = z.object({ at: instant, value: z.number() });

/** A migration's report: what its journal says, and what was looked at to make it. */
const migrationReport = z
  .object({
    stack: z.string(),
    application: z.string(),
    environment: z.string(),
    status: z.string(),
    startedAt: instant,
    endedAt: instant,
    steps: z.array(z.object({ id: z.string(), phase, status: z.string() })),
    dnsWeights: z.array(point).describe("Percent of DNS answers for the new side, as applied"),
    greenWeights: z.array(point).describe("Percent of requests to green, as applied"),
    rollbacks: z.array(z.object({ at: instant, completedAt: instant.optional(), why: z.string(), automatic: z.boolean() })),
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
