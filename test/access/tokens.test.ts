import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { TokenFolder } from "../../src/access/tokenFolder.js";
import { callerOfToken, makeToken, type TokenStore } from "../../src/access/tokens.js";
import { TokenTable } from "../../src/access/tokenTable.js";
import { postgresForSuite, urlOf } from "../support/postgres.js";
import { tempFolder } from "../support/tmp.js";

const ALICE = { name: "alice", grants: [{ role: "operator" as const, applications: ["web-api"] }] };

function contract(open: () => Promise<TokenStore>): void {
  let store: TokenStore;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());
  const refusal = (token: string, now?: number) =>
    callerOfToken(store, token, now).then(
      () => "accepted",
      (error: Error) => error.message,
    );

  it("names who it was made for, with what they may do", async () => {
    const { token, stored } = makeToken(ALICE);
    await store.add(stored);
    expect(await callerOfToken(store, token)).to.deep.equal(ALICE);
  });

  it("is refused when one character differs, when it has ended, and when it was revoked", async () => {
    const { token, stored } = makeToken({ ...ALICE, expiresAt: "2026-01-05T09:00:00.000Z" });
    await store.add(stored);
    const last = token.at(-1) === "A" ? "B" : "A";
    expect(await refusal(`${token.slice(0, -1)}${last}`)).to.equal("The API token is not known.");
    expect(await refusal(token, Date.UTC(2026, 0, 5, 8, 59))).to.equal("accepted");
    expect(await refusal(token, Date.UTC(2026, 0, 5, 9))).to.contain("ended at 2026-01-05T09:00:00.000Z");
    expect([await store.revoke(stored.id), await store.revoke(stored.id)]).to.deep.equal([true, false]);
    expect(await refusal(token, Date.UTC(2026, 0, 5, 8))).to.equal("The API token is not known.");
  });

  it("is kept as its hash: nobody who reads the store can use it", async () => {
    const made = [makeToken(ALICE), makeToken({ ...ALICE, name: "aaron" })];
    for (const { stored } of made) await store.add(stored);
    const kept = await store.list();
    for (const { token } of made) expect(JSON.stringify(kept)).to.not.contain(token.slice(-43));
    expect(kept).to.deep.include(made[0]?.stored);
    expect(kept.map((t) => t.name)).to.deep.equal([...kept.map((t) => t.name)].sort());
  });
}

describe("an API token", () => {
  describe("in a folder", () => {
    contract(async () => new TokenFolder(join(tempFolder("tokens"), "tokens")));

    it("counts for a service that runs already, as its revocation does; only the owner reads it", async () => {
      const path = join(tempFolder("tokens"), "tokens");
      const [service, shell] = [new TokenFolder(path), new TokenFolder(path)];
      const { token, stored } = makeToken(ALICE);
      await shell.add(stored);
      expect((await callerOfToken(service, token)).name).to.equal("alice");
      const file = join(path, `${stored.id}.json`);
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect(await readFile(file, "utf8")).to.not.contain(token.slice(-43));
      await shell.revoke(stored.id);
      expect(await service.find(stored.id)).to.equal(undefined);
    });
  });

  describe("in PostgreSQL", function () {
    this.timeout(60_000);
    const servers = postgresForSuite();
    let url = "";
    before(async () => {
      url = urlOf(await servers.primary("tokens"));
    });
    contract(() => TokenTable.open(url));
  });
});
