/** How times, durations and values are shown. Everything is UTC: a night has people in several places. */

const two = (n: number): string => String(n).padStart(2, "0");

/** `12 Jan 2026, 10:43 UTC` */
export function time(at: number | string | undefined): string {
  if (at === undefined) return "–";
  const d = new Date(at);
  return `${day(at)} ${d.getUTCFullYear()}, ${two(d.getUTCHours())}:${two(d.getUTCMinutes())} UTC`;
}

/** `12 Jan 2026, 10:43:07 UTC`: for what people did, where a minute is long. */
export const exact = (at: number): string =>
  `${day(at)} ${new Date(at).getUTCFullYear()}, ${clock(at)}:${two(new Date(at).getUTCSeconds())} UTC`;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** `12 Jan` */
export function day(at: number | string): string {
  const d = new Date(at);
  return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
}

/** `10:43` */
export function clock(at: number): string {
  const d = new Date(at);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** `14 d`, `2 h 5 min`, `3 s`: the two largest units. */
export function duration(ms: number): string {
  const parts: string[] = [];
  let left = Math.max(0, ms);
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    left -= count * size;
  }
  return parts.slice(0, 2).join(" ") || "0 s";
}

/** `0:43`, `1:02:07`: a clock that runs. */
export function stopwatch(ms: number): string {
  const all = Math.floor(ms / 1_000);
  const [hours, minutes, seconds] = [Math.floor(all / 3_600), Math.floor(all / 60) % 60, all % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

const rounded = (v: number, digits: number): string => String(Math.round(v * 10 ** digits) / 10 ** digits);

export type Unit = "percent" | "fraction" | "seconds";

/** A value of a chart with its unit. */
export function value(v: number, unit: Unit): string {
  if (unit === "percent") return `${rounded(v, 1)} %`;
  if (unit === "fraction") return `${rounded(v * 100, v < 0.1 ? 2 : 1)} %`;
  return v > 0 && v < 1 ? `${Math.round(v * 1_000)} ms` : `${rounded(v, 2)} s`;
}

export const money = (amount: number, currency: string): string =>
  new Intl.NumberFormat("en", { style: "currency", currency, maximumFractionDigits: 0 }).format(amount);

/** The last part of an image or an id: what tells it apart. */
export const shortImage = (image: string): string => image.split("/").at(-1) ?? image;

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
