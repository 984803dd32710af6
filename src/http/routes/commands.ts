import { z } from "zod";
import type { Role } from "../../access/caller.js";
import { tunables } from "../../automation/decide/tuning.js";
import type { Command } from "../../automation/journal/entries.js";
import { requestMark } from "../../automation/journal/idempotency.js";
import { currentConfig } from "../../automation/state/state.js";
import { VALUE_TEXTS } from "../../config/valueTexts.js";
import { anything, number, ofStack, text, why } from "../schemas/common.js";
import { loosened, migration, proposal } from "../schemas/migration.js";
import { protectionsOf, viewOf } from "../views.js";
import { type Route, route } from "./route.js";

const insist = z.boolean().optional().describe("Sends users to the old side although it is known to be no better");
const aStep = text("the id of the step that waits");

/** A command to one stack's migration: its body is the command's own members. */
function command(name: Command["command"], needs: Role, summary: string, body: z.ZodObject): Route {
  return route({
    name,
    method: "post",
    path: `/v1/migrations/{stack}/${name}`,
    tag: "commands",
    summary,
    needs,
    params: ofStack,
    body,
    repeatable: true,
    answer: { status: 202, schema: migration, what: "Journaled; the migration as it is now" },
    problems: [404, 409],
    handle: async ({ params: { stack }, body: members, caller, idempotencyKey, services: { migrations } }) => {
      const given = { command: name, ...members } as Command;
      const request = idempotencyKey === undefined ? undefined : requestMark(caller.name, idempotencyKey, given);
      await migrations.command(stack, given, caller.name, request, caller.ids);
      return viewOf(migrations, await migrations.get(stack));
    },
  });
}

export const commandRoutes = [
  route({
    name: "getTuning",
    method: "get",
    path: "/v1/migrations/{stack}/tuning",
    tag: "migrations",
    summary: "Lists what can be changed while it runs, with the values that count now.",
    needs: "viewer",
    params: ofStack,
    answer: {
      schema: z
        .object({
          values: z.record(z.string(), anything).describe("By path in the stack config"),
          tuned: z.record(z.string(), anything).describe("What people changed since it began"),
          texts: z
            .record(z.string(), z.object({ about: z.string(), accepted: z.string() }))
            .describe("What each value means, and what is accepted for it"),
          proposal: proposal.optional(),
          loosened: loosened.optional(),
        })
        .meta({ id: "Tuning", description: "What can be changed while it runs" }),
      what: "The values",
    },
    problems: [404, 409],
    handle: async ({ params: { stack }, services: { migrations } }) => {
      const { state } = await migrations.get(stack);
      const values = tunables(currentConfig(state));
      const texts = Object.fromEntries(Object.entries(VALUE_TEXTS).filter(([path]) => path in values));
      return { values, tuned: state.tuned ?? {}, texts, ...protectionsOf(state) };
    },
  }),
  command(
    "advance",
    "operator",
    "Goes on by one step, to the end of the phase, or as far as it may.",
    z.strictObject({ extent: z.enum(["step", "phase", "end"], '"step", "phase" or "end"').default("step") }),
  ),
  command(
    "approve",
    "approver",
    "Approves the step that waits; `resources` names what may be replaced or deleted.",
    z.strictObject({
      step: aStep,
      resources: z.array(z.string()).optional(),
      preview: z.string().max(128).optional().describe("Digest of the preview that was seen: the approval counts for that one only"),
    }),
  ),
  command("refuse", "approver", "Refuses the step that waits, and holds the migration.", z.strictObject({ step: aStep, why })),
  command("promote", "operator", "Ends the pause that the canary is in.", z.strictObject({})),
  command(
    "tune",
    "operator",
    "Changes thresholds, holds and weights to come, from now on.",
    z.strictObject({
      changes: z.record(z.string(), z.unknown(), 'values by path, for example { "gates.maxErrorRate": 0.02 }'),
      why,
    }),
  ),
  command(
    "confirm",
    "approver",
    "Confirms, as a second person, a tuning that loosens what protects; approvals given before it lapse.",
    z.strictObject({ tuning: number("the number of the tuning's entry") }),
  ),
  command("pause", "operator", "Stops between two decisions.", z.strictObject({ why })),
  command("resume", "operator", "Goes on with what was paused or held.", z.strictObject({})),
  command(
    "rollback",
    "operator",
    "Goes back to a revision.",
    z.strictObject({ revision: number("the number of a revision"), why, insist }),
  ),
  command(
    "emergency",
    "operator",
    "Sends users to the old side at once, past the engine; then goes back to before their traffic moved.",
    z.strictObject({ why, insist }),
  ),
  command("abort", "operator", "Goes back to revision 0 and ends the migration.", z.strictObject({ why, insist })),
];
