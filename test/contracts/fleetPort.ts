import { expect } from "chai";
import { Conflict } from "../../src/errors.js";
import type { Side } from "../../src/ports/observations.js";
import type { FleetPort } from "../../src/ports/target.js";

export interface FleetSide {
  fleet: FleetPort;
  /** What the fleet itself knows. */
  state(): Promise<{ maintenance: boolean; uses: Side }>;
}

/** What every fleet port keeps, the real one and its sandbox twin. */
export function fleetPortContract(name: string, open: () => Promise<FleetSide>): void {
  describe(`the contract of the fleet port: ${name}`, function () {
    this.timeout(60_000);
    let side: FleetSide;
    before(async () => {
      side = await open();
    });
    const effect = (key: string) => ({ key, fence: 1 });

    it("turns maintenance on and off, and asking again changes nothing", async () => {
      for (const [on, key] of [
        [true, "on"],
        [true, "on"],
        [false, "off"],
        [false, "off again"],
      ] as const) {
        expect((await side.fleet.setMaintenance(on, effect(key))).summary).to.match(/\w/);
        expect((await side.state()).maintenance).to.equal(on);
      }
    });

    it("[postgresql-23] does nothing for a runner that has lost its lease", async () => {
      const before = await side.state();
      const held = () => Promise.reject(new Conflict("the lease was lost"));
      expect(await side.fleet.setMaintenance(true, { ...effect("late"), held }).catch((e) => e)).to.be.instanceOf(Conflict);
      expect(await side.fleet.useDatabase("new", { ...effect("late"), held }).catch((e) => e)).to.be.instanceOf(Conflict);
      expect(await side.state()).to.deep.equal(before);
    });

    it("promise 3: points the whole fleet at one database, and back", async () => {
      for (const [database, key] of [
        ["new", "there"],
        ["new", "there"],
        ["old", "back"],
      ] as const) {
        await side.fleet.useDatabase(database, effect(key));
        expect((await side.state()).uses).to.equal(database);
      }
    });
  });
}
