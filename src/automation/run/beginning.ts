import { configDigest, type RawConfig } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import { StackFile } from "../../config/stackFile.js";
import { Conflict } from "../../errors.js";
import { buildPlan, type Plan } from "../plan/plan.js";

/** What a migration begins with: the stack's file as it is now, and the plan that follows from it. */
export interface Beginning {
  raw: RawConfig;
  config: StackConfig;
  plan: Plan;
  /** The same for the same config: a person who saw another one is told. */
  digest: string;
}

/** @throws NotFound without a file, UserError naming what is wrong in it */
export async function beginningOf(stacksFolder: string, stack: string): Promise<Beginning> {
  const file = await StackFile.read(stacksFolder, stack);
  const [raw, config] = [file.raw(), file.config()];
  return { raw, config, plan: buildPlan(config), digest: configDigest(raw) };
}

/** @param seen digest of the config that a person was shown. @throws Conflict when the file was edited since */
export function requireSeen(stack: string, { digest }: Beginning, seen: string | undefined): void {
  if (seen === undefined || seen === digest) return;
  throw new Conflict(`${stack}: the stack's file was edited since it was looked at; its migration was not begun.`, {
    next: "Look at it again, then begin it.",
  });
}
