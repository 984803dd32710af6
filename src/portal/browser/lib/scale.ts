/** Scales and ticks of the charts. Pure. */

export type Scale = (value: number) => number;

export const linear =
  (from: [number, number], to: [number, number]): Scale =>
  (v) =>
    from[1] === from[0] ? to[0] : to[0] + ((v - from[0]) / (from[1] - from[0])) * (to[1] - to[0]);

/** Round values from 0 to at least `max`, about `count` of them. */
export function ticks(max: number, count: number): number[] {
  if (max <= 0) return [0, 1];
  const raw = max / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10) * power;
  const found: number[] = [];
  for (let i = 0; found.length === 0 || (found.at(-1) as number) < max * 0.999; i += 1) found.push(Math.round(i * step * 1e9) / 1e9);
  return found;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  28 * DAY,
];

/** Round moments within a window, at most `count`, and whether they are days rather than times of day. */
export function timeTicks(from: number, to: number, count: number): { at: number[]; days: boolean } {
  const step = TIME_STEPS.find((s) => (to - from) / s <= count) ?? 28 * DAY;
  const at: number[] = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) at.push(t);
  return { at, days: step >= DAY };
}
