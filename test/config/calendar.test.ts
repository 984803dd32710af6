import { expect } from "chai";
import fc from "fast-check";
import { freezeAt, localTime, maintenanceAllowed, nextMaintenance } from "../../src/config/calendar.js";
import { calendar as schema } from "../../src/config/sections.js";

const calendar = (input: object) => schema.parse(input);
const at = (text: string) => Date.parse(text);

describe("the calendar", () => {
  const nights = calendar({ timeZone: "America/New_York", maintenance: [{ days: ["sat", "sun"], from: "22:00", to: "04:00" }] });

  it("opens windows in local time, over midnight and over the change to summer time", () => {
    // Winter: New York is five hours behind UTC. The 7th of February 2026 is a Saturday.
    expect(maintenanceAllowed(nights, at("2026-02-08T02:59:00Z"))).to.equal(false);
    expect(maintenanceAllowed(nights, at("2026-02-08T03:00:00Z"))).to.equal(true);
    expect(maintenanceAllowed(nights, at("2026-02-08T08:59:00Z"))).to.equal(true);
    expect(maintenanceAllowed(nights, at("2026-02-08T09:00:00Z"))).to.equal(false);
    // On the 8th of March clocks jump from 02:00 to 03:00; in summer New York is four hours behind.
    expect(maintenanceAllowed(nights, at("2026-03-08T07:59:00Z"))).to.equal(true);
    expect(maintenanceAllowed(nights, at("2026-03-08T08:00:00Z"))).to.equal(false);
    expect(nextMaintenance(nights, at("2026-03-08T08:00:00Z"))).to.equal(at("2026-03-09T02:00:00Z"));
  });

  it("[safety-11] counts local days: a window on Sunday evening is open on the Monday after clocks were set", () => {
    const sundays = calendar({ timeZone: "Europe/Berlin", maintenance: [{ days: ["sun"], from: "22:00", to: "04:00" }] });
    // Clocks go from 02:00 to 03:00 on Sunday the 29th of March, and from 03:00 to 02:00 on the 25th of October.
    expect(maintenanceAllowed(sundays, at("2026-03-30T00:30:00+02:00"))).to.equal(true);
    expect(maintenanceAllowed(sundays, at("2026-03-30T04:00:00+02:00"))).to.equal(false);
    expect(maintenanceAllowed(sundays, at("2026-10-26T00:30:00+01:00"))).to.equal(true);
    expect(nextMaintenance(sundays, at("2026-10-25T01:00:00+02:00"))).to.equal(at("2026-10-25T22:00:00+01:00"));
  });

  it("[safety-11] is open exactly when the wall clock says so, over both changes of a year in five zones", () => {
    const windows = [
      { days: ["sun"], from: "22:00", to: "05:00" },
      { days: ["sat"], from: "21:30", to: "06:00" },
      { days: ["mon", "thu"], from: "12:00", to: "13:00" },
    ];
    // Lord Howe's summer time is half an hour; Adelaide is nine and a half hours ahead of UTC.
    const changes: Record<string, string[]> = {
      "Europe/Berlin": ["2026-03-29", "2026-10-25"],
      "America/New_York": ["2026-03-08", "2026-11-01"],
      "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
      "Australia/Adelaide": ["2026-04-05", "2026-10-04"],
      "America/Santiago": ["2026-04-05", "2026-09-06"],
    };
    for (const [timeZone, sundays] of Object.entries(changes)) {
      const given = calendar({ timeZone, maintenance: windows });
      const wall = new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", weekday: "short", hour: "2-digit", minute: "2-digit" });
      const wallOf = (then: number) => {
        const part = Object.fromEntries(wall.formatToParts(then).map((p) => [p.type, p.value]));
        return { day: String(part.weekday).toLowerCase(), time: `${part.hour}:${part.minute}` };
      };
      const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
      const saysOpen = (then: number): boolean => {
        const { day, time } = wallOf(then);
        const dayBefore = days[(days.indexOf(day) + 6) % 7] ?? "";
        return windows.some(({ days: on, from, to }) =>
          from < to
            ? on.includes(day) && from <= time && time < to
            : (on.includes(day) && time >= from) || (on.includes(dayBefore) && time < to),
        );
      };
      for (const sunday of sundays.map((date) => at(`${date}T00:00:00Z`)))
        for (let then = sunday - 2 * 86_400_000; then < sunday + 2 * 86_400_000; then += 900_000)
          if (maintenanceAllowed(given, then) !== saysOpen(then))
            expect.fail(
              `${timeZone}, ${new Date(then).toISOString()}, ${JSON.stringify(wallOf(then))}: the wall clock says ${saysOpen(then)}`,
            );
    }
  });

  it("[safety-11] so too over every change of two years in zones with changes of their own", () => {
    const windows = [
      { days: ["fri", "sat", "sun"], from: "21:30", to: "05:00" },
      { days: ["sat", "sun", "mon"], from: "12:00", to: "13:00" },
    ];
    const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    const hour = 3_600_000;
    // Negative summer time in Ramadan (Casablanca) and in winter (Dublin), 45 minutes (Chatham), two hours (Troll), at midnight
    // (Santiago, Azores), dates that are decreed (Gaza).
    for (const timeZone of [
      "Africa/Casablanca",
      "Pacific/Chatham",
      "Asia/Gaza",
      "America/Santiago",
      "Antarctica/Troll",
      "Atlantic/Azores",
      "Europe/Dublin",
    ]) {
      const given = calendar({ timeZone, maintenance: windows });
      const wall = new Intl.DateTimeFormat("en-GB", { timeZone, hourCycle: "h23", weekday: "short", hour: "2-digit", minute: "2-digit" });
      const wallOf = (then: number): [number, string] => {
        const part = Object.fromEntries(wall.formatToParts(then).map((p) => [p.type, p.value]));
        return [weekdays.indexOf(String(part.weekday).toLowerCase()), `${part.hour}:${part.minute}`];
      };
      const isOn = (day: number, days: string[]) => days.includes(weekdays[(day + 7) % 7] ?? "");
      const saysOpen = (then: number): boolean => {
        const [day, time] = wallOf(then);
        return windows.some(({ days, from, to }) =>
          from < to
            ? isOn(day, days) && from <= time && time < to
            : (isOn(day, days) && time >= from) || (isOn(day - 1, days) && time < to),
        );
      };
      let changes = 0;
      for (let then = at("2026-01-01T00:00:00Z"); then < at("2028-01-01T00:00:00Z"); then += hour) {
        const [[day, before], [, after]] = [wallOf(then), wallOf(then + 24 * hour)];
        if (before === after || day === -1) continue;
        changes += 1;
        for (let look = then - 24 * hour; look < then + 60 * hour; look += 1_800_000)
          if (maintenanceAllowed(given, look) !== saysOpen(look))
            expect.fail(`${timeZone}, ${new Date(look).toISOString()}: the wall clock says ${saysOpen(look)}`);
        then += 48 * hour;
      }
      expect(changes, timeZone).to.be.at.least(2);
    }
  }).timeout(60_000);

  it("[safety-11] opens a window of an hour that does not exist as long after, and one of an hour that exists twice once", () => {
    const short = calendar({ timeZone: "Europe/Berlin", maintenance: [{ days: ["sun"], from: "02:10", to: "02:50" }] });
    for (const then of ["2026-03-29T01:59:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:50:00+02:00"])
      expect(maintenanceAllowed(short, at(then)), then).to.equal(false);
    expect(maintenanceAllowed(short, at("2026-03-29T03:30:00+02:00"))).to.equal(true);
    expect(maintenanceAllowed(short, at("2026-10-25T02:30:00+02:00"))).to.equal(true);
    expect(maintenanceAllowed(short, at("2026-10-25T02:30:00+01:00"))).to.equal(false);
  });

  it("[safety-11] ends a freeze at the second of two equal times, and begins it at the first", () => {
    const frozen = calendar({ timeZone: "Europe/Berlin", freezes: [{ from: "2026-10-25T02:30", to: "2026-10-25T02:45", why: "a test" }] });
    expect(freezeAt(frozen, at("2026-10-25T02:30:00+02:00"))?.until).to.equal(at("2026-10-25T02:45:00+01:00"));
    expect(freezeAt(frozen, at("2026-10-25T02:29:00+02:00"))).to.equal(undefined);
  });

  it("is always open without a window", () => {
    expect(maintenanceAllowed(calendar({}), 0)).to.equal(true);
    expect(nextMaintenance(calendar({}), 7)).to.equal(7);
  });

  it("finds the freeze that an instant lies in", () => {
    const frozen = calendar({
      timeZone: "Europe/Berlin",
      freezes: [{ from: "2026-12-24T12:00", to: "2027-01-02T06:00", why: "holidays" }],
    });
    expect(freezeAt(frozen, at("2026-12-24T10:59:59Z"))).to.equal(undefined);
    expect(freezeAt(frozen, at("2026-12-24T11:00:00Z"))).to.include({ why: "holidays", until: at("2027-01-02T05:00:00Z") });
    expect(freezeAt(frozen, at("2027-01-02T05:00:00Z"))).to.equal(undefined);
    expect(localTime(frozen, at("2027-01-02T05:00:00Z"))).to.equal("sat 2027-01-02 06:00 Europe/Berlin");
  });

  it("leads from any instant to an open one within a week, and to none that is later than the next opening", () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([h, m]) => `${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`);
    const window = fc.record({
      days: fc.uniqueArray(fc.constantFrom("mon", "tue", "wed", "thu", "fri", "sat", "sun"), { minLength: 1 }),
      from: time,
      to: time,
    });
    const zone = fc.constantFrom("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia");
    fc.assert(
      fc.property(window, zone, fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-12-31T00:00:00Z") }), (w, timeZone, then) => {
        const given = calendar({ timeZone, maintenance: [w] });
        const next = nextMaintenance(given, then);
        expect(maintenanceAllowed(given, next)).to.equal(true);
        expect(next - then).to.be.within(0, 15 * 86_400_000);
        if (next > then) expect(maintenanceAllowed(given, next - 60_000), "a minute before it opens").to.equal(false);
      }),
    );
  });

  it("says what is wrong with one", () => {
    const wrong = (input: object) => schema.safeParse(input).error?.issues.map((i) => `${i.path.join(".")}: ${i.message}`);
    expect(wrong({ timeZone: "Mars/Olympus" })).to.deep.equal(["timeZone: an IANA time zone, for example America/New_York"]);
    expect(wrong({ maintenance: [{ days: ["someday"], from: "25:00", to: "04:00" }] })).to.deep.equal([
      "maintenance.0.days.0: a day: mon to sun",
      "maintenance.0.from: a local time, for example 22:00",
    ]);
    expect(wrong({ freezes: [{ from: "2026-12-24T12:00", to: "2026-12-24T12:00", why: "x" }] })).to.deep.equal([
      "freezes.0.to: a time after `from`",
    ]);
  });
});
