import { expect } from "chai";
import { notApplied, stuckTables } from "../../../../src/adapters/engines/postgresql/applies.js";
import { sqlDataPort } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { readinessOf } from "../../../../src/adapters/engines/postgresql/readiness.js";
import type { Side } from "../../../../src/ports/observations.js";
import { risingEffects } from "../../../support/effects.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

/** What the application has in its own schema, and its search path finds. */
const COMMON = `
  CREATE SCHEMA app; ALTER DATABASE db SET search_path = app, public; SET search_path = app, public;
  CREATE TABLE rates (code text PRIMARY KEY, rate numeric); INSERT INTO rates VALUES ('EUR', 1), ('USD', 2);
  CREATE TYPE colour AS ENUM ('red', 'blue');
  CREATE FUNCTION fold(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
  CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen SELECT NEW.id; RETURN NEW; END $$;
  CREATE TABLE seen (id int);`;

/** A table each, in the schema `app`, with what makes its rows impossible to apply, or what only looks so. */
const KINDS: { name: string; sql: string; sticks: boolean }[] = [
  {
    name: "by_sql",
    sticks: true,
    // From 17 on such an index cannot be made any more; those that are there stay.
    sql: `CREATE FUNCTION f_sql(t text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = app AS 'SELECT fold(t)';
          CREATE TABLE by_sql (id int PRIMARY KEY, what text); CREATE INDEX ON by_sql (f_sql(what)); ALTER FUNCTION f_sql(text) RESET search_path`,
  },
  {
    name: "by_plpgsql",
    sticks: true,
    sql: `CREATE FUNCTION f_check(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN EXISTS (SELECT 1 FROM rates r WHERE r.code = t); END $$;
          CREATE TABLE by_plpgsql (id int PRIMARY KEY, what text CHECK (f_check(what)))`,
  },
  {
    name: "by_nested",
    sticks: true,
    sql: `CREATE FUNCTION inner_one(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN fold(t); END $$;
          CREATE FUNCTION outer_one(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN app.inner_one(t); END $$;
          CREATE TABLE by_nested (id int PRIMARY KEY, what text, low text GENERATED ALWAYS AS (outer_one(what)) STORED)`,
  },
  {
    name: "by_dynamic",
    sticks: true,
    sql: `CREATE FUNCTION dynamic(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ DECLARE n int; BEGIN EXECUTE 'SELECT count(*) FROM rates WHERE code = $1' INTO n USING t; RETURN n > 0; END $$;
          CREATE TABLE by_dynamic (id int PRIMARY KEY, what text CHECK (dynamic(what)))`,
  },
  {
    name: "by_domain",
    sticks: true,
    sql: `CREATE FUNCTION known_code(t text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM rates WHERE code = t)';
          CREATE DOMAIN code AS text CHECK (known_code(VALUE)); CREATE TABLE by_domain (id int PRIMARY KEY, what code)`,
  },
  {
    name: "by_predicate",
    sticks: true,
    sql: `CREATE FUNCTION is_red(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE c colour := 'red'; BEGIN RETURN t = c::text; END $$;
          CREATE TABLE by_predicate (id int PRIMARY KEY, what text); CREATE INDEX ON by_predicate (id) WHERE is_red(what)`,
  },
  {
    name: "by_trigger",
    sticks: true,
    sql: `CREATE TABLE by_trigger (id int PRIMARY KEY, what text); CREATE TRIGGER always BEFORE INSERT ON by_trigger FOR EACH ROW EXECUTE FUNCTION log_row();
          ALTER TABLE by_trigger ENABLE ALWAYS TRIGGER always`,
  },
  {
    name: "by_replica_trigger",
    sticks: true,
    sql: `CREATE TABLE by_replica_trigger (id int PRIMARY KEY, what text); CREATE TRIGGER only_there AFTER INSERT ON by_replica_trigger FOR EACH ROW EXECUTE FUNCTION log_row();
          ALTER TABLE by_replica_trigger ENABLE REPLICA TRIGGER only_there`,
  },
  {
    name: "settled",
    sticks: false,
    sql: `CREATE FUNCTION f_set(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = app, pg_temp AS $$ BEGIN RETURN fold(t); END $$;
          CREATE TABLE settled (id int PRIMARY KEY, what text); CREATE INDEX ON settled (f_set(what))`,
  },
  {
    name: "qualified",
    sticks: false,
    sql: `CREATE FUNCTION f_full(t text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ -- FROM rates, as it was
            DECLARE rates text := 'fold(x)'; BEGIN RETURN EXISTS (WITH seen AS (SELECT 1 FROM app.rates r WHERE r.code = app.fold(t)) SELECT FROM seen) OR rates <> ''; END $$;
          CREATE TABLE qualified (id int PRIMARY KEY, what text CHECK (f_full(what)))`,
  },
  {
    name: "ordinary_trigger",
    sticks: false,
    sql: `CREATE TABLE ordinary_trigger (id int PRIMARY KEY, what text); CREATE TRIGGER here AFTER INSERT ON ordinary_trigger FOR EACH ROW EXECUTE FUNCTION log_row()`,
  },
  {
    name: "by_default",
    sticks: false,
    sql: `CREATE FUNCTION standard() RETURNS text LANGUAGE sql STABLE AS 'SELECT code FROM rates LIMIT 1';
          CREATE TABLE by_default (id int PRIMARY KEY, what text DEFAULT standard())`,
  },
  {
    name: "direct",
    sticks: false,
    sql: `CREATE TABLE direct (id int PRIMARY KEY, what text, tint colour CHECK (tint <> 'blue'::colour)); CREATE INDEX ON direct (lower(what), (fold(what) || 'x'))`,
  },
  {
    name: "hashed",
    sticks: false,
    sql: "CREATE TABLE parted (id int PRIMARY KEY, what text) PARTITION BY HASH (id); CREATE TABLE hashed PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
  },
];

