import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { openTokens } from "../../src/access/openTokens.js";
import { callerOfToken } from "../../src/access/tokens.js";
import { listen, serveMigrations } from "../../src/cli/serve.js";
import { NO_OPERATIONS } from "../../src/operations/config.js";
import { createLogger } from "../../src/operations/logs.js";
import { Operations } from "../../src/operations/operations.js";
import { openAccess } from "../../src/service/access.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { tempFolder } from "../support/tmp.js";
import { cutover } from "./service.js";

describe("cutover token", () => {
  const modelParts = () => {
    const { store, start } = modelService();
    const migrations = start();
    afterThisTest(() => migrations.close().then(() => undefined));
    return { store, migrations };
  };
  const cli = (state: string, ...args: string[]) => cutover(["--state", state, "token", ...args]);

  it("makes a token that is shown once, lists it without it, and revokes it", async () => {
    const state = tempFolder("tokens");
    const made = await cli(state, "create", "alice", "--role", "operator", "--application", "web-api", "--days", "30");
    const token = made.stdout.trim();
    expect(await callerOfToken(await openTokens(state), token)).to.deep.equal({
      name: "alice",
      grants: [{ role: "operator", applications: ["web-api"] }],
    });
    const listed = (await cli(state, "list")).stdout;
    expect(listed).to.match(/^[0-9a-f]{12} {2}alice: operator of web-api in every environment, until \d{4}-\d\d-\d\d\n$/);
    expect(listed).to.not.contain(token.slice(-43));
    const id = listed.slice(0, 12);
    expect((await cli(state, "revoke", id)).stderr).to.equal(`${id} is revoked; services refuse it from now on.\n`);
    expect((await cli(state, "revoke", id)).code).to.equal(3);
    expect((await cli(state, "list")).stdout).to.equal("There are no API tokens.\n");
    expect((await cli(state, "create", "bob", "--role", "king")).code).to.equal(2);
  }).timeout(60_000);

  it("comes first for a service that others can reach: without any credential it does not open", async () => {
    const state = tempFolder("tokens");
    const open = (host: string) => openAccess({ state, host, namesPeople: false });
    const refused = await open("0.0.0.0").catch((error: Error) => error);
    expect((refused as Error).message).to.equal("--host: got 0.0.0.0; accepted: a service that somebody may use");
    const loopback = await open("127.0.0.1");
    expect(loopback.access.local?.namesPeople).to.equal(false);
    await loopback.announce();
    await loopback.close();
    expect(existsSync(join(state, "token"))).to.equal(false);
    await cli(state, "create", "alice", "--role", "admin");
    const reachable = await open("0.0.0.0");
    expect(reachable.access.local).to.equal(undefined);
    await reachable.close();
  }).timeout(60_000);

  it("of a service that runs stays in the state folder when another one finds the port taken", async () => {
    const state = tempFolder("tokens");
    const serve = (port: number) => {
      const { migrations, store } = modelParts();
      const operations = new Operations({ config: NO_OPERATIONS, logger: createLogger("silent") });
      return serveMigrations({ state, host: "127.0.0.1", port, shutdownSeconds: 1 }, operations, { migrations, store, queueUrl: "" });
    };
    const first = await openAccess({ state, host: "127.0.0.1", namesPeople: true });
    const server = await listen(first, { migrations: modelParts().migrations, port: 0 });
    afterThisTest(() => server.close());
    const port = Number(new URL(server.url).port);
    const list = () => cutover(["--state", state, "status"], { env: { CUTOVER_SERVER: server.url } });
    const second = await serve(port).catch((error: Error) => error);
    expect((second as Error).message).to.equal(`--port: got ${port} (EADDRINUSE); accepted: a free port; 0 takes any`);
    expect((await list()).code).to.equal(0);
    // One that took the file over ends later, and has nothing of its own to take away any more.
    const third = await openAccess({ state, host: "127.0.0.1", namesPeople: true });
    await third.announce();
    await first.announce();
    await third.close();
    expect((await list()).code).to.equal(0);
    await first.close();
    expect(existsSync(join(state, "token"))).to.equal(false);
  }).timeout(60_000);
});
