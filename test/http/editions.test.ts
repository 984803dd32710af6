import { expect } from "chai";
import { record } from "../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../src/automation/journal/entries.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { recorded, serviceAfter } from "../automation/recorded.js";
import { afterThisTest } from "../support/cleanup.js";
import { peopleOf } from "../support/people.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { type ModelServer, openModelServer } from "./modelServer.js";

const NEWER = { type: "newer.kind", about: "something" } as unknown as Entry;

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by name
async function get({ server }: ModelServer, path: string): Promise<any> {
  const answer = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${server.token}` } });
  return answer.json();
}

describe("journals of other versions, over HTTP", () => {
  it("[safety-5] keep no list, stream or journal from anybody else where one cannot be read", async () => {
    const parts = modelService();
    // Whole as a chain, and of no state: an outcome without its intent.
    const [first] = recorded("0.1.0-straight.ndjson");
    if (first?.type !== "migration.created") throw new Error("no journal");
    const stack = "other-production";
    const config = { ...first.config, "cutover:application": { name: "other", environment: "production", criticality: "high" } };
    const { seq: _, prev: __, hash: ___, recordedAt: ____, fence: _____, ...plain } = first;
    const one = record({ ...plain, stack, config } as Entry, undefined, 1, 0);
    const two = record({ type: "update.succeeded", key: "k", revision: 1, engineVersion: 1, changes: {}, durationMs: 1 }, one, 2, 1);
    parts.store.journals.set(stack, [one, two]);
    const service = await openModelServer({}, parts);
    afterThisTest(() => service.close());
    await service.migrations.create(STACK, "alice");
    await service.migrations.resumeAll();

    const page = await get(service, "/v1/migrations");
    expect(page.migrations.map((m: { stack: string }) => m.stack)).to.deep.equal([STACK, "web-api-staging"]);
    expect(page.unreadable).to.deep.equal([{ stack, problem: "update.succeeded without its intent" }]);
    expect((await get(service, `/v1/migrations/${stack}/journal`)).entries.map((e: Recorded) => e.type)).to.deep.equal([
      one.type,
      two.type,
    ]);
    const stream = await fetch(`${service.server.url}/v1/events`, {
      headers: { authorization: `Bearer ${service.server.token}`, "last-event-id": "another-1" },
    });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes(`"stack":"${STACK}"`)) text += (await reader?.read())?.value ?? expect.fail("the stream ended");
    await reader?.cancel();
    expect(text).to.contain("event: snapshot");
    expect(service.migrations.allRead).to.equal(true);
  });

  it("[safety-6] of a newer version are shown with all that they hold, and say what is left to it", async () => {
    const entries = recorded("0.1.0-straight.ndjson").slice(0, 60);
    const parts = await serviceAfter([...entries, record(NEWER, entries.at(-1), 0, 1)]);
    const service = await openModelServer({}, parts);
    afterThisTest(() => service.close());
    const view = await get(service, `/v1/migrations/${STACK}`);
    expect(view.beyond).to.contain("entry 61 of the journal is a newer.kind");
    expect((await get(service, `/v1/migrations/${STACK}/journal`)).entries.at(-1)).to.include({ type: "newer.kind", about: "something" });
  });
});

describe("two versions on one PostgreSQL", function () {
  this.timeout(120_000);
  const postgres = postgresForSuite();
  let server: Postgres;
  before(async () => {
    server = await postgres.primary("versions");
  });

  it("[safety-6] go on together: what only the newer one knows the older one leaves to it, and sends users back all the same", async () => {
    const [older, newer] = [await SqlStore.open(urlOf(server)), await SqlStore.open(urlOf(server))];
    const parts = modelService();
    await older.adopt("web-api-staging", await parts.store.entries("web-api-staging"));
    const old = parts.start({ store: older, holder: "older" });
    const now = parts.start({ store: newer, holder: "newer" });
    afterThisTest(async () => {
      for (const part of [old, now, older, newer]) await part.close();
    });
    await peopleOf(old, STACK).standBefore("traffic.dns-100");
    // The newer one writes what the older one has never heard of, and goes on with it.
    const { lastSeq } = (await now.get(STACK)).state;
    await newer.append(STACK, NEWER, parts.world.now, { after: lastSeq });
    expect((await old.journal(STACK)).at(-1)).to.include({ type: "newer.kind", about: "something" });
    const refused = await old.command(STACK, { command: "advance", extent: "step" }, "alice").catch((e: Error) => e.message);
    expect(refused).to.contain("newer.kind");
    await old.resumeAll();
    expect(old.runners).to.equal(0);
    await peopleOf(old, STACK).say({ command: "emergency", why: "a test" });
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect((await now.get(STACK)).state.status).to.equal("held");
    expect([await older.verify(STACK), parts.world.violations]).to.deep.equal([[], []]);
  });
});
