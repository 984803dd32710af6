import type { Snapshot } from "./load.js";
import { worldSeconds } from "./pace.js";

/** One run's line. */
export interface Row {
  what: string;
  /** What is switched off; undefined where nothing is. */
  off?: string;
  snapshot: Snapshot;
  /** Kind of resolver → milliseconds until 99 % of its users were back. */
  backMs?: Record<string, number>;
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

const back = (ms: Record<string, number> | undefined): string =>
  ms === undefined
    ? ""
    : Object.entries(ms)
        .map(([kind, took]) => `${kind} ${(took / 1_000).toFixed(1)} s (${Math.round(worldSeconds(took))} s)`)
        .join(", ");

/** As Markdown, as it stands in docs/proving-ground.md. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ what, off, snapshot, backMs, bad }) => {
    const { failures, seconds, told, cut } = snapshot;
    const kinds = kindsOf(snapshot)
      .slice(0, 3)
      .map(([kind, count]) => `${kind} (${count})`)
      .join(", ");
    const load = `${sentOf(snapshot)} in ${Math.round(seconds)} s`;
    return `| ${[what, off ?? "nothing", load, `**${failures.length}**`, kinds, `${told} + ${cut}`, bad ?? "", back(backMs)].join(" | ")} |`;
  });
  return [
    "| what | switched off | requests and messages | failed | of which | WebSockets ended: told + cut | answers of the bad version | until 99 % were back, real (world) |",
    "|---|---|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}
