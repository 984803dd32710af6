import { z } from "zod";
import { requestMark } from "../../automation/journal/idempotency.js";
import { ofStack, why } from "../schemas/common.js";
import { change } from "../schemas/history.js";
import { migration, preview } from "../schemas/migration.js";
import { viewOf } from "../views.js";
import { route } from "./route.js";

const TAG = "migrations";
const refused = z.object({ path: z.string(), got: z.string().optional(), accepted: z.string() });

/** What somebody edits in a stack's file while its migration runs. */
export const editRoutes = [
  route({
    name: "getEdit",
    method: "get",
    path: "/v1/migrations/{stack}/edit",
    tag: TAG,
    summary: "Shows what somebody edited in the stack's file, and no revision has yet.",
    needs: "viewer",
    params: ofStack,
    answer: {
      schema: z
        .object({
          digest: z.string().describe("Names this edit, so that no other one is taken"),
          changes: z.array(change).describe("Against the applied revision; empty without an edit"),
          refused: z.array(refused).describe("What of it cannot be taken during a migration, and why"),
        })
        .meta({ id: "Edit", description: "What somebody edited in a stack's file" }),
      what: "The edit",
    },
    problems: [404, 409, 422],
    handle: async ({ params: { stack }, services: { migrations } }) => {
      const { digest, shown, refused } = await migrations.editInFile(stack);
      return { digest, changes: shown, refused };
    },
  }),
  route({
    name: "previewEdit",
    method: "post",
    path: "/v1/migrations/{stack}/edit/preview",
    tag: TAG,
    summary: "Makes the preview of the edit in the stack's file now; changes nothing.",
    needs: "viewer",
    params: ofStack,
    body: z.strictObject({}),
    answer: { schema: z.object({ preview }), what: "What taking the edit would change" },
    problems: [404, 409, 422],
    handle: async ({ params: { stack }, services: { migrations } }) => ({ preview: await migrations.previewEdit(stack) }),
  }),
  route({
    name: "edit",
    method: "post",
    path: "/v1/migrations/{stack}/edit",
    tag: "commands",
    summary: "Takes what somebody edited in the stack's file as a revision of its own, with preview and gates.",
    needs: "operator",
    params: ofStack,
    body: z.strictObject({ why, seen: z.string().max(128).optional().describe("Digest of the edit that was seen: no other one is taken") }),
    repeatable: true,
    answer: { status: 202, schema: migration, what: "Journaled; the migration as it is now" },
    problems: [404, 409, 422],
    handle: async ({ params: { stack }, body, caller, idempotencyKey, services: { migrations } }) => {
      const given = { command: "edit", ...body };
      const request = idempotencyKey === undefined ? undefined : requestMark(caller.name, idempotencyKey, given);
      await migrations.takeEdit(stack, body, caller.name, request, caller.ids);
      return viewOf(migrations, await migrations.get(stack));
    },
  }),
];
