import { z } from "zod";
import { PHASES } from "../../automation/plan/step.js";

/** The parts that many descriptions share. A schema with an `id` becomes a component of the OpenAPI document. */

export const STACK_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const A_STACK = "the name of a stack config, for example web-api-production";
export const stackName = z.string(A_STACK).regex(STACK_NAME, A_STACK).describe("Name of a stack: application and environment");

/** `params` of every route below a stack. */
export const ofStack = z.strictObject({ stack: stackName });

export const phase = z.enum(PHASES).meta({ id: "Phase" });

/** Milliseconds since the epoch, on the target's clock. */
export const instant = z.number().describe("Milliseconds since the epoch, on the target's clock");

export const text = (what: string) => z.string(what).min(1, what).max(500, "at most 500 characters");
export const why = text("a reason").default("no reason given").describe("The reason, for the journal");

/** Anything that JSON can say. */
export const anything = z.unknown();
export const rawConfig = z
  .record(z.string(), anything)
  .meta({ id: "RawConfig", description: "A stack config as its file has it; secrets read (secret)" });

const A_KEY = "a key of at most 200 letters, digits and . _ : -";
/** A sender's own name for a request, so that it can be sent again after an answer that was lost. */
export const idempotencyKey = z
  .string(A_KEY)
  .regex(/^[A-Za-z0-9._:-]{1,200}$/, A_KEY)
  .describe("The same for each sending of one request: it is done once. Counts for one caller and one migration");

const MOST = 1_000;

/** `limit` of a list: so many at most. */
export const limit = (usual: number) =>
  z.int("a whole number from 1").min(1, "a whole number from 1").max(MOST, `at most ${MOST}`).default(usual).describe("At most so many");

/** The number of a revision or an entry. */
export const number = (what: string) => z.int(what).min(0, what).max(999_999_999, what);

/** Cursor of a list ordered by number. */
export const afterNumber = number("a whole number from 0")
  .default(0)
  .describe("Only what comes after this number: the `next` of the page before");

export const problem = z
  .object({
    type: z.string().describe("Which kind of problem: a path below /problems"),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe("What happened, for people"),
    next: z.string().optional().describe("What to do next"),
    issues: z
      .array(z.object({ path: z.string(), got: z.string().optional(), accepted: z.string() }))
      .optional()
      .describe("Each thing wrong in the request"),
    holder: z.string().optional().describe("Who or what holds the stack"),
    promise: z.int().optional().describe("Number of the promise that speaks against it"),
    requestId: z.string(),
  })
  .meta({ id: "Problem", description: "A problem document of RFC 9457" });
