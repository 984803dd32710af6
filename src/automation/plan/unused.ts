import { oldGroupsOf, removedBalancerOf } from "../../config/oldSide.js";
import { sharedInWords, sharedResources } from "../../config/shared.js";
import { shiftOf } from "../../config/shift.js";
import { Terminal, Transient } from "../../errors.js";
import type { ObservationName } from "../../ports/observations.js";
import type { Evidence } from "../../ports/target.js";
import { drainedBefore } from "./drain.js";
import type { ActionContext } from "./step.js";

/** What the clean-up removes, and the observation of who still uses it. */
const THINGS = {
  "load balancer": "old-load-balancer-users",
  instances: "old-instances-users",
  database: "old-database-users",
} as const satisfies Record<string, ObservationName>;
export type Removed = keyof typeof THINGS;

/** Asks the thing itself, and what can lead to it, over all of `cleanup.unusedSeconds`. @returns who uses it; empty for nobody */
async function usersOf({ target, config }: Pick<ActionContext, "target" | "config">, thing: Removed): Promise<string> {
  const { unusedSeconds } = config.cleanup;
  const { reading, detail } = await target.observer.observe(THINGS[thing], undefined, unusedSeconds);
  if (!reading.known) throw new Transient(`Whether anybody uses the old ${thing} is not known: ${reading.reason}.`);
  return reading.value === 0 ? "" : (detail ?? `${reading.value} uses`);
}

const hoursOf = ({ config }: Pick<ActionContext, "config">): string => `${Math.round(config.cleanup.unusedSeconds / 360) / 10} h`;

const hasInstances = ({ old, ...config }: ActionContext["config"]): boolean =>
  (old?.instanceIds.length ?? 0) + oldGroupsOf({ old, ...config }).length > 0;

/** What ends open connections: the instances, or the load balancer where the config names none. */
const endsConnections = (thing: Removed, config: ActionContext["config"]): boolean =>
  shiftOf(config) !== undefined && thing === (hasInstances(config) ? "instances" : "load balancer");

/**
 * Removes a thing of the old side only once nobody uses it: what another stack's users are on stays, and what anything
 * still reaches or leads to stops the clean-up (promise 4). A connection that was opened long ago is in none of these counts.
 */
export async function removing(context: ActionContext, thing: Removed, run: () => Promise<Evidence>): Promise<Evidence> {
  const kinds = { "load balancer": ["load balancer"], instances: ["instance", "auto scaling group"], database: ["database"] }[thing];
  const shared = sharedResources(context.config, await context.otherStacks()).filter((s) => kinds.includes(s.kind));
  if (shared.length > 0)
    return {
      summary: `The old ${thing} stays: ${sharedInWords(shared)} is named by a migration that has not ended. The last of them removes it.`,
      facts: { stays: shared.map((s) => s.id), usedBy: [...new Set(shared.map((s) => s.stack))] },
    };
  const users = await usersOf(context, thing);
  if (users !== "")
    throw new Terminal(`The old ${thing} stays: it is still used. ${users}.`, {
      next: `Move them, wait until nobody has used it for ${hoursOf(context)}, and resume.`,
    });
  const ended = endsConnections(thing, context.config) ? await drainedBefore(context) : "";
  const evidence = await run();
  return { ...evidence, summary: `${evidence.summary} Nobody had used it for ${hoursOf(context)}.${ended}` };
}

/** Evidence that nobody uses what the clean-up will remove, before anybody approves it. @throws Terminal naming who does */
export async function evidenceOfDisuse(context: ActionContext): Promise<{ summary: string; facts: Record<string, unknown> }> {
  const { old } = context.config;
  const things: Removed[] = [
    ...(removedBalancerOf(context.config) === undefined ? [] : ["load balancer" as const]),
    ...(hasInstances(context.config) ? ["instances" as const] : []),
    ...(old?.databaseIdentifier === undefined ? [] : ["database" as const]),
  ];
  const shared = sharedResources(context.config, await context.otherStacks());
  const used: string[] = [];
  for (const thing of things) {
    // What stays because of another stack is that one's to ask for.
    if (shared.some((s) => thing.startsWith(s.kind))) continue;
    const users = await usersOf(context, thing);
    if (users !== "") used.push(`the old ${thing}: ${users}`);
  }
  if (used.length > 0)
    throw new Terminal(`What is to be removed is still used. ${used.join(". ")}.`, {
      next: `Move them, wait until nobody has used it for ${hoursOf(context)}, and resume.`,
    });
  const stays = shared.length === 0 ? "" : ` It stays, since other migrations name it: ${sharedInWords(shared)}.`;
  return {
    summary: `Nobody has used ${things.map((t) => `the old ${t}`).join(", ")} for ${hoursOf(context)}, and nothing leads there.${stays}`,
    facts: { unused: things, hours: context.config.cleanup.unusedSeconds / 3_600, stays: shared.map(({ id, stack }) => ({ id, stack })) },
  };
}
