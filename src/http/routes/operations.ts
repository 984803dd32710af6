import { z } from "zod";
import { NotFound, Transient } from "../../errors.js";
import { anything, instant, ofStack } from "../schemas/common.js";
import { route } from "./route.js";

const drift = z
  .object({
    digest: z.string().describe("The same for the same differences"),
    changes: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        op: z.enum(["create", "update", "replace", "delete"]).describe("What an update would do to bring it back"),
        paths: z.array(z.string()).describe("Properties that differ; their values are not shown"),
        by: z.array(z.string()).optional().describe("Who wrote them, where the cluster knows: kubectl-set, or a controller's name"),
      }),
    ),
    at: instant.optional(),
  })
  .meta({ id: "Drift", description: "What is really there and differs from the applied revision" });
const answer = z.object({ drift: drift.nullable() });

export const operationsRoutes = [
  route({
    name: "ready",
    method: "get",
    path: "/readyz",
    tag: "service",
    summary: "Tells whether the service should be given requests; 503 says which part is missing.",
    needs: "nobody",
    answer: { schema: z.object({ status: z.literal("ready") }), what: "It should" },
    handle: async ({ services: { operations } }) => {
      const missing = Object.entries((await operations?.readiness.missing()) ?? {});
      if (missing.length > 0)
        throw new Transient(`Not ready: ${missing.map(([part, why]) => `the ${part} ${why}`).join("; ")}.`, { retryAfterSeconds: 5 });
      return { status: "ready" as const };
    },
  }),
  route({
    name: "metrics",
    method: "get",
    path: "/metrics",
    tag: "service",
    summary: "Gives the service's own metrics to Prometheus.",
    needs: "viewer",
    ofAll: true,
    answer: { type: "text/plain", schema: anything, what: "Metrics in Prometheus' text format (docs/operations.md lists them)" },
    problems: [404],
    handle: async ({ services: { operations }, response }) => {
      if (operations === undefined) throw new NotFound("This service keeps no metrics.", { next: "cutover serve does." });
      const { metrics } = operations;
      response.setHeader("content-type", metrics.contentType);
      response.send(await metrics.text());
      return undefined;
    },
  }),
  route({
    name: "getDrift",
    method: "get",
    path: "/v1/migrations/{stack}/drift",
    tag: "history",
    summary: "Shows what was changed past the engine, as the last look found it.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: answer, what: "The finding, or null" },
    problems: [404],
    handle: async ({ params: { stack }, services }) => ({ drift: (await services.migrations.get(stack)).state.drift ?? null }),
  }),
  route({
    name: "lookForDrift",
    method: "post",
    path: "/v1/migrations/{stack}/drift",
    tag: "history",
    summary: "Compares what is really there with the applied revision, now. Journals what differs; repairs nothing.",
    needs: "operator",
    params: ofStack,
    answer: { schema: answer, what: "The finding, or null" },
    problems: [404, 409, 422],
    handle: async ({ params: { stack }, services }) => ({ drift: (await services.migrations.lookForDrift(stack)) ?? null }),
  }),
];
