import { z } from "zod";
import { type Caller, may } from "../../access/caller.js";
import type { Migrations } from "../../automation/migrations.js";
import { CutoverError, Forbidden } from "../../errors.js";
import { SCORED_GATES, scorecard } from "../../report/scorecard.js";
import { limit, number, ofStack, stackName } from "../schemas/common.js";
import { beginning, migration, preview, scorecard as scorecardSchema, stackInFile, step, way } from "../schemas/migration.js";
import { beginningView, listed, stackView, stepView, viewOf, wayView } from "../views.js";
import { type Context, route } from "./route.js";

const TAG = "migrations";
/** Beginnings that one request may ask about. */
const MOST_AT_ONCE = 500;

/** What is wrong in a file is in nobody's power. */
const mayBegin = (caller: Caller, { begun, problem, application, environment }: Awaited<ReturnType<typeof stackView>>): boolean =>
  !begun && problem === undefined && may(caller, "operator", { application, environment });

interface About {
  begun: boolean;
  caller: Caller;
  sees: Context["sees"];
  migrations: Migrations;
}

/** What one cannot be begun for keeps no other from being shown. */
async function beginningFor(stack: string, { begun, caller, sees, migrations }: About): Promise<z.input<typeof beginning>> {
  try {
    const scope = await migrations.scopeOf(stack);
    if (!sees(scope)) throw migrations.absent(stack);
    if (!may(caller, "operator", scope))
      throw new Forbidden(`${caller.name} does not have the role operator for ${scope.application} in ${scope.environment}.`);
    return beginningView(stack, begun, await migrations.beginning(stack));
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    return { stack, begun, problem: error.message, ...(error.next === undefined ? {} : { next: error.next }) };
  }
}

