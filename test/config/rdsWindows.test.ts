import { expect } from "chai";
import { windowsOverlap } from "../../src/config/rdsWindows.js";

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
