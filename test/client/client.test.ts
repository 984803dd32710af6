import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { CutoverClient, CutoverProblem, type MigrationEvent } from "../../src/client/index.js";
import { projectRoot } from "../../src/engine/engine.js";
import { STACK } from "../automation/model.js";
import { cutover as cutoverCommand, type ModelService, modelService } from "../cli/service.js";
import { afterThisTest } from "../support/cleanup.js";
import { command, makeConsumer } from "../support/consumer.js";
import { tempFolder } from "../support/tmp.js";
import { startFlakyProxy } from "./flakyProxy.js";

describe("the typed client", () => {
  let service: ModelService;
  let cutover: CutoverClient;
  beforeEach(async () => {
    service = await modelService();
    cutover = new CutoverClient({ url: service.url, token: service.token, user: "alice" });
  });
  afterEach(() => service.close());

  it("has a method for each operation: path, body or query, answer", async () => {
    expect((await cutover.createMigration({ stack: STACK })).status).to.equal("ready");
    expect((await cutover.advance(STACK, { extent: "end" })).stack).to.equal(STACK);
    await service.migrations.settled(STACK);
    const bob = new CutoverClient({ url: service.url, token: async () => service.token, user: "bob" });
    await bob.approve(STACK, { step: "assess.accept" });
    await service.migrations.settled(STACK);
    const { entries, next } = await cutover.getJournal(STACK, { limit: 3 });
    expect([entries.length, next]).to.deep.equal([3, 3]);
    expect((await cutover.getRevisionDiff(STACK, 1, { against: 0 })).changes).to.deep.equal([{ path: "workload.deployed", after: true }]);
    expect(await cutover.getReportMarkdown(STACK)).to.contain(STACK);
    expect((await cutover.listMigrations()).migrations.map((m) => m.stack)).to.include(STACK);
    expect((await cutover.pause(STACK)).status).to.equal("paused");
  });

  it("throws what the service refuses, with what to do next", async () => {
    const problem = await cutover.getMigration("nobody").catch((error: unknown) => error);
    expect(problem).to.be.instanceOf(CutoverProblem);
    expect(problem).to.include({ status: 404, type: "/problems/not-found", message: "There is no migration of nobody." });
    expect((problem as CutoverProblem).next).to.contain("Create it first");
    const stranger = new CutoverClient({ url: service.url });
    expect(await stranger.getMigration(STACK).catch((e: CutoverProblem) => e.status)).to.equal(401);
    const nowhere = new CutoverClient({ url: "http://127.0.0.1:1", retries: 0 });
    expect(await nowhere.health().catch((e: CutoverProblem) => e.status)).to.equal(0);
  });

  it("sends a command again when its answer was lost, and the service does it once", async () => {
    await cutover.createMigration({ stack: STACK });
    const proxy = await startFlakyProxy(service.url);
    const far = new CutoverClient({ url: proxy.url, token: service.token, user: "alice" });
    proxy.loseAnswers(2);
    expect((await far.advance(STACK, { extent: "end" })).stack).to.equal(STACK);
    await service.migrations.settled(STACK);
    expect(proxy.seen).to.deep.equal(Array(3).fill(`POST /v1/migrations/${STACK}/advance`));
    expect((await service.migrations.journal(STACK)).filter((e) => e.type === "command")).to.have.length(1);
  });

  it("sends again what may be sent twice when an answer breaks off or is no JSON, and says what came instead", async () => {
    let requests = 0;
    const proxy = createServer((_, response) => {
      requests += 1;
      if (requests % 2 === 1) return void response.end("<h1>Welcome</h1>");
      response.writeHead(200, { "content-type": "application/json", "content-length": 100 });
      response.write('{"migra', () => response.destroy());
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    afterThisTest(() => void proxy.close());
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const far = new CutoverClient({ url, retries: 1 });
    const problemOf = (call: Promise<unknown>) =>
      call.then(
        () => undefined,
        (error: CutoverProblem) => [error.name, error.status, error.message],
      );
    expect(await problemOf(far.listMigrations())).to.deep.equal(["CutoverProblem", 0, `The answer of ${url} broke off: terminated`]);
    expect(requests).to.equal(2);
    const { next } = (await far.createMigration({ stack: STACK }).catch((error: unknown) => error)) as CutoverProblem;
    expect([requests, next]).to.deep.equal([3, "Check that the address is the service's: a proxy or another service may answer there."]);
    expect(await problemOf(far.advance(STACK, { extent: "end" }))).to.deep.equal([
      "CutoverProblem",
      0,
      `${url} answered 200 with something that is not JSON.`,
    ]);
    expect(requests).to.equal(5);
    const told = await cutoverCommand(["status"], { env: { CUTOVER_SERVER: url, CUTOVER_TOKEN: "x" } });
    expect([told.code, told.stderr]).to.satisfy(
      ([code, said]: [number, string]) => code === 5 && !said.includes("bug") && !said.includes(" at "),
    );
  });

  it("reads events over broken connections, each once and in order", async () => {
    await cutover.createMigration({ stack: STACK });
    const proxy = await startFlakyProxy(service.url);
    const far = new CutoverClient({ url: proxy.url, token: service.token });
    const ended = new AbortController();
    const events: MigrationEvent[] = [];
    const reading = (async () => {
      for await (const event of far.events({ signal: ended.signal, reconnectMs: 10 })) {
        events.push(event);
        if (events.length % 4 === 0) proxy.breakConnections();
        if (event.type === "step.completed" && event.migration.done === 3) ended.abort();
      }
    })();
    // The stream is open once the service has seen the request.
    while (proxy.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    proxy.breakConnections();
    for (let step = 0; step < 3; step += 1) {
      await cutover.advance(STACK, { extent: "step" });
      await service.migrations.settled(STACK);
    }
    await reading;
    const seqs = events.map((e) => e.migration.lastSeq);
    // The journal's first entry is the migration's creation.
    expect(seqs).to.deep.equal(Array.from({ length: seqs.length }, (_, i) => i + 2));
    expect(proxy.seen.filter((s) => s === "GET /v1/events").length).to.be.greaterThan(1);
  }).timeout(20_000);

  it("[people-28] gives up a stream that has gone silent, and connects again", async () => {
    let connections = 0;
    const silent = createServer((_, response) => {
      connections += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": here\n\n");
      if (connections >= 2) response.write(`id: 7\nevent: snapshot\ndata: {"stack":"${STACK}"}\n\n`);
    }).listen(0, "127.0.0.1");
    await once(silent, "listening");
    afterThisTest(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const far = new CutoverClient({ url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}` });
    const ended = new AbortController();
    const stream = far.events({ signal: ended.signal, reconnectMs: 1, silenceMs: 500 });
    expect((await stream.next()).value).to.deep.equal({ id: "7", type: "snapshot", migration: { stack: STACK } });
    expect(connections).to.be.at.least(2);
    ended.abort();
    await stream.return();
  });

  it("stops reading events when the service does not let it in", async () => {
    const stranger = new CutoverClient({ url: service.url });
    const problem = await stranger
      .events()
      .next()
      .catch((error: CutoverProblem) => error.status);
    expect(problem).to.equal(401);
  });

  it("comes with cutover as npm packs it, needs nothing else of it, and has its types", async () => {
    const folder = tempFolder("client");
    await makeConsumer(folder);
    const use = `import { CutoverClient } from "cutover/client";
const cutover = new CutoverClient({ url: process.argv[2], token: process.argv[3] });
console.log((await cutover.createMigration({ stack: "${STACK}" })).status);
`;
    await writeFile(join(folder, "use.js"), use);
    const used = await command(process.execPath, ["use.js", service.url, service.token], { cwd: folder });
    expect(used.output.trim(), used.output).to.equal("ready");
    const wrong = `import { CutoverClient } from "cutover/client";
const cutover = new CutoverClient({ url: "http://localhost" });
await cutover.advance("web-api-staging", { extent: "all" });
`;
    await writeFile(join(folder, "typed.ts"), wrong);
    const tsc = join(projectRoot(), "node_modules", ".bin", "tsc");
    const checked = await command(
      tsc,
      ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node", "typed.ts"],
      {
        cwd: folder,
      },
    );
    expect(checked.output).to.match(/typed\.ts\(3,\d+\): error TS2322: Type '"all"' is not assignable/);
    expect(checked.output.match(/error TS/g)).to.have.length(1);
  }).timeout(240_000);
});
