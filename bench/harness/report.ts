import { exponentOf, ratioOf, type Sample } from "./measure.js";

/** The most, or the least, that a ratio may be, and what sets the limit where it is not met. */
export type Bar = ({ most: number } | { least: number }) & { limit: string };

/** One line of the table. */
export interface Figure {
  what: string;
  unit: string;
  ours: Sample;
  /** What a user would run instead, measured in the same run. */
  against?: { what: string; value: Sample; ratio: Sample };
  bar?: Bar;
  met?: boolean;
  /** What grows, and how large it was. */
  size?: { of: string; value: number };
}

export interface Growth {
  what: string;
  of: string;
  from: number;
  to: number;
  exponent: number;
}

export interface Report {
  figures: Figure[];
  growths: Growth[];
  /** What a reader must know to read the figures rightly. */
  notes: string[];
}

export interface Context {
  /** Few repetitions and small sizes: it shows that the benchmark runs, and its figures mean little. */
  short: boolean;
  /** How often a benchmark that usually repeats so many times is to repeat. */
  times(usually: number): number;
  /** Empty, and removed afterwards. */
  folder: string;
  /** Sizes that a person may choose. */
  applications: number;
  stacks: number;
  advances: number;
  migrations: number;
  /** Address of a PostgreSQL of their own, whose journals stay for the next run. */
  database?: string;
  say(line: string): void;
}

export interface Benchmark {
  about: string;
  run(context: Context): Promise<Report>;
}

export function figure(what: string, unit: string, ours: Sample, more: Partial<Pick<Figure, "size">> = {}): Figure {
  return { what, unit, ours, ...more };
}

/** A figure beside what a user would run instead. */
export function compared(
  what: string,
  unit: string,
  { ours, theirs }: { ours: Sample; theirs: Sample },
  instead: string,
  more: Partial<Pick<Figure, "size" | "bar">> = {},
): Figure {
  const ratio = ratioOf(ours, theirs);
  const { bar } = more;
  const met = bar === undefined ? {} : { met: "most" in bar ? ratio.median <= bar.most : ratio.median >= bar.least };
  return { what, unit, ours, against: { what: instead, value: theirs, ratio }, ...more, ...met };
}

/** How a figure grows between its smallest and its largest size. */
export function growthOf(what: string, figures: readonly Figure[]): Growth[] {
  const sized = figures.filter((f) => f.size !== undefined).sort((a, b) => (a.size?.value ?? 0) - (b.size?.value ?? 0));
  const small = sized[0];
  const large = sized.at(-1);
  if (small?.size === undefined || large?.size === undefined || small === large) return [];
  const from = { size: small.size.value, value: small.ours.median };
  const to = { size: large.size.value, value: large.ours.median };
  return [{ what, of: small.size.of, from: from.size, to: to.size, exponent: exponentOf(from, to) }];
}

/** The same for each of several figures, which are told by how they begin. */
export const growthsOf = (beginnings: readonly string[], figures: readonly Figure[]): Growth[] =>
  beginnings.flatMap((beginning) => {
    const some = figures.filter((f) => f.what.startsWith(beginning));
    return growthOf(beginning, some);
  });

const number = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(Math.abs(value) < 0.1 ? 2 : 3);
const spread = ({ median, low, high, values }: Sample): string =>
  values.length > 1 ? `${number(median)} (${number(low)}–${number(high)})` : number(median);
const barOf = ({ bar, met }: Figure): string =>
  bar === undefined
    ? ""
    : `${"most" in bar ? `≤ ${bar.most}` : `≥ ${bar.least}`} ${met === true ? "met" : `NOT MET; its limit: ${bar.limit}`}`;

/** Markdown, which is also readable as it is. */
export function tableOf(reports: Readonly<Record<string, Report>>): string {
  const rows = [["benchmark", "what", "ours", "unit", "instead", "ratio", "bar"]];
  for (const [name, { figures }] of Object.entries(reports)) {
    for (const f of figures) {
      const instead = f.against === undefined ? "" : `${spread(f.against.value)}: ${f.against.what}`;
      rows.push([name, f.what, spread(f.ours), f.unit, instead, f.against === undefined ? "" : spread(f.against.ratio), barOf(f)]);
    }
  }
  const growth = [["benchmark", "what", "grows with", "exponent"]];
  for (const [name, { growths }] of Object.entries(reports)) {
    for (const g of growths) growth.push([name, g.what, `${g.of}, ${g.from} → ${g.to}`, g.exponent.toFixed(2)]);
  }
  const notes = Object.entries(reports).flatMap(([name, r]) => r.notes.map((n) => `- ${name}: ${n}`));
  return [aligned(rows), ...(growth.length > 1 ? [aligned(growth)] : []), ...(notes.length > 0 ? [notes.join("\n")] : [])].join("\n\n");
}

function aligned(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => r[i]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...rest] = rows;
  return [line(head), `|${widths.map((w) => "-".repeat(w + 2)).join("|")}|`, ...rest.map(line)].join("\n");
}
