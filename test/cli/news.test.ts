import { expect } from "chai";
import { ServiceClient } from "../../src/cli/client.js";
import { News } from "../../src/cli/news.js";
import type { EventOptions, Migration, MigrationEvent } from "../../src/client/index.js";
import { STACK } from "../automation/model.js";
import { afterThisTest } from "../support/cleanup.js";
import { modelService } from "./service.js";

/** Longer than a test may take. */
const NEVER_MS = 600_000;

describe("what wakes a command that watches", () => {
  it("is what happens at the service, and that the stream opens", async () => {
    const service = await modelService();
    afterThisTest(() => service.close());
    const client = new ServiceClient({ server: service.url, token: service.token, user: "alice" });
    const news = client.news(STACK);
    afterThisTest(() => news.end());
    await news.next(NEVER_MS);
    const woken = news.next(NEVER_MS);
    await client.createMigration({ stack: STACK });
    await client.advance(STACK);
    await woken;
  });

  it("is its own stack only, and what came while it looked", async () => {
    const stacks: string[] = [];
    let go: () => void = () => undefined;
    async function* events(_: EventOptions): AsyncGenerator<MigrationEvent> {
      for (;;) {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        for (const stack of stacks.splice(0)) yield { id: "1", type: "paused", migration: { stack } as Migration };
      }
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const news = new News(events, "mine");
    await turn();
    let woken = 0;
    const watching = (async () => {
      for (; woken < 2; woken += 1) await news.next(NEVER_MS);
    })();
    stacks.push("another");
    go();
    await turn();
    expect(woken).to.equal(0);
    stacks.push("mine");
    go();
    while (woken === 0) await turn();
    // It comes before the command waits again, or while it does.
    stacks.push("mine");
    go();
    await watching;
    expect(woken).to.equal(2);
  });
});
