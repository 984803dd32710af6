/**
 * Times of timers as schedules of five fields, where both mean exactly the same.
 * https://www.freedesktop.org/software/systemd/man/latest/systemd.time.html
 */

const WORDS: Record<string, string> = {
  minutely: "*-*-* *:*:00",
  hourly: "*-*-* *:00:00",
  daily: "*-*-* 00:00:00",
  monthly: "*-*-01 00:00:00",
  weekly: "Mon *-*-* 00:00:00",
  yearly: "*-01-01 00:00:00",
  annually: "*-01-01 00:00:00",
  quarterly: "*-01,04,07,10-01 00:00:00",
  semiannually: "*-01,07-01 00:00:00",
};
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export type Times = { schedule: string; timeZone?: string } | { why: string };

/** @returns the schedule, or why there is none that says the same */
export function scheduleOfCalendar(text: string): Times {
  const zone = /\s((?:[A-Z][A-Za-z_]+\/[A-Za-z_/+-]+)|UTC|GMT)$/.exec(text.trim());
  const bare = text.trim().slice(0, zone?.index);
  const full = WORDS[bare.toLowerCase()] ?? bare;
  const [, weekday, date = "*-*-*", time = "00:00:00"] =
    /^(?:([A-Za-z][A-Za-z.,\s]*?)(?:\s+|$))?([\d*/,.~-]+-[\d*/,.~-]+)?\s*([\d*/,.]+:[\d*/,.:]+)?$/.exec(full) ?? ["", "?"];
  if (weekday === "?" || (weekday === undefined && !/[-:]/.test(full))) return { why: "it was not understood" };
  const dateParts = date.split("-");
  const [year = "*", month = "*", day = "*"] = dateParts.length === 2 ? ["*", ...dateParts] : dateParts;
  const timeParts = time.split(":");
  const [hour = "*", minute = "*", second = "0"] = timeParts;
  if (dateParts.length > 3 || timeParts.length > 3) return { why: "it was not understood" };
  if (year !== "*") return { why: "a schedule has no years" };
  if (!/^0+(\.0+)?$/.test(second)) return { why: "a schedule has no seconds" };
  if (/~/.test(date)) return { why: "a schedule does not count from the end of a month" };
  const fields = [fieldOf(minute, 0, 59), fieldOf(hour, 0, 23), fieldOf(day, 1, 31), fieldOf(month, 1, 12)];
  const days = weekday === undefined ? "*" : weekdaysOf(weekday);
  if (days === undefined || fields.some((f) => f === undefined)) return { why: "it was not understood" };
  // A schedule runs on either kind of day where both are given; a timer on days that are both.
  if (days !== "*" && fields[2] !== "*")
    return { why: "a schedule with a day of the month and a day of the week runs on either, a timer on both together" };
  return { schedule: [...fields, days].join(" "), ...(zone?.[1] === undefined ? {} : { timeZone: zone[1] }) };
}

/** `08..17`, `1,15`, `*`, `0/15`, as cron has them. */
function fieldOf(text: string, low: number, high: number): string | undefined {
  const parts = text.split(",").map((part) => {
    const [, range = "", from = "", to, step] = /^(\*|(\d+)(?:\.\.(\d+))?)(?:\/(\d+))?$/.exec(part) ?? [];
    if (range === "") return undefined;
    if (range === "*") return step === undefined ? "*" : `*/${Number(step)}`;
    const [first, last] = [Number(from), to === undefined ? undefined : Number(to)];
    if (first < low || first > high || (last !== undefined && (last > high || last < first)) || step === "0") return undefined;
    if (last !== undefined) return `${first}-${last}${step === undefined ? "" : `/${Number(step)}`}`;
    return step === undefined ? String(first) : `${first === low ? "*" : `${first}-${high}`}/${Number(step)}`;
  });
  return parts.some((p) => p === undefined) ? undefined : parts.join(",");
}

/** `Mon..Fri`, `Sat,Sun`: days by number, so that a week may begin on any. */
function weekdaysOf(text: string): string | undefined {
  const indexOf = (word: string): number =>
    DAYS.findIndex(
      (d) => word.toLowerCase().startsWith(d) && /^(sun|mon|tue|wed|thu|fri|sat)(day|s|sday|nesday|rs|rsday|urday|r)?$/i.test(word),
    );
  const found = new Set<number>();
  for (const part of text.trim().split(/\s*,\s*/)) {
    const [from = "", to] = part.split("..");
    const [first, last] = [indexOf(from.trim()), to === undefined ? indexOf(from.trim()) : indexOf(to.trim())];
    if (first === -1 || last === -1) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      found.add(day);
      if (day === last) break;
    }
  }
  return found.size === 7 ? "*" : [...found].sort().join(",");
}
