import { expect } from "chai";
import { Conflict, Terminal } from "../../src/errors.js";
import type { ObservationName } from "../../src/ports/observations.js";
import type { ClusterPort, Evidence, ObserverPort } from "../../src/ports/target.js";

/** admin-portal as a healthy Argo Rollout with the steps 20 and 40 and a long pause after each. */
export interface ClusterSide {
  cluster: ClusterPort;
  observer: Pick<ObserverPort, "observe">;
  /** Has the stack's program ask for another image. */
  change(image: string): Promise<void>;
  /** Lets time pass until an observation shows a value. @returns what it shows at the end */
  shows(name: ObservationName, value: number): Promise<number | string>;
}

/** What every cluster port keeps, the real one and its sandbox twin. */
export function clusterPortContract(name: string, open: () => Promise<ClusterSide>): void {
  describe(`the contract of the cluster port: ${name}`, function () {
    this.timeout(240_000);
    let side: ClusterSide;
    const effect = (key: string) => ({ key, fence: 1 });
    const failure = async (call: Promise<unknown>): Promise<Error> => {
      const error = await call.then(
        () => undefined,
        (e: Error) => e,
      );
      expect(error).to.be.instanceOf(Terminal);
      return error as Error;
    };

    before(async () => {
      side = await open();
    });

    it("promise 6: runs the smoke test and the integration tests once a key, and keeps their logs", async () => {
      const smoke = await side.cluster.smokeTest(effect("one"));
      expect(smoke.summary).to.match(/^GET http:\/\/admin-portal\.production\.svc\.cluster\.local\S*\/health answered 200\.$/);
      expect(Object.keys(smoke.files ?? {})).to.deep.equal(["smoke-test.log"]);
      expect((await side.cluster.smokeTest(effect("one"))).summary).to.equal(smoke.summary);
      const tests = await side.cluster.integrationTest(effect("one"));
      expect(tests.summary).to.match(/^job\/integration-tests\S* completed in \d+ s/);
      expect(tests.facts).to.have.property("seconds").that.is.a("number");
      expect(Object.keys(tests.files ?? {})).to.deep.equal(["integration-tests.log"]);
    });

    it("[postgresql-23] does nothing for a runner that has lost its lease", async () => {
      const held = () => Promise.reject(new Conflict("the lease was lost"));
      for (const call of ["smokeTest", "integrationTest", "rolloutAbort", "rolloutPromote"] as const)
        expect(await side.cluster[call]({ ...effect("late"), held }).catch((e) => e), call).to.be.instanceOf(Conflict);
    });

    it("keeps the pods' last lines, and says what they use or that nothing measures it", async () => {
      expect(Object.keys((await side.cluster.logs({ app: "admin-portal" }, 20)).files ?? {})).to.deep.equal(["pods.log"]);
      expect((await side.cluster.usage()).summary).to.match(/CPU|no usage/);
    });

    it("has nothing to abort or to promote while no canary is under way", async () => {
      expect((await side.cluster.rolloutAbort(effect("early abort"))).summary).to.contain("nothing to abort");
      expect((await failure(side.cluster.rolloutPromote(effect("early promote")))).message).to.contain("No canary is in a pause");
      expect(await side.shows("rollout-healthy", 1)).to.equal(1);
    });

    /** Argo shows a weight a moment before it pauses there. */
    const onceItPauses = async (what: string): Promise<Evidence> => {
      for (let tries = 0; ; tries += 1) {
        const done = await side.cluster.rolloutPromote(effect(what)).catch((error: Error) => error);
        if (!(done instanceof Error)) return done;
        if (tries === 50 || !done.message.includes("No canary is in a pause")) throw done;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };

    it("shows where a canary stands; promote takes it one step on, abort to nothing, retry back to its start, and undo makes it healthy again", async () => {
      await side.change("ghcr.io/your-org/admin-portal:1.1.0");
      expect(await side.shows("rollout-weight", 20)).to.equal(20);
      expect(await side.shows("rollout-healthy", 0)).to.equal(0);
      expect((await onceItPauses("promote")).summary).to.equal("The pause at 20 % was ended.");
      expect(await side.shows("rollout-weight", 40)).to.equal(40);
      expect((await side.cluster.rolloutAbort(effect("abort"))).summary).to.contain("was aborted");
      expect(await side.shows("rollout-weight", 0)).to.equal(0);
      // Asked again, as after a crash.
      await side.cluster.rolloutAbort(effect("abort"));
      expect(await side.shows("rollout-weight", 0)).to.equal(0);
      expect((await side.cluster.rolloutPromote(effect("retry"))).summary).to.contain("begins again");
      expect(await side.shows("rollout-weight", 20)).to.equal(20);
      await side.cluster.rolloutAbort(effect("abort again"));
      expect(await side.shows("rollout-weight", 0)).to.equal(0);
      // The earlier image, at once, without steps.
      await side.change("ghcr.io/your-org/admin-portal:1.0.0");
      expect(await side.shows("rollout-healthy", 1)).to.equal(1);
      expect(await side.shows("pods-ready", 1)).to.equal(1);
    });
  });
}
