import { expect } from "chai";
import { windowProblem, windowsOverlap } from "../../src/config/rdsWindows.js";

describe("RDS's backup and maintenance windows", () => {
  it("overlap on any day, over midnight and over the week's end; windows that only touch do not", () => {
    const clash: [string, string][] = [
      ["03:00-04:00", "sun:03:30-sun:04:30"],
      ["03:00-04:00", "wed:02:00-wed:05:00"],
      ["23:30-00:30", "tue:00:00-tue:01:00"],
      ["23:30-00:30", "sun:23:45-mon:00:15"],
      ["00:10-00:40", "sun:23:45-mon:00:15"],
    ];
    for (const [backup, maintenance] of clash) expect(windowsOverlap(backup, maintenance), `${backup} ${maintenance}`).to.equal(true);
    const apart: [string, string][] = [
      ["03:00-04:00", "sun:05:00-sun:06:00"],
      ["03:00-04:00", "sun:04:00-sun:05:00"],
      ["23:30-00:30", "mon:00:30-mon:01:00"],
      ["03:00-04:00", "sun:23:30-mon:00:30"],
    ];
    for (const [backup, maintenance] of apart) expect(windowsOverlap(backup, maintenance), `${backup} ${maintenance}`).to.equal(false);
  });
});

describe("a window of RDS", () => {
  it("[providers-10] has times that exist and is from 30 minutes to a day long", () => {
    for (const window of ["03:00-03:30", "23:45-00:15", "sun:05:00-sun:06:00", "sun:23:45-mon:00:15", "sat:10:00-sun:10:00"])
      expect(windowProblem(window), window).to.equal(undefined);
    for (const window of ["03:00-03:10", "23:50-00:10", "sun:05:00-sun:05:29", "sun:23:45-mon:00:00"])
      expect(windowProblem(window), window).to.equal("a window of 30 minutes at least");
    for (const window of ["25:00-26:00", "03:00-03:60", "sun:24:00-mon:01:00"])
      expect(windowProblem(window), window).to.equal("times from 00:00 to 23:59");
    expect(windowProblem("mon:05:00-wed:05:00")).to.equal("a window of 24 hours at most");
  });
});
