import { expect } from "chai";
import { Conflict } from "../../src/errors.js";
import type { CloudPort, ObserverPort } from "../../src/ports/target.js";

/** One far side with an old infrastructure: a plain record, a database, a load balancer, instances, a security group. */
export interface CloudSide {
  cloud: CloudPort;
  observer: ObserverPort;
  /** Creates the new side's record with weight 0, as the engine does. */
  newRecord(): Promise<void>;
  /** Lets time pass until what was asked for is in force. */
  settle(): Promise<void>;
}

/** What every cloud port keeps, the real one and its sandbox twin. */
export function cloudPortContract(name: string, open: () => Promise<CloudSide>): void {
  describe(`the contract of the cloud port: ${name}`, function () {
    this.timeout(120_000);
    let side: CloudSide;
    let effects = 0;
    const effect = (key?: string) => {
      effects += 1;
      return { key: key ?? `effect ${effects}`, fence: 1 };
    };
    const value = async (observation: Parameters<ObserverPort["observe"]>[0]) => {
      const { reading } = await side.observer.observe(observation, undefined, 300);
      return reading.known ? reading.value : reading.reason;
    };

    before(async () => {
      side = await open();
    });

    it("shows what runs today", async () => {
      expect((await side.cloud.instances()).length).to.be.at.least(1);
      expect((await side.cloud.databases()).map((d) => d.identifier)).to.include("prod-db");
      expect((await side.cloud.loadBalancers()).length).to.be.at.least(1);
      for (const row of await side.cloud.costs({ start: "2026-01", end: "2026-02" })) expect(row.month).to.match(/^\d{4}-\d{2}$/);
    });

    it("promise 6: takes the record over once, however often it is asked", async () => {
      await side.cloud.adoptRecord(effect("adopt"));
      await side.cloud.adoptRecord(effect("adopt"));
      await side.cloud.adoptRecord(effect());
      await side.settle();
      expect(await value("dns-weight-new")).to.equal(0);
      expect(await value("dns-ttl")).to.equal(300);
    });

    it("sets weights that the name then shows, and sets them back", async () => {
      await side.newRecord();
      for (const weight of [75, 0]) {
        await side.cloud.setWeights({ old: 100 - weight, new: weight }, effect());
        await side.settle();
        expect(await value("dns-weight-new")).to.equal(weight);
      }
    });

    it("[postgresql-23] asks before each call whether its runner still holds the lease, and makes none when it does not", async () => {
      const shown = await value("dns-weight-new");
      for (const calls of [0, 1]) {
        let left = calls;
        // The lease is lost while the effect is under way.
        const held = async () => {
          left -= 1;
          if (left < 0) throw new Conflict("the lease was lost");
        };
        const refused = await side.cloud.setWeights({ old: 10, new: 90 }, { ...effect(), held }).catch((e) => e);
        if (calls === 0 || left < 0) expect(refused).to.be.instanceOf(Conflict);
        if (refused instanceof Conflict) {
          await side.settle();
          expect(await value("dns-weight-new")).to.equal(shown);
        } else await side.cloud.setWeights({ old: 100, new: 0 }, effect());
      }
      const given = AbortSignal.abort(new Conflict("it was given up"));
      expect(await side.cloud.setWeights({ old: 10, new: 90 }, { ...effect(), signal: given }).catch((e) => e)).to.be.instanceOf(Conflict);
      await side.settle();
      expect(await value("dns-weight-new")).to.equal(0);
    });

    it("takes a snapshot once, and says when it is available", async () => {
      expect(await value("snapshot-available")).to.equal(0);
      const taken = await side.cloud.snapshotDatabase("prod-db-final-snapshot", effect("snapshot"), 0);
      await side.cloud.snapshotDatabase("prod-db-final-snapshot", effect("snapshot"), 0);
      expect(taken.summary).to.contain("prod-db-final-snapshot");
      await side.settle();
      expect(await value("snapshot-available")).to.equal(1);
    });

    it("promise 6: removes the old infrastructure, and does nothing more when it is asked again", async () => {
      // Nobody is left on the old side.
      await side.cloud.setWeights({ old: 0, new: 100 }, effect());
      await side.settle();
      for (const key of ["first", "second"]) {
        await side.cloud.terminateInstances(effect(`${key} instances`));
        await side.cloud.deleteLoadBalancer(effect(`${key} balancer`));
        await side.cloud.deleteDatabase("prod-db-final-snapshot", effect(`${key} database`), 0);
        await side.settle();
        expect(await value("security-groups-users")).to.equal(0);
        await side.cloud.deleteSecurityGroups(effect(`${key} groups`));
      }
      const left = (await side.cloud.instances()).filter((i) => i.state === "running");
      expect(left).to.deep.equal([]);
      expect((await side.cloud.databases()).map((d) => d.identifier)).to.not.include("prod-db");
      expect(await side.cloud.loadBalancers()).to.deep.equal([]);
    });
  });
}
