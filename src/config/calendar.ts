import type { StackConfig } from "./schema.js";

/**
 * Maintenance windows and freezes of a stack config. Pure: instants in, instants out; local times are of the calendar's
 * time zone, with its summer time.
 */

type Calendar = StackConfig["calendar"];
type Window = Calendar["maintenance"][number];
export type Freeze = Calendar["freezes"][number];

const DAY = 86_400_000;
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
/** Two weeks, since summer time may skip the one opening of a week, and a day for a window that began the day before. */
const LOOK_AHEAD_DAYS = 15;

/** Whether maintenance is allowed then; always where no window is given. */
export function maintenanceAllowed(calendar: Calendar, at: number): boolean {
  return calendar.maintenance.length === 0 || openings(calendar, at).some(({ from, to }) => from <= at && at < to);
}

/** When the next window opens, or `at` inside one. */
export function nextMaintenance(calendar: Calendar, at: number): number {
  if (maintenanceAllowed(calendar, at)) return at;
  return Math.min(...openings(calendar, at).flatMap(({ from }) => (from > at ? [from] : [])));
}

/** The freeze that an instant lies in. */
export function freezeAt({ freezes, timeZone }: Calendar, at: number): (Freeze & { until: number }) | undefined {
  for (const freeze of freezes) {
    const until = instantOf(freeze.to, timeZone, "last");
    if (instantOf(freeze.from, timeZone) <= at && at < until) return { ...freeze, until };
  }
  return undefined;
}

/** An instant as people of the time zone read it. */
export function localTime({ timeZone }: Calendar, at: number): string {
  const { date, time, weekday } = localOf(at, timeZone);
  return `${weekday} ${date} ${time.slice(0, 5)} ${timeZone}`;
}

function openings({ maintenance, timeZone }: Calendar, at: number): { from: number; to: number }[] {
  // Local days, not spans of 24 hours: one of 25 hours would hide the next.
  const today = localOf(at, timeZone).date;
  return Array.from({ length: LOOK_AHEAD_DAYS + 1 }, (_, i) => dateAfter(today, i - 1)).flatMap((date) =>
    maintenance
      .filter((w) => w.days.includes(weekdayOf(date)))
      .map((w) => opening(w, date, timeZone))
      .filter(({ from, to }) => from < to),
  );
}

const dateAfter = (date: string, days: number): string => new Date(Date.parse(`${date}T12:00:00Z`) + days * DAY).toISOString().slice(0, 10);
const weekdayOf = (date: string) => DAYS[new Date(`${date}T12:00:00Z`).getUTCDay()] as (typeof DAYS)[number];

function opening({ from, to }: Window, date: string, timeZone: string): { from: number; to: number } {
  // One that ends before it begins ends the next day.
  const last = to > from ? date : dateAfter(date, 1);
  return { from: instantOf(`${date}T${from}`, timeZone), to: instantOf(`${last}T${to}`, timeZone) };
}

/**
 * The instant of a local time. One that summer time skips is taken as if clocks had not been set yet.
 * @param which of two, where clocks are set back
 */
function instantOf(local: string, timeZone: string, which: "first" | "last" = "first"): number {
  const asUtc = Date.parse(`${local}Z`);
  const offsets = [offsetAt(asUtc - DAY, timeZone), offsetAt(asUtc + DAY, timeZone)];
  const found = offsets.filter((offset) => offsetAt(asUtc - offset, timeZone) === offset);
  return asUtc - ((which === "first" ? found[0] : found.at(-1)) ?? offsets[0] ?? 0);
}

function offsetAt(at: number, timeZone: string): number {
  const { date, time } = localOf(at, timeZone);
  return Date.parse(`${date}T${time}Z`) - Math.floor(at / 1_000) * 1_000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localOf(at: number, timeZone: string): { date: string; time: string; weekday: (typeof DAYS)[number] } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const numbers = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
    format = new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", ...numbers });
    formats.set(timeZone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map((p) => [p.type, p.value]));
  const date = `${part.year}-${part.month}-${part.day}`;
  return { date, time: `${part.hour}:${part.minute}:${part.second}`, weekday: weekdayOf(date) };
}
