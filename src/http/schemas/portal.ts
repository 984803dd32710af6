import { z } from "zod";
import { instant } from "./common.js";

/** What only the portal reads. */

const stepStatus = z.enum(["waiting", "running", "done", "undone", "failed"]);

export const inventory = z
  .object({
    applications: z.array(
      z.object({
        name: z.string(),
        technology: z.string(),
        traffic: z.string(),
        dataStore: z.string().optional(),
        criticality: z.string(),
        owner: z.string(),
        wave: z.int().describe("Applications of one wave may move together; from 1"),
      }),
    ),
    graph: z.object({
      nodes: z.array(
        z.object({ id: z.string(), label: z.string(), kind: z.enum(["application", "service", "consumer"]), wave: z.int().optional() }),
      ),
      edges: z.array(z.object({ from: z.string(), to: z.string() })).describe("`from` needs `to`"),
    }),
  })
  .meta({ id: "Inventory", description: "Who moves when, and who needs whom" });

export const readiness = z
  .object({
    standing: z
      .enum(["computed", "unknown", "past", "none"])
      .describe("unknown is not ready; past: writes are stopped or the replica was promoted; none: no database moves"),
    at: instant,
    findings: z
      .array(
        z.object({
          kind: z.enum(["refuses", "loses", "slows", "warns"]),
          what: z.string(),
          means: z.string().describe("In tables, rows or seconds"),
          cure: z.string().describe("The statement or setting that mends it"),
          stops: z
            .enum(["the stream back", "stopping writes", "the comparison"])
            .optional()
            .describe("What is impossible as a whole because of it"),
        }),
      )
      .describe("Worst first"),
    why: z.string().optional().describe("Why it is not known"),
  })
  .meta({ id: "DatabaseReadiness", description: "What would refuse, lose, slow or endanger the move of the database" });

export const moment = z
  .object({
    now: instant.describe("The target's time when this was said"),
    health: z
      .object({ state: z.enum(["healthy", "unhealthy", "unknown"]), why: z.string(), at: instant.optional() })
      .describe("Of the sides that users are on, as measured within the last minute"),
    statusSince: instant,
    step: z
      .object({ since: instant, expectedMs: z.number().optional(), expectedFrom: z.string().optional() })
      .optional()
      .describe("The step that runs, and how long it takes by what is known"),
    resources: z
      .array(z.object({ name: z.string(), type: z.string(), op: z.string(), forMs: z.number() }))
      .describe("What the engine is at, of an update that runs in this process"),
    byHand: z.array(z.string()).describe("Zones, records and commands with which a person sets the weights without the service"),
    writePause: z
      .object({
        since: instant,
        promotionAt: instant.optional().describe("From here on the budget counts no more"),
        endedAt: instant.optional(),
        budgetMs: z.number(),
      })
      .optional()
      .describe("How long users could not write, or cannot, and how long they may not"),
  })
  .meta({ id: "Moment", description: "A migration at this moment" });

const point = z.object({ at: instant, value: z.number().nullable().describe("null where it was unknown") });

export const signals = z
  .object({
    from: instant,
    to: instant,
    charts: z.array(
      z.object({
        id: z.enum(["rollout", "dns", "errors", "latency", "lag"]),
        title: z.string(),
        unit: z.enum(["percent", "fraction", "seconds"]),
        threshold: z.object({ value: z.number(), label: z.string() }).optional().describe("Where the gate ends"),
        series: z.array(z.object({ id: z.enum(["new", "old", "asked"]), label: z.string(), points: z.array(point) })),
      }),
    ),
    moments: z
      .array(z.object({ at: instant, kind: z.enum(["step", "rollback", "held", "promotion"]), label: z.string() }))
      .describe("What happened, to mark in every chart"),
  })
  .meta({ id: "Signals", description: "Both sides over time, with the gates' limits" });

export const checklist = z
  .object({
    id: z.string(),
    title: z.string(),
    phase: z.string().describe("Where in the guide"),
    done: z.int(),
    items: z.array(
      z.object({
        text: z.string().describe("The line as the guide writes it"),
        tick: z.enum(["done", "running", "failed", "undone", "waiting"]),
        steps: z.array(z.object({ id: z.string(), status: stepStatus })).describe("The steps whose outcome ticks it"),
        evidence: z.string().optional(),
        at: instant.optional(),
      }),
    ),
  })
  .meta({ id: "Checklist", description: "A checklist of the guide, ticked by evidence" });

const severity = z.enum(["high", "medium", "low"]);

export const risk = z
  .object({
    id: z.string(),
    title: z.string(),
    severity,
    evidence: z.string(),
    mitigation: z.string(),
    standing: z.enum(["open", "mitigated"]),
    mitigatedBy: z.array(z.object({ id: z.string(), title: z.string(), status: stepStatus })),
  })
  .meta({ id: "Risk", description: "A risk, the facts it rests on, and how far its mitigation is" });

const amounts = z.object({ before: z.number(), after: z.number() });

export const costs = z
  .object({
    known: z.boolean().describe("Whether the step that reads the costs has run"),
    currency: z.string().optional(),
    account: amounts.optional().describe("The whole account, a month"),
    application: amounts.optional().describe("Tagged with the application, a month"),
    services: z.array(amounts.extend({ service: z.string() })),
    spotSavingsAMonth: z.number().optional(),
    evidence: z.string().optional(),
  })
  .meta({ id: "Costs", description: "Cost before and after" });
