import { expect } from "chai";
import { parseSchedule, timesBetween } from "../../src/lib/cron.js";

const times = (text: string, from: string, until: string, zone = "UTC"): string[] => {
  const schedule = parseSchedule(text);
  if (schedule === undefined) throw new Error(`${text} is no schedule`);
  return timesBetween(schedule, zone, Date.parse(from), Date.parse(until)).map((t) => new Date(t).toISOString().slice(0, 16));
};

describe("schedules", () => {
  it("reads fields, ranges, steps, names and descriptors", () => {
    expect(times("*/20 9-10 * * *", "2026-01-05T09:10Z", "2026-01-05T11:00Z")).to.deep.equal([
      "2026-01-05T09:20",
      "2026-01-05T09:40",
      "2026-01-05T10:00",
      "2026-01-05T10:20",
      "2026-01-05T10:40",
    ]);
    expect(times("@hourly", "2026-01-05T09:00Z", "2026-01-05T11:00Z")).to.deep.equal(["2026-01-05T10:00", "2026-01-05T11:00"]);
    expect(times("0 0 * jan mon-tue", "2026-01-04T00:00Z", "2026-01-07T00:00Z")).to.deep.equal(["2026-01-05T00:00", "2026-01-06T00:00"]);
    for (const wrong of ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "@never", "a * * * *"])
      expect(parseSchedule(wrong), wrong).to.equal(undefined);
  });

  it("either of two restricted days is enough, as in cron", () => {
    expect(times("0 0 13 * fri", "2026-03-01T00:00Z", "2026-03-15T00:00Z")).to.deep.equal(["2026-03-06T00:00", "2026-03-13T00:00"]);
  });

  it("is the local time of its zone: an hour that is skipped does not come, one that is repeated comes twice", () => {
    expect(times("30 2 * * *", "2026-03-08T00:00Z", "2026-03-09T00:00Z", "America/New_York")).to.deep.equal([]);
    expect(times("30 1 * * *", "2026-11-01T00:00Z", "2026-11-02T00:00Z", "America/New_York")).to.deep.equal([
      "2026-11-01T05:30",
      "2026-11-01T06:30",
    ]);
  });
});
