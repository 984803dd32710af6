import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect } from "chai";
import { inSession } from "../../../../src/adapters/engines/postgresql/session.js";
import { Terminal, Transient } from "../../../../src/errors.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

describe("a session that fails", function () {
  this.timeout(60_000);
  const postgres = postgresForSuite();
  let server: Postgres;
  before(async () => {
    server = await postgres.primary("only");
  });

  it("ends when the network swallows the answers", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port: away } = silent.address() as AddressInfo;
    const error = await inSession({ ...server.endpoint, port: away }, (s) => s.rows("SELECT 1")).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Transient).with.property("message").that.contains(`127.0.0.1:${away}/db`);
    for (const socket of sockets) socket.destroy();
    silent.close();
  }).timeout(30_000);

  it("says what is wrong, with host and database and without the password", async () => {
    const away = await inSession({ ...server.endpoint, port: 1 }, (s) => s.rows("SELECT 1")).catch((e: Error) => e);
    expect(away).to.be.instanceOf(Transient).with.property("message").that.contains("127.0.0.1:1/db");
    const nowhere = await inSession({ ...server.endpoint, host: "nowhere.invalid" }, (s) => s.rows("SELECT 1")).catch((e: Error) => e);
    expect(nowhere).to.be.instanceOf(Transient).with.property("message").that.contains("nowhere.invalid:");
    const wrong = await inSession({ ...server.endpoint, password: "guess-me-not" }, (s) => s.rows("SELECT 1")).catch((e: Error) => e);
    expect(wrong)
      .to.be.instanceOf(Terminal)
      .with.property("message")
      .that.contains("password authentication failed")
      .and.not.contains("guess-me-not");
  });
});
