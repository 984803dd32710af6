import type { Recorded } from "../automation/journal/entries.js";
import { STEP } from "../automation/plan/ids.js";
import { currentConfig, type MigrationState } from "../automation/state/state.js";
import { SHIFTS, shiftOf } from "../config/shift.js";
import { readConfig } from "../config/stackFile.js";
import type { Round } from "./sampler.js";

/** A value and when it was true; null where it was unknown, which breaks a line. */
export interface Point {
  at: number;
  value: number | null;
}

export interface Series {
  id: "new" | "old" | "asked";
  label: string;
  points: Point[];
}

export interface Chart {
  id: "rollout" | "dns" | "errors" | "latency" | "lag";
  title: string;
  unit: "percent" | "fraction" | "seconds";
  /** Where the gate ends, with what it says. */
  threshold?: { value: number; label: string };
  series: Series[];
}

/** A moment to mark in every chart. */
export interface Moment {
  at: number;
  kind: "step" | "rollback" | "held" | "promotion";
  label: string;
}

export interface Signals {
  /** On the target's clock. */
  from: number;
  to: number;
  charts: Chart[];
  moments: Moment[];
}

export interface SignalsInput {
  entries: readonly Recorded[];
  state: MigrationState;
  rounds: readonly Round[];
  from?: number;
  to?: number;
  /** Highest number of points in a series. @default 400 */
  most?: number;
}

/** Which line a gate's observation belongs to. */
const LINE_OF_GATE: Record<string, [Chart["id"], Series["id"]]> = {
  "green-weight": ["rollout", "new"],
  "dns-weight": ["dns", "new"],
  "group-weight": ["dns", "new"],
  "error-rate": ["errors", "new"],
  "old-error-rate": ["errors", "old"],
  "latency-p95": ["latency", "new"],
  "replica-lag": ["lag", "new"],
  "lag-zero": ["lag", "new"],
};

const MOST_POINTS = 400;

/** What was seen over time: every gate's reading in the journal, and what was sampled between. Pure. */
export function signals({ entries, state, rounds, from, to, most = MOST_POINTS }: SignalsInput): Signals {
  const config = currentConfig(state);
  const { gates } = config;
  const percent = (v: number): string => `${Math.round(v * 1_000) / 10} %`;
  const seen = observed(entries, rounds);
  const start = from ?? state.createdAt;
  const end = to ?? Math.max(state.updatedAt, rounds.at(-1)?.at ?? 0);
  const line = (chart: Chart["id"], id: Series["id"], label: string, points = seen.get(`${chart} ${id}`) ?? []): Series => ({
    id,
    label,
    points: thinned(within(points, start, end, id === "asked"), most),
  });
  const charts: Chart[] = [
    {
      id: "errors",
      title: "Error rate",
      unit: "fraction",
      threshold: { value: gates.maxErrorRate, label: `gate: at most ${percent(gates.maxErrorRate)}` },
      series: [line("errors", "old", "old side"), line("errors", "new", "new side")],
    },
    {
      id: "latency",
      title: "95th percentile of response time",
      unit: "seconds",
      threshold: { value: gates.maxLatencyP95Seconds, label: `gate: at most ${gates.maxLatencyP95Seconds} s` },
      series: [line("latency", "old", "old side"), line("latency", "new", "new side")],
    },
  ];
  const shift = shiftOf(config);
  if (shift !== undefined)
    charts.unshift({
      id: "dns",
      title: SHIFTS[shift.section].share,
      unit: "percent",
      series: [line("dns", "asked", "asked for", asked(state)), line("dns", "new", `shown by ${SHIFTS[shift.section].far}`)],
    });
  if (config.database !== undefined)
    charts.push({
      id: "lag",
      title: "Replica lag",
      unit: "seconds",
      threshold: { value: gates.maxReplicaLagSeconds, label: `gate: below ${gates.maxReplicaLagSeconds} s` },
      series: [line("lag", "new", "replica behind its source")],
    });
  const shared = line("rollout", "new", "shown by the load balancer");
  // Where no version was being rolled out there is nothing to share.
  if (shared.points.length > 0) charts.unshift({ id: "rollout", title: "Requests to the new version", unit: "percent", series: [shared] });
  return { from: start, to: end, charts, moments: moments(entries).filter((m) => m.at >= start && m.at <= end) };
}

function observed(entries: readonly Recorded[], rounds: readonly Round[]): Map<string, Point[]> {
  const lines = new Map<string, Point[]>();
  const add = (key: string, point: Point): void => {
    const known = lines.get(key);
    if (known === undefined) lines.set(key, [point]);
    else known.push(point);
  };
  for (const entry of entries) {
    if (entry.type !== "gates.watching" && entry.type !== "gates.passed" && entry.type !== "gates.failed") continue;
    for (const g of entry.type === "gates.watching" ? entry.watch.gates : entry.gates) {
      const line = LINE_OF_GATE[g.gate];
      if (line === undefined) continue;
      const value = g.verdict === "unknown" || g.last === undefined ? null : g.last;
      add(line.join(" "), { at: g.at ?? entry.at, value });
    }
  }
  for (const round of rounds) for (const [key, value] of Object.entries(round.values)) add(key, { at: round.at, value });
  for (const points of lines.values()) points.sort((a, b) => a.at - b.at);
  return lines;
}

/** The weight that each revision asks for, as a line of steps. */
function asked(state: MigrationState): Point[] {
  const points: Point[] = [];
  for (const revision of state.revisions) {
    const shift = shiftOf(readConfig(revision.config, `revision ${revision.number}`, state.stack));
    if (shift === undefined || shift.records === "none") continue;
    const before = points.at(-1);
    if (before !== undefined) points.push({ at: revision.at, value: before.value });
    points.push({ at: revision.at, value: shift.weights.new });
  }
  if (points.length > 0) points.push({ at: state.updatedAt, value: points.at(-1)?.value ?? 0 });
  return points;
}

/** The points of a window; a weight that was asked for holds from before it begins until after it ends. */
function within(points: Point[], from: number, to: number, holds: boolean): Point[] {
  const inside = points.filter((p) => p.at >= from && p.at <= to);
  const before = points.findLast((p) => p.at < from);
  if (!holds || before === undefined) return inside;
  return [{ at: from, value: before.value }, ...inside, { at: to, value: (inside.at(-1) ?? before).value }];
}

/** At most so many points: of neighbours the worst stays, so that a spike is never lost. */
function thinned(points: Point[], most: number): Point[] {
  if (points.length <= most) return points;
  const size = Math.ceil(points.length / most);
  const kept: Point[] = [];
  for (let i = 0; i < points.length; i += size) {
    const group = points.slice(i, i + size);
    kept.push(group.reduce((worst, p) => ((p.value ?? -1) > (worst.value ?? -1) ? p : worst)));
  }
  return kept;
}

function moments(entries: readonly Recorded[]): Moment[] {
  return entries.flatMap((entry): Moment[] => {
    if (entry.type === "rollback.started") return [{ at: entry.at, kind: "rollback", label: `back to revision ${entry.revision}` }];
    if (entry.type === "migration.held") return [{ at: entry.at, kind: "held", label: "held" }];
    if (entry.type === "update.succeeded" && promoted(entries, entry.key)) return [{ at: entry.at, kind: "promotion", label: "promoted" }];
    return [];
  });
}

const promoted = (entries: readonly Recorded[], key: string): boolean =>
  entries.some((e) => e.type === "update.intended" && e.key === key && e.step === STEP.promote);
