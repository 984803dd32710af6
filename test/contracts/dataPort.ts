import { expect } from "chai";
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
