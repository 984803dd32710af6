import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { verifyChain } from "../../src/automation/journal/chain.js";
import type { Recorded } from "../../src/automation/journal/entries.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { projectRoot } from "../../src/engine/engine.js";
import { afterThisTest } from "../support/cleanup.js";
import { postgresForSuite, urlOf } from "../support/postgres.js";
import { spawnForTest } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "web-api-staging";

/** A service process that shares state and database with others. */
interface Service {
  child: ChildProcess;
  url: string;
  call(method: string, path: string, body?: object, who?: string): Promise<{ status: number; json: Record<string, unknown> }>;
}

describe("a service that is told to end", function () {
  this.timeout(180_000);
  const postgres = postgresForSuite();
  before(async function () {
    await requireEngine(this);
  });

  async function start(database: string, state: string, hold: string, shutdownSeconds: number): Promise<Service> {
    const script = join(projectRoot(), "dist", "test", "support", "sharedSandbox.js");
    const child = spawnForTest(process.execPath, ["--enable-source-maps", script, state, String(shutdownSeconds)], {
      env: { ...process.env, DATABASE_URL: database, CUTOVER_TEST_HOLD: hold },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    let said = "";
    for await (const text of child.stdout?.setEncoding("utf8") ?? []) {
      said += text;
      const [, url, token] = /Open (http:\S+)\/\?token=(\S+)\n/.exec(said) ?? [];
      if (url === undefined || token === undefined) continue;
      return {
        child,
        url,
        call: async (method, path, body = {}, who = "alice") => {
          const response = await fetch(`${url}${path}`, {
            method,
            headers: { authorization: `Bearer ${token}`, "x-cutover-user": who, "content-type": "application/json" },
            ...(method === "GET" ? {} : { body: JSON.stringify(body) }),
          });
          return { status: response.status, json: (await response.json()) as Record<string, unknown> };
        },
      };
    }
    throw new Error(`the service ended: ${output}`);
  }

  const journal = async (store: SqlStore): Promise<Recorded[]> => store.entries(STACK);
  const until = async (holds: () => boolean | Promise<boolean>) => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
  };

  /** Two processes; the first one is in the middle of an engine's update. */
  async function inTheMiddle(shutdownSeconds: number) {
    const state = tempFolder("shutdown");
    const database = urlOf(await postgres.primary(`end-${shutdownSeconds}`));
    const hold = join(state, "hold");
    const store = await SqlStore.open(database);
    afterThisTest(() => store.close());
    const first = await start(database, state, hold, shutdownSeconds);
    const at = `/v1/migrations/${STACK}`;
    await first.call("POST", "/v1/migrations", { stack: STACK });
    await until(async () => {
      const { json } = await first.call("GET", at);
      if ((json.step as { id: string } | undefined)?.id === "containerize.deploy" && json.status === "ready") return true;
      expect(json.status, String(json.heldReason)).not.to.equal("held");
      if (json.status === "approval") await first.call("POST", `${at}/approve`, { step: (json.step as { id: string }).id }, "bob");
      else if (json.status === "ready") await first.call("POST", `${at}/advance`, { extent: "step" });
      return false;
    });
    writeFileSync(hold, "");
    await first.call("POST", `${at}/advance`, { extent: "step" });
    // The preview comes first, and is let through.
    await until(() => existsSync(`${hold}.${first.child.pid}`));
    rmSync(hold);
    await until(async () => (await journal(store)).some((e) => e.type === "update.intended"));
    writeFileSync(hold, "");
    rmSync(`${hold}.${first.child.pid}`);
    await until(() => existsSync(`${hold}.${first.child.pid}`));
    const second = await start(database, state, hold, shutdownSeconds);
    return { first, second, hold, store, at };
  }

  it("takes no more commands, says that it is not ready, and finishes the running update in time", async () => {
    const { first, second, hold, store, at } = await inTheMiddle(60);
    first.child.kill("SIGTERM");
    await until(async () => (await first.call("GET", "/readyz")).status === 503);
    expect((await fetch(`${first.url}/healthz`)).status).to.equal(200);
    const refused = await first.call("POST", `${at}/pause`);
    expect([refused.status, refused.json.detail]).to.deep.equal([503, "The service is shutting down."]);
    expect((await second.call("GET", "/readyz")).status).to.equal(200);
    rmSync(hold);
    expect(await once(first.child, "exit")).to.deep.equal([0, null]);
    const entries = await journal(store);
    const intended = entries.find((e) => e.type === "update.intended");
    const succeeded = entries.find((e) => e.type === "update.succeeded");
    expect([succeeded?.fence, entries.some((e) => e.type === "runner.recovered")]).to.deep.equal([intended?.fence, false]);
    // The other process goes on with the gates.
    await until(async () => (await journal(store)).some((e) => e.type === "step.completed" && e.step === "containerize.deploy"));
    expect(verifyChain(await journal(store))).to.deep.equal([]);
  });

  it("hands a running update over at its deadline: another process finds out how far it came and finishes it, once", async () => {
    const { first, hold, store } = await inTheMiddle(1);
    first.child.kill("SIGTERM");
    expect(await once(first.child, "exit")).to.deep.equal([0, null]);
    expect((await journal(store)).some((e) => e.type === "update.succeeded" || e.type === "update.failed")).to.equal(false);
    rmSync(hold);
    await until(async () => (await journal(store)).some((e) => e.type === "step.completed" && e.step === "containerize.deploy"));
    const entries = await journal(store);
    const of = (type: Recorded["type"]) => entries.filter((e) => e.type === type);
    expect([of("update.intended").length, of("update.succeeded").length, of("update.failed").length]).to.deep.equal([1, 1, 0]);
    expect(of("update.succeeded")[0]?.fence).to.be.greaterThan(of("update.intended")[0]?.fence ?? 0);
    expect(of("runner.recovered").length).to.equal(1);
    expect(of("rollback.started")).to.deep.equal([]);
    expect(verifyChain(entries)).to.deep.equal([]);
  });
});
