import { join } from "node:path";
import { expect } from "chai";
import type { Migrations } from "../../src/automation/migrations.js";
import { projectRoot } from "../../src/engine/engine.js";
import { type RunningServer, startServer } from "../../src/server.js";
import { type ModelWorld, STACK } from "../automation/model.js";
import { type ModelParts, modelService } from "../automation/modelService.js";
import { command } from "../support/consumer.js";
import { expectConforming } from "./conforming.js";

describe("the HTTP API", () => {
  let parts: ModelParts;
  let server: RunningServer;
  let world: ModelWorld;
  let migrations: Migrations;
  /** Holds the model's engine back while it is set. */
  let engineHeld: Promise<void> | undefined;
  let logged: string[];

  beforeEach(async () => {
    parts = modelService({ holder: "this service" });
    world = parts.world;
    logged = [];
    await open();
  });
  /** The service over the far side and the journals as they are. */
  const open = async (): Promise<void> => {
    const { driver } = parts;
    migrations = parts.start({
      driver: { ...driver, preview: async (...args) => engineHeld?.then(() => driver.preview(...args)) ?? driver.preview(...args) },
    });
    server = await startServer({ migrations, port: 0, log: (line) => logged.push(line) });
  };
  afterEach(async () => {
    await server.close();
    await migrations.close();
  });

  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        authorization: `Bearer ${server.token}`,
        "x-cutover-user": "alice",
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text.startsWith("{") ? JSON.parse(text) : undefined;
    expectConforming({ method, path, status: response.status, contentType: response.headers.get("content-type"), body: parsed });
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by name
    return { status: response.status, headers: response.headers, text, json: parsed as any };
  };
  const at = `/v1/migrations/${STACK}`;
  const create = () => call("POST", "/v1/migrations", { stack: STACK });
  const advance = async (extent: string) => {
    const answer = await call("POST", `${at}/advance`, { extent });
    await migrations.settled(STACK);
    return answer;
  };

  it("takes a migration from its creation to its first approval, and shows where it is", async () => {
    const created = await create();
    expect([created.status, created.headers.get("location"), created.json.status]).to.deep.equal([201, at, "ready"]);
    expect((await advance("end")).status).to.equal(202);
    const { json } = await call("GET", at);
    expect(json).to.include({ status: "approval", phase: "assess", environment: "production", revision: 0 });
    expect(json.step).to.include({ id: "assess.accept", kind: "approval" });
    expect((await call("GET", "/v1/migrations")).json.migrations.map((m: { stack: string }) => m.stack)).to.include(STACK);
  });

  it("sends users back in an emergency, by one command; refuses it while nobody is on the new side", async () => {
    const cli = (...args: string[]) =>
      command(process.execPath, [join(projectRoot(), "dist", "src", "cli", "main.js"), "emergency", ...args], {
        cwd: projectRoot(),
        env: { ...process.env, CUTOVER_TOKEN: server.token },
      });
    await create();
    const early = await cli(STACK, "--server", server.url);
    expect([early.code, early.output]).to.deep.equal([
      4,
      `cutover: ${STACK}: no user is on the new side yet.\nPause, roll back or abort instead.\n`,
    ]);
    for (;;) {
      const { json } = await call("GET", at);
      if (json.dns.new > 0) break;
      if (json.status === "approval") await call("POST", `${at}/approve`, { step: json.step.id }, { "x-cutover-user": "bob" });
      else await call("POST", `${at}/advance`, { extent: "step" });
      await migrations.settled(STACK);
    }
    const done = await cli(STACK, "--server", server.url, "--why", "users see errors");
    expect(done.code, done.output).to.equal(0);
    expect(done.output).to.contain(`${STACK}: 100 % old, 0 % new. Went back to revision`).and.contain("users see errors");
    expect(world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(world.violations).to.deep.equal([]);
    const away = await cli(STACK, "--server", "http://127.0.0.1:1");
    expect(away.code).to.equal(5);
    expect(away.output).to.contain("does not answer").and.contain("Set the weights in Route 53 yourself");
    expect((await cli("nothing-here", "--server", server.url)).code).to.equal(3);
  }).timeout(60_000);

  it("shows plan, journal, revisions and files, with no secret in them", async () => {
    await create();
    await advance("end");
    await call("POST", `${at}/approve`, { step: "assess.accept" });
    await migrations.settled(STACK);
    const plan = await call("GET", `${at}/plan`);
    const deploy = plan.json.steps.find((s: { id: string }) => s.id === "containerize.deploy");
    expect(deploy).to.include({ kind: "config", status: "done", revision: 1 });
    expect(deploy.wayBack.loses).to.equal("nothing");
    expect(deploy.preview.digest).to.be.a("string");
    const journal = await call("GET", `${at}/journal?limit=3`);
    expect(journal.json.entries).to.have.length(3);
    expect((await call("GET", `${at}/journal?after=${journal.json.next}&limit=1`)).json.entries[0].seq).to.equal(4);
    const revisions = await call("GET", `${at}/revisions`);
    expect(revisions.json.revisions.length).to.be.at.least(2);
    expect((await call("GET", `${at}/revisions/1/diff?against=0`)).json.changes).to.deep.equal([
      { path: "workload.deployed", after: true },
    ]);
    expect((await call("GET", `${at}/verify`)).json).to.deep.equal({ intact: true, faults: [] });
    for (const { text } of [plan, journal, revisions]) expect(text).to.not.contain("v1:sealed");
  });

  it("gives lists in pages that lead through all of it", async () => {
    await create();
    await advance("end");
    await call("POST", `${at}/approve`, { step: "assess.accept" });
    await migrations.settled(STACK);
    const pages = async (path: string, list: string, id: string) => {
      const all: unknown[] = [];
      for (let after: string | undefined = ""; after !== undefined; ) {
        const { json } = await call("GET", `${path}?limit=1${after === "" ? "" : `&after=${after}`}`);
        expect(json[list].length).to.be.at.most(1);
        all.push(...json[list].map((row: Record<string, unknown>) => row[id]));
        after = json.next;
      }
      return all;
    };
    expect(await pages("/v1/migrations", "migrations", "stack")).to.deep.equal((await migrations.list()).map((m) => m.stack).sort());
    const { state } = await migrations.get(STACK);
    expect(await pages(`${at}/journal`, "entries", "seq")).to.deep.equal(Array.from({ length: state.lastSeq }, (_, i) => i + 1));
    expect(await pages(`${at}/revisions`, "revisions", "number")).to.deep.equal(state.revisions.map((r) => r.number));
    expect((await call("GET", `${at}/journal?limit=1001`)).status).to.equal(400);
    expect((await call("GET", `${at}/journal?afer=1`)).json.detail).to.contain("query.afer");
  });

  it("previews the next step and its way back without changing anything", async () => {
    await create();
    for (let i = 0; i < 6; i += 1) await advance("step");
    await advance("step");
    await call("POST", `${at}/approve`, { step: "assess.accept" });
    await advance("step");
    await advance("step");
    const before = (await call("GET", at)).json.lastSeq;
    const { status, json } = await call("POST", `${at}/preview`);
    expect([status, json.step.id]).to.deep.equal([200, "containerize.deploy"]);
    expect(json.preview.changes.map((c: { name: string }) => c.name)).to.deep.equal(["workload.deployed"]);
    expect((await call("GET", at)).json.lastSeq).to.equal(before);
  });

  it("rolls back to a revision, pauses, resumes and aborts", async () => {
    await create();
    await advance("end");
    await call("POST", `${at}/approve`, { step: "assess.accept" });
    await migrations.settled(STACK);
    expect((await call("GET", `${at}/way-back?revision=0`)).json.path.length).to.be.greaterThan(0);
    expect((await call("POST", `${at}/rollback`, { revision: 0, why: "a test" })).status).to.equal(202);
    await migrations.settled(STACK);
    expect((await call("GET", at)).json).to.include({ status: "held", heldReason: "Went back to revision 0: a test" });
    expect((await call("POST", `${at}/resume`)).status).to.equal(202);
    await migrations.settled(STACK);
    expect((await call("POST", `${at}/pause`, { why: "a look" })).status).to.equal(202);
    expect((await call("GET", at)).json.status).to.equal("paused");
    expect((await call("POST", `${at}/abort`, { why: "enough" })).status).to.equal(202);
    await migrations.settled(STACK);
    expect((await call("GET", at)).json.status).to.equal("aborted");
    expect((await call("POST", `${at}/advance`)).status).to.equal(409);
  });

  it("answers 409 with the holder to an advance while an update runs", async () => {
    await create();
    await advance("end");
    let release = () => {};
    engineHeld = new Promise((resolve) => {
      release = resolve;
    });
    await call("POST", `${at}/approve`, { step: "assess.accept" });
    const { status, json, headers } = await call("POST", `${at}/advance`);
    engineHeld = undefined;
    release();
    await migrations.settled(STACK);
    expect([status, json.type, json.holder]).to.deep.equal([409, "/problems/conflict", "this service"]);
    expect(headers.get("content-type")).to.contain("application/problem+json");
    expect(json.requestId).to.equal(headers.get("x-request-id"));
  });

  it("promise 6: does a command once however often it is sent, also over a restart, and refuses its key for another one", async () => {
    await create();
    const send = (body: object, key = "night-1", user = "alice") =>
      call("POST", `${at}/advance`, body, { "idempotency-key": key, "x-cutover-user": user });
    const answers = await Promise.all(Array.from({ length: 5 }, () => send({ extent: "end" })));
    await migrations.settled(STACK);
    expect(answers.map((a) => a.status)).to.deep.equal([202, 202, 202, 202, 202]);
    const commands = async () => (await migrations.journal(STACK)).filter((e) => e.type === "command").length;
    expect(await commands()).to.equal(1);
    const other = await send({ extent: "step" });
    expect([other.status, other.json.detail]).to.deep.equal([409, "The idempotency key belongs to another request: entry 2, advance."]);
    expect((await call("POST", `${at}/pause`, {}, { "idempotency-key": "night-1" })).status).to.equal(409);
    expect((await send({ extent: "end" }, "night-1", "bob")).json.detail).to.contain("it is approval");
    expect((await send({ extent: "end" }, "no key")).json.detail).to.contain("header.idempotency-key");
    await server.close();
    await migrations.close();
    await open();
    expect((await send({ extent: "end" })).status).to.equal(202);
    expect(await commands()).to.equal(1);
    expect(JSON.stringify(await migrations.journal(STACK))).to.not.contain("night-1");
  });

  it("promise 4: refuses an approval by the person who advanced, where a second one is needed", async () => {
    await create();
    for (let i = 0; i < 6; i += 1) {
      await advance("end");
      const { json } = await call("GET", at);
      if (json.step.secondPerson === true) break;
      if (json.status === "approval") await call("POST", `${at}/approve`, { step: json.step.id });
      await migrations.settled(STACK);
    }
    expect((await call("GET", at)).json.step.id).to.equal("database.approve");
    expect((await call("POST", `${at}/approve`, { step: "database.approve" })).json.detail).to.contain("needs a second person");
    expect((await call("POST", `${at}/approve`, { step: "database.approve" }, { "x-cutover-user": "bob" })).status).to.equal(202);
    await migrations.settled(STACK);
  });

  const wrong: [string, () => Promise<{ status: number; json: { type: string; detail: string } }>, number, RegExp][] = [
    ["a body that is not JSON", () => call("POST", "/v1/migrations", "{nope"), 400, /not JSON/],
    ["a body that is too large", () => call("POST", "/v1/migrations", JSON.stringify({ stack: "x".repeat(70_000) })), 413, /at most 64 kB/],
    [
      "a body of another media type",
      () => call("POST", "/v1/migrations", "stack=x", { "content-type": "text/plain" }),
      415,
      /JSON in UTF-8/,
    ],
    ["a body that is no object", () => call("POST", "/v1/migrations", "[]"), 400, /body: got \[\]; accepted: a JSON object/],
    ["a missing member", () => call("POST", "/v1/migrations", {}), 400, /body\.stack: missing; accepted: the name of a stack/],
    ["a member of the wrong type", () => call("POST", "/v1/migrations", { stack: 5 }), 400, /body\.stack: got 5/],
    [
      "an unknown member",
      () => call("POST", "/v1/migrations", { stack: STACK, force: true }),
      400,
      /body\.force: got an unknown key; accepted: one of stack/,
    ],
    ["a path for a name", () => call("POST", "/v1/migrations", { stack: "../x" }), 400, /body\.stack/],
    ["a stack without a config", () => call("POST", "/v1/migrations", { stack: "nobody-production" }), 404, /no stack config/],
    ["a migration that does not exist", () => call("GET", "/v1/migrations/nobody"), 404, /no migration of nobody/],
    [
      "an extent that does not exist",
      () => create().then(() => call("POST", `${at}/advance`, { extent: "all" })),
      400,
      /body\.extent: got "all"; accepted: "step", "phase" or "end"/,
    ],
    ["a revision that does not exist", () => create().then(() => call("POST", `${at}/rollback`, { revision: 99 })), 404, /no revision 99/],
    ["a negative revision", () => create().then(() => call("POST", `${at}/rollback`, { revision: -1 })), 400, /body\.revision: got -1/],
    [
      "an approval of a step that does not wait",
      () => create().then(() => call("POST", `${at}/approve`, { step: "cleanup.approve" })),
      409,
      /does not wait for approval now/,
    ],
    ["an approval of no step", () => create().then(() => call("POST", `${at}/approve`, { step: "x" })), 404, /has no step "x"/],
    ["a resume of what is not held", () => create().then(() => call("POST", `${at}/resume`)), 409, /not held or paused/],
    ["a query that is no number", () => create().then(() => call("GET", `${at}/journal?after=x`)), 400, /query\.after: got "x"/],
    ["a file that does not exist", () => create().then(() => call("GET", `${at}/files/nothing.md`)), 404, /no file nothing.md/],
    [
      "a name that is no name",
      async () => call("POST", "/v1/migrations", { stack: STACK }, { "x-cutover-user": "<script>" }),
      400,
      /x-cutover-user/,
    ],
    ["an unknown address", () => call("GET", "/v2/anything"), 404, /nothing at/],
  ];
  for (const [what, request, status, detail] of wrong) {
    it(`answers ${status} as a problem document to ${what}`, async () => {
      const answer = await request();
      expect(answer.status, JSON.stringify(answer.json)).to.equal(status);
      expect(answer.json.detail).to.match(detail);
      expect(answer.json.type).to.match(/^\/problems\//);
      expect(logged).to.deep.equal([]);
    });
  }

  it("answers 405 with what is allowed", async () => {
    const { status, headers } = await call("DELETE", "/v1/migrations");
    expect([status, headers.get("allow")]).to.deep.equal([405, "GET, POST"]);
  });

  it("serves the portal with a policy that runs nothing inline", async () => {
    const { text, headers } = await call("GET", "/");
    expect(text)
      .to.contain("<title>cutover</title>")
      .and.not.match(/<script>[^<]|<style|style=/);
    expect(headers.get("content-security-policy")).to.contain("default-src 'self'");
    expect((await call("GET", "/healthz")).json).to.deep.equal({ status: "ok" });
  });

  /**
   * Reads events until one of a type, and closes.
   * @param opened runs once the stream is open: what a step emits before that is not in it
   */
  async function eventsUntil(
    type: string,
    { lastEventId, opened = async () => undefined }: { lastEventId?: string | undefined; opened?: () => Promise<unknown> } = {},
  ): Promise<{ id: string; type: string; data: { stack: string; lastSeq: number } }[]> {
    const response = await fetch(`${server.url}/v1/events`, {
      headers: { authorization: `Bearer ${server.token}`, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) },
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const running = opened();
    let text = "";
    while (!new RegExp(`event: ${type}\\ndata: .*\\n\\n`).test(text)) text += (await reader?.read())?.value ?? "";
    await reader?.cancel();
    await running;
    return [...text.matchAll(/id: (.+)\nevent: (.+)\ndata: (.+)\n\n/g)].map(([, id = "", name = "", data = ""]) => ({
      id,
      type: name,
      data: JSON.parse(data),
    }));
  }

  it("streams what happens", async () => {
    await create();
    const events = await eventsUntil("step.completed", { opened: () => advance("step") });
    expect(events.map((e) => e.type)).to.include.members(["command", "step.started", "action.succeeded"]);
    expect(events.every((e) => e.data.stack === STACK)).to.equal(true);
    expect(events.map((e) => e.data.lastSeq)).to.deep.equal([...events.map((e) => e.data.lastSeq)].sort((a, b) => a - b));
  });

  it("streams what a client missed, and a snapshot to one that missed too much or comes from another process", async () => {
    await create();
    const first = await eventsUntil("command", { opened: () => advance("step") });
    const seen = first.find((e) => e.type === "command");
    const missed = await eventsUntil("step.completed", { lastEventId: seen?.id });
    expect(missed[0]?.data.lastSeq).to.equal((seen?.data.lastSeq ?? 0) + 1);
    for (const unknown of ["11111111-3", "nonsense", `${seen?.id.split("-")[0]}-999999`]) {
      const snapshot = await eventsUntil("snapshot", { lastEventId: unknown });
      expect(snapshot[0]?.data.stack, unknown).to.be.oneOf([STACK, "web-api-staging"]);
    }
  });

  it("says in one sentence that a port is taken", async () => {
    const port = Number(new URL(server.url).port);
    const problem = await startServer({ migrations, port }).catch((error: Error) => error);
    expect((problem as Error).message).to.equal(`--port: got ${port} (EADDRINUSE); accepted: a free port; 0 takes any`);
  });
});
