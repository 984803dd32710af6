import type { ResolverKind, Snapshot } from "./load.js";
import type { Kept } from "./orders.js";
import { worldSeconds } from "./pace.js";

/** How long users were sent to the old side again, in milliseconds. */
export interface Back {
  /** To the last answer of the new side to 99 % of the users of a kind. */
  by: Record<ResolverKind, number>;
  /** From the first bad answer that was possible to the moment that the way back began; absent where a person ordered it. */
  foundAfter?: number;
  /** From the emergency's command to the moment that Route 53 was told. */
  toldAfter?: number;
}

/** One run's line. */
export interface Row {
  what: string;
  /** What is switched off; undefined where nothing is. */
  off?: string;
  snapshot: Snapshot;
  /** How long users were on their way back. */
  back?: Back;
  /** What became of accepted orders, where they are kept. */
  orders?: Kept;
  /** Answers of a bad version, where the run puts one into the application. */
  bad?: number;
}

/** Requests and messages of every kind, name look-ups aside. */
export const sentOf = ({ sent: { name: _, ...sent } }: Snapshot): number => Object.values(sent).reduce((a, b) => a + b, 0);

/** `slow: answered 502` → how many. */
export function kindsOf({ failures }: Snapshot): [string, number][] {
  const kinds = new Map<string, number>();
  for (const { operation, what } of failures) kinds.set(`${operation}: ${what}`, (kinds.get(`${operation}: ${what}`) ?? 0) + 1);
  return [...kinds].sort((a, b) => b[1] - a[1]);
}

const KINDS: Record<ResolverKind, string> = { ttl: "keeps to TTLs", late: "keeps answers longer" };
const inBoth = (ms: number): string => `${(ms / 1_000).toFixed(1)} s (${Math.round(worldSeconds(ms))} s)`;

function backOf(back: Back | undefined): string {
  if (back === undefined) return "";
  const by = Object.entries(back.by).map(([kind, ms]) => `${KINDS[kind as ResolverKind]}: ${inBoth(ms)}`);
  const { foundAfter, toldAfter } = back;
  return [
    ...by,
    ...(foundAfter === undefined ? [] : [`found after ${inBoth(foundAfter)}`]),
    ...(toldAfter === undefined ? [] : [`Route 53 was told after ${(toldAfter / 1_000).toFixed(2)} s`]),
  ].join(", ");
}

/** As Markdown, as it stands in docs/proving-ground.md. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ what, off, snapshot, back, bad, orders }) => {
    const { failures, seconds, told, cut } = snapshot;
    const kinds = kindsOf(snapshot)
      .slice(0, 3)
      .map(([kind, count]) => `${kind} (${count})`)
      .join(", ");
    const load = `${sentOf(snapshot)} in ${Math.round(seconds)} s`;
    const kept = orders === undefined ? "" : `${orders.accepted}, **${orders.lost}**, ${orders.twice}`;
    const cells = [what, off ?? "nothing", load, `**${failures.length}**`, kinds, kept, `${told} + ${cut}`, bad ?? "", backOf(back)];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| what | switched off | requests and messages | failed | of which | orders: accepted, lost, twice | WebSockets ended: told + cut | answers of the bad version | until 99 % were back, by what their resolver does, real (world) |",
    "|---|---|---|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}
