/** How the reports print times, durations and shares. */

export const time = (at: number | undefined): string =>
  at === undefined ? "-" : `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** `14 d`, `2 h 5 min`, `3 s`, `120 ms`: the two largest units. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const parts: string[] = [];
  let left = ms;
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    left -= count * size;
  }
  return parts.slice(0, 2).join(" ");
}

/** `0 → 10 → 25 → 10 → 25 → 50 → 100 %` */
export const steps = (points: { value: number }[]): string => (points.length === 0 ? "-" : `${points.map((p) => p.value).join(" → ")} %`);

/** A cell of a Markdown table. */
export const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
