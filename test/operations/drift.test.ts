import { expect } from "chai";
import type { Driver } from "../../src/automation/engine/driver.js";
import type { ResourceChange } from "../../src/automation/journal/records.js";
import { openQueue, type Queue } from "../../src/database/queue.js";
import { Conflict, PromiseViolation } from "../../src/errors.js";
import { parseOperations } from "../../src/operations/config.js";
import { lookForDriftOften } from "../../src/operations/drift.js";
import { createLogger } from "../../src/operations/logs.js";
import { Operations } from "../../src/operations/operations.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { receiver } from "../support/receiver.js";
import { tempFolder } from "../support/tmp.js";

/** A service whose refreshed previews show these changes. */
function drifting() {
  const there = { changes: [] as ResourceChange[] };
  const { store, driver, start } = modelService();
  const drifted: Driver = {
    ...driver,
    preview: async (stack, config, options) =>
      options?.refresh === true
        ? { changes: there.changes, unchanged: 0, digest: JSON.stringify(there.changes) }
        : driver.preview(stack, config, options),
  };
  const service = start({ driver: drifted });
  afterThisTest(() => service.close().then(() => undefined));
  return { there, service, store };
}

const change = (name: string): ResourceChange => ({
  urn: `urn:${name}`,
  type: "kubernetes:apps/v1:Deployment",
  name,
  op: "update",
  diff: [{ path: "spec.replicas", before: 1, after: 3 }],
});

describe("drift detection", () => {
  it("journals each distinct finding once, with names and paths and no values, and its end", async () => {
    const { there, service } = drifting();
    await service.create(STACK, "alice");
    expect(await service.lookForDrift(STACK)).to.equal(undefined);
    for (const changes of [[change("web-api")], [change("web-api")], [change("other")], []]) {
      there.changes = changes;
      await service.lookForDrift(STACK);
    }
    const entries = (await service.journal(STACK)).filter((e) => e.type.startsWith("drift."));
    expect(entries.map((e) => e.type)).to.deep.equal(["drift.found", "drift.found", "drift.cleared"]);
    expect(entries[0]).to.deep.include({
      changes: [{ name: "web-api", type: "kubernetes:apps/v1:Deployment", op: "update", paths: ["spec.replicas"] }],
    });
    expect((await service.get(STACK)).state.drift).to.equal(undefined);
  });

  it("says nothing of a migration that is between two revisions", async () => {
    const { service } = drifting();
    await service.create(STACK, "alice");
    const looks: Promise<unknown>[] = [];
    service.onProgress(({ entry }) => {
      if (entry.type === "action.intended") looks.push(service.lookForDrift(STACK).catch((error: unknown) => error));
    });
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await service.settled(STACK);
    expect(looks.length).to.equal(1);
    expect(await looks[0]).to.be.instanceOf(Conflict);
  });

  it("goes round the readable stacks when a journal cannot be read, and tells of that one", async () => {
    const { service, store } = drifting();
    await service.create(STACK, "alice");
    const { entries, lengths } = store;
    store.lengths = async () => new Map([["a-broken-one", 3], ...(await lengths())]);
    store.entries = async (stack, after) => {
      if (stack === "a-broken-one") throw new PromiseViolation(9, "it was tampered with");
      return entries(stack, after);
    };
    const [told, sent]: string[][] = [[], []];
    service.onFailure((stack) => told?.push(stack));
    const works = new Map<string, (data: object) => Promise<void>>();
    const queue = {
      work: async (name: string, work: (data: object) => Promise<void>) => void works.set(name, work),
      send: async (_: string, { stack }: { stack: string }) => void sent?.push(stack),
      schedule: async () => undefined,
    } as unknown as Queue;
    await lookForDriftOften("0 5 * * *", service, queue);
    await works.get("drift-round")?.({});
    expect([told, sent]).to.deep.equal([["a-broken-one"], ["web-api-staging", STACK]]);
  });

  it("goes round all stacks through the queue, and tells once of what it finds", async () => {
    const { host, url, received, until } = await receiver();
    const { there, service, store } = drifting();
    const queueUrl = `pglite:${tempFolder("drift")}`;
    const config = {
      allowHosts: [host],
      notifications: [{ name: "hub", kind: "webhook", url, events: ["drift.found"] }],
      drift: { cron: "0 5 1 1 *" },
    };
    const operations = new Operations({
      config: parseOperations(JSON.stringify(config), "operations.yaml"),
      logger: createLogger("silent"),
    });
    await service.create(STACK, "alice");
    // The moment of the cron line, twice, before anybody works: the second round finds what the first one found.
    const before = await openQueue(queueUrl, () => undefined);
    await before.send("drift-round", {});
    await before.send("drift-round", {});
    await before.close();
    there.changes = [change("web-api")];
    await operations.watch({ migrations: service, store, queueUrl });
    const [told] = await until((all) => all.some((r) => r.json.stack === STACK));
    expect(told?.json.type).to.equal("drift.found");
    expect(received.find((r) => r.json.stack === STACK)?.json.summary).to.equal(
      `Something was changed past the engine in ${STACK}: web-api (update spec.replicas)`,
    );
    expect(await operations.metrics.text()).to.match(/cutover_queue_jobs\{queue="drift-round"\} \d/);
    await operations.close();
    expect((await service.journal(STACK)).filter((e) => e.type === "drift.found").length).to.equal(1);
    expect(received.filter((r) => r.json.stack === STACK).length).to.equal(1);
  }).timeout(60_000);
});
