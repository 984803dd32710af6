import type { UpdateSummary } from "@pulumi/pulumi/automation/index.js";
import { configDigest, type RawConfig } from "../../config/rawConfig.js";
import type { LockPlace } from "../../ports/providers.js";

/** An update of a stack that cutover did not run. */
export interface ByHand {
  /** Names it among the stack's updates. */
  id: string;
  kind: string;
  at: Date;
  result: string;
}

/** What an update did, as far as it matters here. Seconds since the epoch, as the engine's history has them. */
interface Past {
  kind: string;
  startTime: number;
  message?: string;
  result: string;
}

/** Newest updates that are looked at: cutover's own last one is among them, or nothing of it is newer than the journal. */
export const NEWEST = 8;
/** They change no resource. */
const LOOKS = ["preview", "refresh", "import", "rename"];

/**
 * The newest update after cutover's own last one that somebody else ran.
 * @param since when the journal began: what was before it is how the stack came to be
 */
export function byHandAmong(newestFirst: readonly Past[], stack: string, since: Date): ByHand | undefined {
  for (const { kind, startTime, message = "", result } of newestFirst) {
    const at = new Date(startTime * 1_000);
    // The engine keeps whole seconds.
    if (message.startsWith(`${stack}/`) || at.getTime() < since.getTime() - 1_000) return undefined;
    if (!LOOKS.includes(kind)) return { id: `${kind} of ${at.toISOString()}`, kind, at, result };
  }
  return undefined;
}

/** The newest updates by the engine's own files: a process of the engine for each look would cost as much as the look is worth. */
export async function pastIn(place: LockPlace, project: string, stack: string): Promise<Past[] | undefined> {
  const folder = `.pulumi/history/${project}/${stack}`;
  const names = (await place.list(folder)).filter((name) => name.endsWith(HISTORY)).sort();
  const texts = await Promise.all(names.slice(-NEWEST).map((name) => place.read(`${folder}/${name}`)));
  try {
    return texts.reverse().flatMap((text) => (text === undefined || text === "" ? [] : [JSON.parse(text) as Past]));
  } catch {
    return undefined;
  }
}
const HISTORY = ".history.json";

export const pastOf = (updates: readonly UpdateSummary[]): Past[] =>
  updates.map(({ kind, startTime, message, result }) => ({ kind, startTime: startTime.getTime() / 1_000, message, result }));

/** Keys of a config that an update applied otherwise, or not at all. */
export function configKeysThatDiffer(config: RawConfig, applied: UpdateSummary["config"]): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const theirs = applied[key];
    if (theirs === undefined) return [key];
    // The engine keeps secrets sealed in its history: that they are there is all it shows.
    if (theirs.secret === true) return [];
    const parsedTheirs = typeof value === "string" ? theirs.value : parsed(theirs.value);
    return configDigest({ v: value }) === configDigest({ v: parsedTheirs }) || String(value) === theirs.value ? [] : [key];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
