import { z } from "zod";
import { configChanges } from "../../config/stackFile.js";
import { NotFound } from "../../errors.js";
import { afterNumber, limit, number, ofStack } from "../schemas/common.js";
import { change, entry, revision } from "../schemas/history.js";
import { entryView, revisionView } from "../views.js";
import { route } from "./route.js";

const TAG = "history";
const aRevision = number("the number of a revision");

export const historyRoutes = [
  route({
    name: "getJournal",
    method: "get",
    path: "/v1/migrations/{stack}/journal",
    tag: TAG,
    summary: "Lists journal entries in order.",
    needs: "viewer",
    params: ofStack,
    query: z.strictObject({ after: afterNumber, limit: limit(200) }),
    answer: { schema: z.object({ entries: z.array(entry), next: z.int().optional() }), what: "A page of entries" },
    problems: [404],
    handle: async ({ params, query: { after, limit }, services }) => {
      const rest = (await services.migrations.journal(params.stack)).filter((e) => e.seq > after);
      const page = rest.slice(0, limit);
      return { entries: page.map(entryView), next: page.length < rest.length ? page.at(-1)?.seq : undefined };
    },
  }),
  route({
    name: "getRevisions",
    method: "get",
    path: "/v1/migrations/{stack}/revisions",
    tag: TAG,
    summary: "Lists revisions in order: config, why, who.",
    needs: "viewer",
    params: ofStack,
    query: z.strictObject({
      after: aRevision.optional().describe("Only revisions after this one: the `next` of the page before"),
      limit: limit(200),
    }),
    answer: {
      schema: z.object({ current: z.int(), revisions: z.array(revision), next: z.int().optional() }),
      what: "A page of revisions, and which one is applied",
    },
    problems: [404],
    handle: async ({ params, query: { after = -1, limit }, services }) => {
      const { state } = await services.migrations.get(params.stack);
      const rest = state.revisions.filter((r) => r.number > after);
      const page = rest.slice(0, limit);
      return {
        current: state.revision,
        revisions: page.map(revisionView),
        next: page.length < rest.length ? page.at(-1)?.number : undefined,
      };
    },
  }),
  route({
    name: "getRevisionDiff",
    method: "get",
    path: "/v1/migrations/{stack}/revisions/{number}/diff",
    tag: TAG,
    summary: "Compares a revision's config with another one's.",
    needs: "viewer",
    params: ofStack.extend({ number: aRevision }),
    query: z.strictObject({ against: aRevision.optional().describe("The other revision; the one before when absent") }),
    answer: { schema: z.object({ from: z.int(), to: z.int(), changes: z.array(change) }), what: "The paths that differ" },
    problems: [404],
    handle: async ({ params: { stack, number: to }, query: { against = Math.max(0, to - 1) }, services }) => {
      const { state } = await services.migrations.get(stack);
      const configOf = (wanted: number) => {
        const found = state.revisions.find((r) => r.number === wanted);
        if (found === undefined)
          throw new NotFound(`${stack} has no revision ${wanted}.`, { next: `Its revisions are 0 to ${state.revisions.at(-1)?.number}.` });
        return found.config;
      };
      return { from: against, to, changes: configChanges(configOf(against), configOf(to)) };
    },
  }),
  route({
    name: "verifyJournal",
    method: "get",
    path: "/v1/migrations/{stack}/verify",
    tag: TAG,
    summary: "Checks the journal's hash chain, and the revisions against the engine's own history.",
    needs: "viewer",
    params: ofStack,
    answer: { schema: z.object({ intact: z.boolean(), faults: z.array(z.string()) }), what: "The faults" },
    problems: [404, 409, 422],
    handle: async ({ params, services }) => {
      const faults = await services.migrations.verify(params.stack);
      return { intact: faults.length === 0, faults };
    },
  }),
  route({
    name: "getFile",
    method: "get",
    path: "/v1/migrations/{stack}/files/{name}",
    tag: TAG,
    summary: "Fetches a file of evidence.",
    needs: "viewer",
    params: ofStack.extend({ name: z.string().min(1).describe("A name that the plan lists") }),
    answer: { type: "text/plain", schema: z.string(), what: "The file" },
    problems: [404],
    handle: async ({ params: { stack, name }, services, response }) => {
      const content = await services.migrations.file(stack, name);
      if (content === undefined) throw new NotFound(`${stack} has no file ${name}.`);
      response.attachment(name).type("text/plain").send(content);
      return undefined;
    },
  }),
];