describe("what cannot be applied with an empty search path, on real PostgreSQL", function () {
  this.timeout(180_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const endpoint = async (side: Side) => (side === "old" ? old : fresh).endpoint;
  const effect = risingEffects();
  const named = (sticks: boolean) => KINDS.filter((k) => k.sticks === sticks).map((k) => `app.${k.name}`);

  before(async () => {
    [old, fresh] = [await postgres.primary("old"), await postgres.primary("new")];
    for (const server of [old, fresh]) await server.sql((s) => s.rows([COMMON, ...KINDS.map((k) => k.sql)].join(";\n")));
  });

  it("[postgresql-15] is told before anything streams, from empty tables too, as the apply worker would have it", async () => {
    const found = (await stuckTables(old.endpoint)).map((s) => s.table);
    expect(found.sort()).to.deep.equal(named(true).sort());
    // What the worker does, in a session: the truth that this is held against.
    for (const { name, sticks } of KINDS) {
      const applied = old.sql(async (s) => {
        await s.rows("SET search_path = ''; SET session_replication_role = replica; BEGIN");
        await s.rows(`INSERT INTO app.${name} (id, what) VALUES (1, 'EUR')`);
        await s.rows("ROLLBACK");
      });
      const said = await applied.then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (sticks) expect(said, name).to.match(/does not exist/);
      else expect(said, name).to.equal(undefined);
    }
  });

  it("[postgresql-15] is in the report with the statement that mends it, which then mends it", async () => {
    const about = async () => (await readinessOf(old.endpoint, fresh.endpoint)).filter((f) => f.what === "app.by_plpgsql");
    const [finding] = await about();
    expect(finding).to.include({ kind: "loses", cure: "ALTER FUNCTION app.f_check(text) SET search_path = app, pg_temp" });
    expect(finding?.means)
      .to.contain("its constraint by_plpgsql_what_check is worked out with an empty search path there")
      .and.contain("rates");
    for (const server of [old, fresh]) await server.sql((s) => s.rows(finding?.cure ?? ""));
    expect(await about()).to.deep.equal([]);
    for (const server of [old, fresh]) await server.sql((s) => s.rows("ALTER FUNCTION app.f_check(text) RESET search_path"));
  });

  it("[postgresql-15] is left out of the stream and named, and everything else streams", async () => {
    const port = sqlDataPort({ endpoint });
    const started = await port.startReverseReplication(effect());
    const { left: out } = started.facts as { left: { name: string }[] };
    const left = out.map((l) => l.name).sort();
    expect(left).to.deep.equal(named(true).sort());
    await fresh.sql((s) =>
      s.rows(["SET search_path = app, public", ...KINDS.map((k) => `INSERT INTO ${k.name} (id, what) VALUES (7, 'EUR')`)].join(";\n")),
    );
    const { summary } = await port.stopReverseReplication(effect());
    expect(summary).to.contain("was drained and ended");
    const rows = (at: Postgres, table: string) => at.sql((s) => s.value<number>(`SELECT count(*)::int FROM ${table}`));
    for (const table of named(false)) expect(await rows(old, table), table).to.equal(1);
    for (const table of named(true)) expect(summary, table).to.contain(`"${table.slice(4)}"`);
  });

  it("reads nothing where no function of the application's is run", async () => {
    await old.sql((s) => s.rows("DROP SCHEMA app CASCADE"));
    expect(await stuckTables(old.endpoint)).to.deep.equal([]);
    expect([...(await notApplied(old.endpoint))]).to.deep.equal([]);
  });
});

describe("a database without a schema to create in, on a real server and its replica", function () {
  this.timeout(180_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let replica: Postgres;
  const asMover = (at: Postgres) => ({ ...at.endpoint, user: "mover", password: "mover" });
  const caughtUp = async () => {
    const written = await old.sql((s) => s.value<string>("SELECT pg_current_wal_lsn()::text"));
    await replica.sql(async (s) => {
      while (!(await s.value<boolean>("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", [written])))
        await new Promise((r) => setTimeout(r, 50));
    });
  };

  before(async () => {
    old = await postgres.primary("old");
    await old.sql((s) =>
      s.rows(`CREATE ROLE owner; CREATE ROLE mover LOGIN PASSWORD 'mover' REPLICATION CREATEROLE IN ROLE owner, pg_signal_backend, pg_read_all_stats;
              ALTER DATABASE db OWNER TO owner; DROP SCHEMA public; ALTER DATABASE db SET search_path = nowhere`),
    );
    replica = await postgres.replica("new", old);
  });

  it("[postgresql-13] is ready, and its read-write check works, with and without a schema public", async () => {
    expect((await readinessOf(asMover(old), asMover(replica))).filter((f) => f.kind === "refuses")).to.deep.equal([]);
    await old.sql((s) => s.rows("CREATE SCHEMA public; REVOKE ALL ON SCHEMA public FROM PUBLIC"));
    await caughtUp();
    expect((await readinessOf(asMover(old), asMover(replica))).filter((f) => f.kind === "refuses")).to.deep.equal([]);
  });

  it("[postgresql-13] refuses before the window whoever may make no schema at all, with the statement that mends it", async () => {
    await old.sql((s) => s.rows("ALTER DATABASE db OWNER TO admin; REVOKE ALL ON SCHEMA public FROM PUBLIC"));
    await caughtUp();
    const refused = (await readinessOf(asMover(old), asMover(replica))).filter((f) => f.what === "role mover" && f.kind === "refuses");
    expect(refused.map((f) => f.cure)).to.deep.equal(['GRANT CREATE ON DATABASE "db" TO "mover"']);
    await old.sql((s) => s.rows("ALTER DATABASE db OWNER TO owner"));
    await caughtUp();
  });

  it("[postgresql-13] writes, reads and removes its row on the promoted database, and leaves nothing of it", async () => {
    await replica.promote();
    const port = sqlDataPort({ endpoint: async (side) => asMover(side === "old" ? old : replica) });
    await port.setWrites("new", false, { key: "k", fence: 1 });
    expect((await port.verifyReadWrite({ key: "k", fence: 2 })).summary).to.contain("A row was written to db");
    expect(await replica.sql((s) => s.value("SELECT to_regclass('cutover_guard.verification')"))).to.equal(null);
    await port.setWrites("new", true, { key: "k", fence: 3 });
  });
});
