import { z } from "zod";
import { currentConfig } from "../../automation/state/state.js";
import { parseDependencySupplement } from "../../inventory/dependencyMap.js";
import { byHand } from "../../readModels/byHand.js";
import { checklists } from "../../readModels/checklists.js";
import { costsView } from "../../readModels/costs.js";
import { inventoryView, partOf } from "../../readModels/dependencies.js";
import { momentOf } from "../../readModels/moment.js";
import { riskViews } from "../../readModels/risks.js";
import { signals } from "../../readModels/signals.js";
import { instant, ofStack } from "../schemas/common.js";
import { way } from "../schemas/migration.js";
import * as schemas from "../schemas/portal.js";
import { wayView } from "../views.js";
import { route } from "./route.js";

const TAG = "portal";
const MOST_POINTS = 2_000;
/** The last one that a date can say. */
const LAST_MOMENT = 8.64e15;
const aMoment = instant.min(0, "a time from 0").max(LAST_MOMENT, "a time from 0").optional();

/** What the portal reads beside the migrations themselves. */
export const portalRoutes = [
  route({
    name: "getInventory",
    method: "get",
    path: "/v1/inventory",
    tag: TAG,
    summary: "Lists the inventory's applications by wave, with the graph of what needs what.",
    needs: "viewer",
    answer: { schema: schemas.inventory, what: "The inventory" },
    problems: [404],
    handle: async ({ sees, services: { migrations } }) => {
      const supplement = await migrations.project.dependencySupplement();
      const parsed = supplement === undefined ? {} : parseDependencySupplement(supplement, "dependencies.yaml");
      return partOf(inventoryView(await migrations.project.inventory(), parsed), (application) => sees({ application }));
    },
  }),
  route({
    name: "getSignals",
    method: "get",
    path: "/v1/migrations/{stack}/signals",
    tag: TAG,
    summary: "Answers weights, error rate, latency and lag of both sides over time: from the journal, and sampled between.",
    needs: "viewer",
    params: ofStack,
    query: z.strictObject({
      from: aMoment.describe("Not before; the migration's beginning when absent"),
      to: aMoment.describe("Not after; now when absent"),
      points: z
        .int("a whole number from 2")
        .min(2, "a whole number from 2")
        .max(MOST_POINTS, `at most ${MOST_POINTS}`)
        .default(400)
        .describe("At most so many points a line; of neighbours the worst stays"),
    }),
    answer: { schema: schemas.signals, what: "Charts with the gates' limits, and what happened" },
    problems: [404],
    handle: async ({ params, query: { from, to, points }, services: { migrations, sampler } }) => {
      const { stack, state } = await migrations.get(params.stack);
      const [entries, rounds] = [await migrations.journal(stack), await sampler.rounds(stack)];
      return signals({
        entries,
        state,
        rounds,
        most: points,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
    },
  }),
  route({
    name: "getMoment",
    method: "get",
    path: "/v1/migrations/{stack}/moment",
    tag: TAG,
    summary: "Tells how it is at this moment: healthy or not, how long since, what the engine is at, how much of the write pause is left.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: schemas.moment, what: "The moment" },
    problems: [404],
    handle: async ({ params: { stack }, services: { migrations, sampler } }) => {
      const round = (await sampler.rounds(stack)).at(-1);
      const migration = await migrations.get(stack);
      const before = await migrations.sibling(migration, "staging");
      const resources = migrations.underWay(stack);
      return momentOf({ migration, now: migrations.nowOf(stack), round, resources, before, wall: Date.now() });
    },
  }),
  route({
    name: "getChecklists",
    method: "get",
    path: "/v1/migrations/{stack}/checklists",
    tag: TAG,
    summary: "Lists the guide's checklists, each line ticked by the steps that carry it out.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: z.object({ checklists: z.array(schemas.checklist) }), what: "The checklists that the plan has" },
    problems: [404],
    handle: async ({ params, services: { migrations } }) => {
      const { plan, state } = await migrations.get(params.stack);
      return { checklists: checklists(plan, state) };
    },
  }),
  route({
    name: "getRisks",
    method: "get",
    path: "/v1/migrations/{stack}/risks",
    tag: TAG,
    summary: "Lists the risks with the facts they rest on and how far their mitigation is.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: z.object({ risks: z.array(schemas.risk) }), what: "The risk register" },
    problems: [404],
    handle: async ({ params, services: { migrations } }) => {
      const { plan, state } = await migrations.get(params.stack);
      const inventory = await migrations.project.inventory().catch(() => undefined);
      return { risks: riskViews(plan, state, inventory) };
    },
  }),
  route({
    name: "getReadiness",
    method: "get",
    path: "/v1/migrations/{stack}/readiness",
    tag: TAG,
    summary: "Reports whether the databases are ready to move: what refuses, loses, slows or warns, each with its cure.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: schemas.readiness, what: "The report, computed at most a minute ago" },
    problems: [404],
    handle: ({ params, services: { migrations } }) => migrations.readiness(params.stack),
  }),
  route({
    name: "getCosts",
    method: "get",
    path: "/v1/migrations/{stack}/costs",
    tag: TAG,
    summary: "Answers the cost before and after, as the step that reviews it found it.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: schemas.costs, what: "The costs" },
    problems: [404],
    handle: async ({ params, services: { migrations } }) => costsView((await migrations.get(params.stack)).state),
  }),
  route({
    name: "getEmergencyWay",
    method: "get",
    path: "/v1/migrations/{stack}/way-back/emergency",
    tag: TAG,
    summary: "Shows what an emergency would run, keep and lose.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: way, what: "The way back" },
    problems: [404, 409],
    handle: async ({ params, services: { migrations } }) => {
      const way = wayView(await migrations.emergencyWay(params.stack));
      return { ...way, byHand: byHand(currentConfig((await migrations.get(params.stack)).state)) };
    },
  }),
];
