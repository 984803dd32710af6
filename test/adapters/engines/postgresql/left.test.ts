import { expect } from "chai";
import { startReverse, stopReverse } from "../../../../src/adapters/engines/postgresql/reverse.js";
import type { SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

/** What real servers do not let stream, named and out of the way of everything else. */
describe("a stream back that breaks no write and names what it leaves, on real PostgreSQL", function () {
  this.timeout(120_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const both = async (sql: string) => {
    for (const server of [old, fresh]) await server.sql((s) => s.rows(sql));
  };
  const identities = (at: Postgres) =>
    at.sql((s) =>
      s.rows<{ table: string; identity: string }>(
        `SELECT relname AS table, relreplident::text || coalesce(' ' || (SELECT indexrelid::regclass FROM pg_index WHERE indrelid = c.oid AND indisreplident), '') AS identity
         FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
      ),
    );
  const rows = (at: Postgres, table: string) => at.sql((s) => s.rows(`SELECT t::text FROM ${table} t ORDER BY 1`));

  before(async () => {
    [old, fresh] = [await postgres.primary("old"), await postgres.primary("new")];
    await both(`CREATE ROLE mover LOGIN SUPERUSER PASSWORD 'mover'; CREATE ROLE somebody`);
  });
  afterEach(async () => {
    await stopReverse(fresh.endpoint, old.endpoint, { drain: false });
    await both("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC");
  });

  it("[postgresql-4] [postgresql-17] takes the identity that PostgreSQL accepts, leaves one that serves, and puts all back", async () => {
    await both(`
      CREATE TABLE late (id int, n text, PRIMARY KEY (id) DEFERRABLE);
      CREATE TABLE plain (id int PRIMARY KEY, n text);
      CREATE TABLE by_code (code text NOT NULL, n text); CREATE UNIQUE INDEX by_code_code ON by_code (code);
      CREATE TABLE partial (id int NOT NULL, n text); CREATE UNIQUE INDEX partial_id ON partial (id) WHERE n IS NOT NULL;
      CREATE TABLE nothing (id int PRIMARY KEY, n text); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
      CREATE TABLE serves (id int PRIMARY KEY, a int NOT NULL, n text); CREATE UNIQUE INDEX serves_a ON serves (a);
      ALTER TABLE serves REPLICA IDENTITY USING INDEX serves_a;
      INSERT INTO late VALUES (1, 'a'), (2, 'b'); INSERT INTO plain VALUES (1, 'a'), (2, 'b'); INSERT INTO by_code VALUES ('1', 'a'), ('2', 'b');
      INSERT INTO partial VALUES (1, 'a'), (2, 'b'); INSERT INTO nothing VALUES (1, 'a'), (2, 'b'); INSERT INTO serves VALUES (1, 1, 'a'), (2, 2, 'b')`);
    const before = await identities(fresh);
    expect(await startReverse(fresh.endpoint, old.endpoint)).to.deep.equal({ supported: true, tables: 6, left: [] });
    for (const at of [old, fresh])
      expect(Object.fromEntries((await identities(at)).map((i) => [i.table, i.identity]))).to.deep.equal({
        late: "f",
        plain: "d",
        by_code: "i by_code_code",
        partial: "f",
        nothing: "i nothing_pkey",
        serves: "i serves_a",
      });
    const tables = before.map((i) => i.table);
    for (const table of tables) {
      const key = table === "by_code" ? "code" : "id";
      await fresh.sql((s) => s.rows(`UPDATE ${table} SET n = 'changed' WHERE ${key} = '1'; DELETE FROM ${table} WHERE ${key} = '2'`));
    }
    expect((await stopReverse(fresh.endpoint, old.endpoint)).drained).to.equal("now");
    for (const table of tables)
      expect(await rows(old, table), table)
        .to.deep.equal(await rows(fresh, table))
        .and.to.have.length(1);
    for (const at of [old, fresh]) expect(await identities(at)).to.deep.equal(before);
    expect(await fresh.sql((s) => s.rows("SELECT pubname FROM pg_publication"))).to.deep.equal([]);
  });

  it("[postgresql-14] leaves a table out whose rows could not be found, names it, and every write of it goes on", async () => {
    await both(
      "CREATE TABLE logs (entry json); CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO logs VALUES ('1'); CREATE TABLE places (at point) INHERITS (orders)",
    );
    const started = await startReverse(fresh.endpoint, old.endpoint);
    expect(started).to.include({ tables: 1 });
    expect(started).to.have.property("left").with.length(2);
    expect(JSON.stringify(started)).to.contain("public.logs").and.contain("entry, whose type knows no equality");
    await fresh.sql((s) => s.rows("UPDATE logs SET entry = '2'; DELETE FROM logs; INSERT INTO orders VALUES (7)"));
    // One that inherits from a table that streams is none of it.
    await fresh.sql((s) => s.rows("INSERT INTO places VALUES (8, '(1,2)'); UPDATE orders SET id = id + 10"));
    await stopReverse(fresh.endpoint, old.endpoint);
    expect(await rows(old, "orders")).to.have.length(1);
  });

  it("[postgresql-5] [postgresql-6] ends although sequences are absent or another's: names them, and carries the others over", async () => {
    await both("CREATE TABLE orders (id serial PRIMARY KEY); CREATE TABLE theirs (id serial PRIMARY KEY)");
    const mover: SqlEndpoint = { ...old.endpoint, user: "mover", password: "mover" };
    await startReverse(fresh.endpoint, mover);
    await fresh.sql((s) =>
      s.rows(`CREATE TABLE coupons (id serial PRIMARY KEY); INSERT INTO coupons DEFAULT VALUES;
              INSERT INTO theirs DEFAULT VALUES; INSERT INTO orders SELECT FROM generate_series(1, 5)`),
    );
    // As on RDS: the user who moves is no superuser, and may use a provider's sequence, not set it.
    await old.sql((s) =>
      s.rows(`GRANT ALL ON ALL TABLES IN SCHEMA public TO mover; GRANT ALL ON SEQUENCE orders_id_seq TO mover;
              GRANT USAGE ON SEQUENCE theirs_id_seq TO mover; GRANT CREATE ON DATABASE db TO mover; ALTER ROLE mover NOSUPERUSER`),
    );
    const ended = await stopReverse(fresh.endpoint, mover);
    expect(ended.drained).to.equal("now");
    expect(ended.sequences).to.deep.equal({
      carried: 1,
      left: [
        { name: "public.coupons_id_seq", why: "the old database has none of that name" },
        { name: "public.theirs_id_seq", why: "cutover's user may not set it on the old database" },
      ],
    });
    expect(ended.drift).to.deep.include({ kind: "table", name: "public.coupons", what: "only on the promoted database", matters: "rows" });
    await old.sql((s) => s.rows("INSERT INTO orders DEFAULT VALUES"));
    expect(await old.sql((s) => s.value<number>("SELECT max(id) FROM orders"))).to.equal(6);
  });

  it("[postgresql-11] leaves another owner's table out, and streams the rest", async () => {
    await both("ALTER ROLE mover NOSUPERUSER; GRANT CREATE ON DATABASE db TO mover; GRANT ALL ON SCHEMA public TO mover");
    await both(`CREATE TABLE spatial_ref_sys (id int PRIMARY KEY); ALTER TABLE spatial_ref_sys OWNER TO somebody; GRANT SELECT ON spatial_ref_sys TO mover;
                CREATE TABLE orders (id int PRIMARY KEY); ALTER TABLE orders OWNER TO mover`);
    await fresh.sql((s) => s.rows("ALTER ROLE mover REPLICATION"));
    const started = await startReverse({ ...fresh.endpoint, user: "mover", password: "mover" }, old.endpoint);
    expect(started).to.deep.equal({
      supported: true,
      tables: 1,
      left: [{ name: "public.spatial_ref_sys", why: "it belongs to somebody, and cutover's user is no member of that role" }],
    });
    await fresh.sql((s) => s.rows("INSERT INTO orders VALUES (7)"));
    await stopReverse(fresh.endpoint, old.endpoint);
    expect(await rows(old, "orders")).to.have.length(1);
  });
});