export const migrationRoutes = [
  route({
    name: "listMigrations",
    method: "get",
    path: "/v1/migrations",
    tag: TAG,
    summary: "Lists the migrations that the caller may see, by stack.",
    needs: "viewer",
    query: z.strictObject({
      after: stackName.optional().describe("Only stacks that come after this one: the `next` of the page before"),
      limit: limit(1_000),
    }),
    answer: {
      schema: z.object({
        migrations: z.array(migration),
        next: z.string().optional(),
        unreadable: z
          .array(z.object({ stack: z.string(), problem: z.string() }))
          .optional()
          .describe("Migrations whose journal this version cannot read, and why; absent where there is none"),
      }),
      what: "A page of migrations",
    },
    handle: async ({ query, sees, services: { migrations } }) => {
      const { views, next, unreadable } = await listed(migrations, { sees, ...query });
      const strange = await Promise.all(
        [...unreadable].map(async ([stack, problem]) => {
          const scope = await migrations.scopeOf(stack).catch(() => ({}));
          return sees(scope) ? [{ stack, problem }] : [];
        }),
      );
      return {
        migrations: views,
        next,
        ...(unreadable.size === 0 ? {} : { unreadable: strange.flat() }),
      };
    },
  }),
  route({
    name: "listStacks",
    method: "get",
    path: "/v1/stacks",
    tag: TAG,
    summary: "Lists the stacks that have a config file, also those whose migration has not begun.",
    needs: "viewer",
    answer: { schema: z.object({ stacks: z.array(stackInFile) }), what: "The stacks, by name" },
    handle: async ({ sees, caller, services: { migrations } }) => {
      const all = await Promise.all((await migrations.stacks()).map((s) => stackView(migrations, s)));
      const seen = all.filter(({ application, environment }) => sees(application === undefined ? {} : { application, environment }));
      return { stacks: seen.map((s) => ({ ...s, mayBegin: mayBegin(caller, s) })) };
    },
  }),
  route({
    name: "previewBeginnings",
    method: "post",
    path: "/v1/stacks/preview",
    tag: TAG,
    summary: "Shows what beginning the migrations of some stacks would do, each by itself; begins none.",
    needs: "viewer",
    body: z.strictObject({ stacks: z.array(stackName).min(1, "at least one stack").max(MOST_AT_ONCE, `at most ${MOST_AT_ONCE} stacks`) }),
    answer: { schema: z.object({ beginnings: z.array(beginning) }), what: "What each would do, in the order asked for" },
    handle: async ({ body: { stacks }, caller, sees, services: { migrations } }) => {
      const begun = new Map((await migrations.stacks()).map((s) => [s.stack, s.begun]));
      const beginnings: z.input<typeof beginning>[] = [];
      // One after another: each may open an environment, and a hundred at once would keep everybody else waiting.
      for (const stack of new Set(stacks))
        beginnings.push(await beginningFor(stack, { begun: begun.get(stack) === true, caller, sees, migrations }));
      return { beginnings };
    },
  }),
  route({
    name: "createMigration",
    method: "post",
    path: "/v1/migrations",
    tag: TAG,
    summary: "Begins the migration of a stack with its config file as revision 0; answers the one that exists.",
    needs: "operator",
    about: ({ body }) => body.stack,
    body: z.strictObject({
      stack: stackName,
      seen: z.string().optional().describe("`digest` of the beginning that was looked at: a file that was edited since is not taken"),
    }),
    answer: { status: 201, schema: migration, what: "The migration" },
    problems: [404, 409],
    handle: async ({ body: { stack, seen }, caller, services: { migrations }, response }) => {
      const created = await migrations.create(stack, caller.name, seen);
      response.location(`/v1/migrations/${stack}`);
      return viewOf(migrations, created);
    },
  }),
  route({
    name: "getMigration",
    method: "get",
    path: "/v1/migrations/{stack}",
    tag: TAG,
    summary: "Tells where a migration is, what comes next, its weights and gates.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: migration, what: "The migration" },
    problems: [404],
    handle: async ({ params, services: { migrations } }) => viewOf(migrations, await migrations.get(params.stack)),
  }),
  route({
    name: "getPlan",
    method: "get",
    path: "/v1/migrations/{stack}/plan",
    tag: TAG,
    summary: "Lists every step with its way back, its gates, and what became of it.",
    needs: "viewer",
    params: ofStack,
    answer: {
      schema: z.object({ position: z.int(), steps: z.array(step) }),
      what: "The plan",
    },
    problems: [404],
    handle: async ({ params, services }) => {
      const found = await services.migrations.get(params.stack);
      return { position: found.state.position, steps: found.plan.map((s) => stepView(s, found)) };
    },
  }),
  route({
    name: "getWayBack",
    method: "get",
    path: "/v1/migrations/{stack}/way-back",
    tag: TAG,
    summary: "Shows what a rollback to a revision would run, keep and lose.",
    needs: "viewer",
    params: ofStack,
    query: z.strictObject({ revision: number("a whole number from 0") }),
    answer: { schema: way, what: "The way back" },
    problems: [404, 409],
    handle: async ({ params, query, services }) => wayView(await services.migrations.wayBack(params.stack, query.revision)),
  }),
  route({
    name: "previewNextStep",
    method: "post",
    path: "/v1/migrations/{stack}/preview",
    tag: TAG,
    summary: "Makes the next step's preview now, and its way back; changes nothing.",
    needs: "viewer",
    params: ofStack,
    body: z.strictObject({}),
    answer: {
      schema: z
        .object({ step: step.optional(), preview: preview.optional(), wayBack: way.optional() })
        .meta({ id: "NextStep", description: "What comes next, and how one would come back" }),
      what: "What the next step would do; empty when all is done",
    },
    problems: [404, 409, 422],
    handle: async ({ params, services: { migrations } }) => {
      const next = await migrations.previewNext(params.stack);
      const found = await migrations.get(params.stack);
      return {
        step: next.step === undefined ? undefined : stepView(next.step, found),
        preview: next.preview,
        wayBack: next.wayBack === undefined ? undefined : wayView(next.wayBack),
      };
    },
  }),
  route({
    name: "getScorecard",
    method: "get",
    path: "/v1/migrations/{stack}/scorecard",
    tag: TAG,
    summary: "Judges the 30/60/90-day goals, by what is measured now and by what the steps left.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: scorecardSchema, what: "The goals" },
    problems: [404, 409],
    handle: async ({ params: { stack }, services: { migrations } }) => {
      const { plan, state } = await migrations.get(stack);
      return scorecard({ plan, state, ...(await migrations.observeNow(stack, SCORED_GATES)) });
    },
  }),
];
