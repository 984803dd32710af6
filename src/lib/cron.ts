/**
 * Schedules as Kubernetes reads them: five fields or a descriptor (robfig/cron v3's standard parser), in a time zone.
 * A minute is a time of the schedule when its local fields match: what a clock skips in spring does not come, what it
 * repeats in autumn comes twice, as in the controller.
 */
export interface Schedule {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  days: ReadonlySet<number>;
  months: ReadonlySet<number>;
  weekdays: ReadonlySet<number>;
  /** Both kinds of day are restricted: either is enough. */
  eitherDay: boolean;
}

const MINUTE_MS = 60_000;
const DESCRIPTORS: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** @returns the schedule, or undefined where the text is none */
export function parseSchedule(text: string): Schedule | undefined {
  const fields = (DESCRIPTORS[text.trim()] ?? text).trim().split(/\s+/);
  if (fields.length !== 5) return undefined;
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  const minutes = setOf(minute, 0, 59);
  const hours = setOf(hour, 0, 23);
  const days = setOf(day, 1, 31);
  const months = setOf(month, 1, 12, MONTHS, 1);
  const weekdays = setOf(weekday, 0, 6, WEEKDAYS, 0);
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  const open = (field: string) => /^[*?]/.test(field);
  return { minutes, hours, days, months, weekdays, eitherDay: !open(day) && !open(weekday) };
}

function setOf(field: string, low: number, high: number, names: string[] = [], first = 0): Set<number> | undefined {
  const found = new Set<number>();
  const numberOf = (text: string): number => {
    const named = names.indexOf(text.toLowerCase());
    return named === -1 ? (/^\d+$/.test(text) ? Number(text) : Number.NaN) : named + first;
  };
  for (const part of field.split(",")) {
    const [range = "", step, ...more] = part.split("/");
    if (more.length > 0) return undefined;
    const by = step === undefined ? 1 : numberOf(step);
    const [from = "", to, ...rest] = range.split("-");
    if (rest.length > 0) return undefined;
    const all = range === "*" || range === "?";
    const begin = all ? low : numberOf(from);
    const end = all ? high : to !== undefined ? numberOf(to) : step === undefined ? begin : high;
    if (!(begin >= low && end <= high && begin <= end && by >= 1)) return undefined;
    for (let value = begin; value <= end; value += by) found.add(value);
  }
  return found;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function localFields(at: number, timeZone: string): { minute: number; hour: number; day: number; month: number; weekday: number } {
  const utc = timeZone === "UTC" || timeZone === "Etc/UTC";
  let date = new Date(at);
  if (!utc) {
    const format =
      formats.get(timeZone) ??
      new Intl.DateTimeFormat("en-US", {
        timeZone,
        hourCycle: "h23",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
      });
    formats.set(timeZone, format);
    const part = Object.fromEntries(format.formatToParts(date).map((p) => [p.type, Number(p.value)]));
    date = new Date(Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day ?? 1, part.hour ?? 0, part.minute ?? 0));
  }
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
  };
}

function matches(schedule: Schedule, at: number, timeZone: string): boolean {
  const { minute, hour, day, month, weekday } = localFields(at, timeZone);
  if (!schedule.minutes.has(minute) || !schedule.hours.has(hour) || !schedule.months.has(month)) return false;
  const [byDay, byWeekday] = [schedule.days.has(day), schedule.weekdays.has(weekday)];
  return schedule.eitherDay ? byDay || byWeekday : byDay && byWeekday;
}

/** Every time of a schedule after `after` and not after `until`, in milliseconds, at most `limit` of them. */
export function timesBetween(schedule: Schedule, timeZone: string, after: number, until: number, limit = 1_000): number[] {
  const found: number[] = [];
  for (let at = Math.floor(after / MINUTE_MS) * MINUTE_MS + MINUTE_MS; at <= until && found.length < limit; at += MINUTE_MS)
    if (matches(schedule, at, timeZone)) found.push(at);
  return found;
}
