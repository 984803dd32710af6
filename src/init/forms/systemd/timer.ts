import type { DescribedProcess, Findings } from "../described.js";
import { scheduleOfCalendar } from "./calendar.js";
import { one, type Unit } from "./unit.js";

/** The times of a timer; undefined, and asked, where no schedule says the same. */
export function timesOf(timer: Unit, findings: Findings): DescribedProcess["schedule"] | undefined {
  const left = "so it was left out: which schedule of five fields is right?";
  const since = [...timer.settings].find(([key, values]) => /^Timer\.On\w+Sec$/.test(key) && values.length > 0);
  if (since !== undefined) {
    findings.ask(since[1][0]?.at ?? timer.path, `${since[0].slice(6)} counts from a start and not by the clock, ${left}`);
    return undefined;
  }
  const calendars = timer.settings.get("Timer.OnCalendar") ?? [];
  const delay = one(timer, "Timer.RandomizedDelaySec");
  if (delay !== undefined) findings.ask(delay.at, "a schedule has no random delay: does it matter that all begin at the same time?");
  const [first] = calendars;
  if (first === undefined || calendars.length > 1) {
    findings.ask(
      timer.path,
      `it has ${calendars.length === 0 ? "no times" : `${calendars.length} times (OnCalendar)`}, and a schedule has one, ${left}`,
    );
    return undefined;
  }
  const times = scheduleOfCalendar(first.value);
  if ("why" in times) {
    findings.ask(first.at, `OnCalendar=${first.value}: ${times.why}, ${left}`);
    return undefined;
  }
  if (times.timeZone === undefined)
    findings.ask(first.at, "the times are of the machine's time zone; UTC was taken: which one is it (timeZone)?");
  return times;
}
