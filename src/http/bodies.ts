import type { Request } from "express";
import { z } from "zod";
import { issuesOf } from "../config/schema.js";
import { printable, UserError } from "../errors.js";

const text = (what: string) => z.string(what).min(1, what).max(500, "at most 500 characters");
const why = text("a reason").default("no reason given");

/** What each command takes. */
export const bodies = {
  create: z.strictObject({
    stack: z
      .string("the name of a stack config, for example web-api-production")
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, "the name of a stack config, for example web-api-production"),
  }),
  advance: z.strictObject({ extent: z.enum(["step", "phase", "end"], '"step", "phase" or "end"').default("step") }),
  approve: z.strictObject({ step: text("the id of the step that waits"), resources: z.array(z.string()).optional() }),
  refuse: z.strictObject({ step: text("the id of the step that waits"), why }),
  promote: z.strictObject({}),
  pause: z.strictObject({ why }),
  resume: z.strictObject({}),
  rollback: z.strictObject({ revision: z.int("the number of a revision").min(0, "the number of a revision"), why }),
  emergency: z.strictObject({ why }),
  abort: z.strictObject({ why }),
};

/** The checked body of a request; an absent one counts as empty. @throws UserError naming each wrong member */
export function bodyOf<T extends z.ZodType>(request: Request, schema: T): z.output<T> {
  const body: unknown = request.body ?? {};
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  if (typeof body !== "object" || Array.isArray(body))
    throw new UserError({ path: "body", got: printable(body), accepted: "a JSON object" });
  const keys = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(", ") : "";
  throw new UserError(
    issuesOf(result.error, body).map((i) => ({
      ...i,
      path: `body.${i.path}`,
      ...(i.got === "an unknown key" ? { accepted: keys === "" ? "no members" : `one of ${keys}` } : {}),
    })),
  );
}

/** A whole number in the query. @throws UserError */
export function numberIn(request: Request, name: string, fallback: number | undefined): number {
  const given = request.query[name];
  if (given === undefined && fallback !== undefined) return fallback;
  if (typeof given !== "string" || !/^\d{1,9}$/.test(given))
    throw new UserError({
      path: `query.${name}`,
      ...(given === undefined ? {} : { got: printable(given) }),
      accepted: "a whole number from 0",
    });
  return Number(given);
}
