import { expect } from "chai";
import { Terminal } from "../../src/errors.js";
import type { Side } from "../../src/ports/observations.js";
import type { DataPort, ObserverPort } from "../../src/ports/target.js";

/** One pair of databases, the new one a replica of the old one. */
export interface DataSide {
  data: DataPort;
  observer: ObserverPort;
  promote(): Promise<void>;
  /** Lets the replica catch up. */
  settle(): Promise<void>;
}

/** What every data port keeps on the night, step by step, the real one and its sandbox twin. */
export function dataPortContract(name: string, open: () => Promise<DataSide>): void {
  describe(`the contract of the data port: ${name}`, function () {
    this.timeout(120_000);
    let side: DataSide;
    let effects = 0;
    const effect = (key?: string) => {
      effects += 1;
      return { key: key ?? `effect ${effects}`, fence: 1 };
    };
    const value = async (observation: Parameters<ObserverPort["observe"]>[0]) => {
      const { reading } = await side.observer.observe(observation, undefined, 300);
      return reading.known ? reading.value : reading.reason;
    };

    /** What streams back is there within seconds. */
    const arrived = async (): Promise<void> => {
      for (let tries = 0; ; tries += 1) {
        const lag = await value("reverse-lag");
        if (typeof lag === "number" && lag >= 0 && lag < 5) return;
        if (tries > 150) throw new Error(`the old database does not catch up: ${lag}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };

    before(async () => {
      side = await open();
    });

    it("promise 3: says that writes are stopped exactly while they are", async () => {
      expect(await value("writes-stopped")).to.equal(0);
      await side.data.setWrites("old", false, effect("stop"));
      await side.data.setWrites("old", false, effect("stop"));
      expect(await value("writes-stopped")).to.equal(1);
      await side.data.setWrites("old", true, effect());
      expect(await value("writes-stopped")).to.equal(0);
      await side.data.setWrites("old", false, effect());
      expect(await value("writes-stopped")).to.equal(1);
    });

    it("promise 1: shows a lag of 0 once everything has arrived, and compares equal then", async () => {
      await side.settle();
      expect(await value("replica-lag")).to.equal(0);
      expect(await value("database-primary")).to.equal(0);
      await side.data.testReplica(effect());
      const compared = await side.data.compare(effect());
      expect(compared.differences).to.equal(0);
      expect(compared.facts?.tables).to.be.a("number");
    });

    it("streams back from the promoted database, and ends that without being told twice", async () => {
      await side.promote();
      expect(await value("database-primary")).to.equal(1);
      expect((await side.data.startReverseReplication(effect("back"))).supported).to.equal(true);
      expect((await side.data.startReverseReplication(effect("back"))).supported).to.equal(true);
      await side.data.verifyReadWrite(effect());
      await side.data.setWrites("new", true, effect());
      await arrived();
      await side.data.setWrites("new", false, effect());
      await side.data.stopReverseReplication(effect("end"));
      await side.data.stopReverseReplication(effect("end"));
      expect(await value("reverse-lag")).to.equal("nothing streams back to the old database");
      await side.data.setWrites("old", true, effect());
      expect(await value("writes-stopped")).to.equal(0);
    });
  });
}

/** A night whose stream back broke after the promotion, on its way back: both sides refuse writes. */
export interface BrokenSide {
  data: DataPort;
  /** Whether the application could write there. */
  accepts(side: Side): Promise<boolean>;
}

/** What every data port keeps where a way back cannot drain. */
export function brokenStreamContract(name: string, open: () => Promise<BrokenSide>): void {
  describe(`the contract of a way back without its stream: ${name}`, function () {
    this.timeout(120_000);

    it("[postgresql-5] promise 3: ends with exactly one side accepting writes, the one with all rows, and says which", async () => {
      const { data, accepts } = await open();
      expect([await accepts("old"), await accepts("new")]).to.deep.equal([false, false]);
      const error = await data.stopReverseReplication({ key: "back", fence: 1 }, { refuseWrites: true }).catch((e: Error) => e);
      expect(error).to.be.instanceOf(Terminal);
      expect((error as Terminal).message).to.match(/is broken: .*, which has all rows, accepts writes again, and .* refuses them\.$/);
      expect((error as Terminal).next).to.contain("Keep the application from writing");
      expect([await accepts("old"), await accepts("new")]).to.deep.equal([false, true]);
      // Given up, the old side takes over, and never both.
      await data.setWrites("old", true, { key: "old takes over", fence: 1 });
      expect([await accepts("old"), await accepts("new")]).to.deep.equal([true, false]);
    });
  });
}
