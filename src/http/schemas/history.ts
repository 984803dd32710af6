import { z } from "zod";
import { anything, instant, rawConfig } from "./common.js";

export const entry = z
  .looseObject({
    type: z.string(),
    seq: z.int(),
    at: instant,
    recordedAt: z.iso.datetime(),
    fence: z.int().describe("Fencing token of the runner that wrote it; 0 for commands"),
    prev: z.string().describe("Hash of the entry before"),
    hash: z.string(),
  })
  .meta({ id: "Entry", description: "An entry of the journal; its further members depend on its type" });

export const revision = z
  .object({
    number: z.int(),
    config: rawConfig,
    digest: z.string(),
    why: z.string(),
    who: z.string(),
    step: z.string().optional(),
    refines: z.int().optional().describe("The revision whose config a person's edit changed"),
    restores: z.int().optional().describe("The revision that this one went back to"),
    kept: z.array(z.object({ path: z.string(), why: z.string() })).optional(),
    key: z.string().optional(),
    engineVersion: z.int().optional(),
    at: instant,
  })
  .meta({ id: "Revision", description: "A numbered copy of a stack's config, why it came to be, and who is behind it" });

export const change = z
  .object({ path: z.string(), before: anything.optional(), after: anything.optional() })
  .meta({ id: "ConfigChange", description: "A path of the stack config that differs" });
