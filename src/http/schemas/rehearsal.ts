import { z } from "zod";
import { instant, phase } from "./common.js";
import { migrationReport } from "./report.js";

const summary = {
  id: z.string(),
  madeAt: z.string().describe("Wall clock, ISO 8601"),
  stacks: z.array(z.string()),
  verdict: z.enum(["go", "no-go"]),
  reasons: z.array(z.string()).describe("What speaks against the real migration; empty for a go"),
};

export const rehearsalSummary = z.object(summary).meta({ id: "RehearsalSummary", description: "A rehearsal in a list" });

const rollback = z.object({
  at: instant,
  why: z.string(),
  automatic: z.boolean(),
  revision: z.int(),
  detectionMs: z.number().optional().describe("From the first bad sample to the decision"),
  usersBackMs: z.number().optional().describe("From the decision until users were back"),
  doneMs: z.number().optional(),
  usersOnNew: z.number().describe("Share of users on the new side at the decision"),
  loses: z.array(z.string()),
});

const wayBackCost = z.object({
  step: z.string(),
  at: instant,
  possible: z.boolean(),
  usersMinutes: z.number(),
  minutes: z.number(),
  items: z.int(),
  loses: z.array(z.string()),
});

const frame = z
  .object({
    seq: z.int(),
    at: instant,
    kind: z.string(),
    step: z.string().optional(),
    text: z.string(),
    status: z.string(),
    phase,
    revision: z.int(),
    weights: z.object({ dns: z.number().optional(), green: z.number().optional() }).describe("Percent, as intended"),
    usersOnNew: z.number().describe("Share of users really on the new side"),
    gates: z.array(z.object({ gate: z.string(), verdict: z.string(), shown: z.string(), accepts: z.string() })).optional(),
  })
  .meta({ id: "RehearsalFrame", description: "One moment to replay: what happened, and how everything stood then" });

export const rehearsal = z
  .object({
    ...summary,
    seed: z.int(),
    migrations: z.array(
      z.object({
        stack: z.string(),
        digest: z.string().describe("SHA-256 of the stack config that was rehearsed"),
        status: z.string(),
        reasons: z.array(z.string()),
        faults: z.array(z.object({ fault: z.string(), came: z.boolean() })),
        restarts: z.int(),
        rollbacks: z.array(rollback).describe("What each rollback of the rehearsal cost"),
        waysBack: z.array(wayBackCost).describe("What going back to the beginning would have cost after each step"),
        notTried: z.array(z.string()).optional().describe("What the sandbox could not try"),
        signals: z
          .array(
            z.object({
              gate: z.string(),
              steps: z.array(z.string()).describe("Steps that ask it, in order"),
              source: z.string().optional(),
              noSource: z.string().optional().describe("Why nothing ever can answer, and what to do about it"),
            }),
          )
          .optional()
          .describe("Each gate of the plan, and who answers it on real targets: the sandbox answered for all of them"),
        writePauseMs: z.number().optional(),
        untilPromotionMs: z.number().optional(),
        writePauseBudgetMs: z.number().optional(),
        frames: z.array(frame),
        report: migrationReport,
      }),
    ),
  })
  .meta({ id: "Rehearsal", description: "A rehearsal, to judge and to replay step by step" });
