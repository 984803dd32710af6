import { expect } from "chai";
import { engineLocks } from "../../src/automation/engine/locks.js";
import { lockPlace } from "../../src/engine/lockPlaces.js";
import type { LockPlace } from "../../src/ports/providers.js";
import { inSandbox } from "../support/sandbox.js";

const STACK = "web-api-staging";

describe("an abort on the real engine", function () {
  this.timeout(180_000);

  it("cancels the update that is running, goes back to revision 0 and ends", function () {
    return inSandbox(this, "cancel", async (open) => {
      const { migrations } = open;
      await migrations.create(STACK, "alice");
      const updating = new Promise<void>((resolve) => migrations.onProgress(({ entry }) => entry.type === "update.intended" && resolve()));
      await migrations.command(STACK, { command: "advance", extent: "end" }, "alice");
      await updating;
      // The engine's lock says that its process is at work.
      const place = lockPlace(open.env.PULUMI_BACKEND_URL ?? "") as LockPlace;
      const locks = () => engineLocks(place, open.project.name, STACK);
      while ((await locks()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await migrations.command(STACK, { command: "abort", why: "a test" }, "alice");
      const state = await migrations.settled(STACK);
      expect(state.status).to.equal("aborted");
      const entries = await migrations.journal(STACK);
      const failed = entries.find((e) => e.type === "update.failed");
      expect(failed).to.deep.include({ error: `The update of ${STACK} was cancelled.` });
      expect(await open.driver.inSync(STACK)).to.equal(true);
      expect(await migrations.verify(STACK)).to.deep.equal([]);
    });
  });
});
