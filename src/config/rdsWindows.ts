const DAY = 24 * 60;
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Minutes of a time such as `03:00`. */
const minutes = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
const minutesOfWeek = (text: string): number => DAYS.indexOf(text.slice(0, 3)) * DAY + minutes(text.slice(4));

/**
 * Whether a daily backup window (`03:00-04:00`) and a weekly maintenance window (`sun:05:00-sun:06:00`) of RDS share a
 * minute. Either may end the day after it begins. Pure.
 */
export function windowsOverlap(backup: string, maintenance: string): boolean {
  const [from = "", to = ""] = maintenance.split("-");
  const [opens, closes] = backup.split("-").map(minutes) as [number, number];
  const begin = minutesOfWeek(from);
  const end = minutesOfWeek(to) + (minutesOfWeek(to) <= begin ? 7 * DAY : 0);
  const length = closes - opens + (closes <= opens ? DAY : 0);
  // Each day's backup, from the one that reaches into the week's first day to those after a window over the week's end.
  return Array.from({ length: 16 }, (_, day) => (day - 1) * DAY + opens).some((at) => at < end && at + length > begin);
}

const SHORTEST = 30;

/**
 * What RDS refuses of a window by itself: a time that does not exist, or one shorter than 30 minutes. Pure.
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
 * @returns what is wrong, or undefined
 */
export function windowProblem(window: string): string | undefined {
  const times = window.match(/\d\d:\d\d/g) ?? [];
  if (times.length !== 2 || times.some((t) => Number(t.slice(0, 2)) > 23 || Number(t.slice(3)) > 59)) return "times from 00:00 to 23:59";
  const [from = "", to = ""] = window.split("-");
  const weekly = /^[a-z]/.test(window);
  const [begin, end] = weekly ? [minutesOfWeek(from), minutesOfWeek(to)] : [minutes(from), minutes(to)];
  const length = end - begin + (end <= begin ? (weekly ? 7 : 1) * DAY : 0);
  if (length < SHORTEST) return `a window of ${SHORTEST} minutes at least`;
  return length > DAY ? "a window of 24 hours at most" : undefined;
}
