import { expect } from "chai";
import { comparePass, type Passed, type PassOptions, plainState, stateFrom } from "../../../../src/adapters/engines/postgresql/ahead.js";
import { makeLogReadable, readLog } from "../../../../src/adapters/engines/postgresql/changeLog.js";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { inSession, type Session } from "../../../../src/adapters/engines/postgresql/session.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

const effect = { key: "k", fence: 1 };
const LIMITS = { rest: 0 };
/** Keys of odd types, none at all, partitions, inheritance, values that are kept out of line, and a table of nothing. */
const SCHEMA = [
  "CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, balance numeric, at timestamptz DEFAULT now())",
  "INSERT INTO customers (name, balance) SELECT 'customer ' || i, i * 1.5 FROM generate_series(1, 20000) i",
  "CREATE TABLE log (what text)",
  "INSERT INTO log SELECT 'line ' || (i % 100) FROM generate_series(1, 5000) i",
  "CREATE TYPE mood AS ENUM ('sad', 'happy')",
  `CREATE TABLE "Odd Keys" (m mood, span tstzrange, raw bytea, score float8, list int[], PRIMARY KEY (m, span, raw, score, list))`,
  `INSERT INTO "Odd Keys" SELECT (ARRAY['sad', 'happy'])[1 + i % 2]::mood, tstzrange(timestamptz '2026-01-01' + i * interval '1 hour', NULL), decode(md5(i::text), 'hex'), CASE WHEN i % 5 = 0 THEN 'NaN' ELSE i / 7.0 END, ARRAY[i, -i] FROM generate_series(1, 2000) i`,
  "CREATE TABLE documents (id uuid PRIMARY KEY, body text)",
  "INSERT INTO documents SELECT md5(i::text)::uuid, (SELECT string_agg(md5((i * j)::text), '') FROM generate_series(1, 400) j) FROM generate_series(1, 200) i",
  "CREATE TABLE measured (at date, v int) PARTITION BY RANGE (at)",
  "CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
  "INSERT INTO measured SELECT date '2026-01-01' + i % 31, i FROM generate_series(1, 1000) i",
  "CREATE TABLE parent (id int); CREATE TABLE child (more text) INHERITS (parent)",
  "INSERT INTO parent SELECT generate_series(1, 50); INSERT INTO child SELECT i, 'x' FROM generate_series(51, 90) i",
  "CREATE TABLE nothing (id int)",
  "CREATE SEQUENCE tickets",
];

describe("comparing ahead of the window, on real PostgreSQL with streaming replication", function () {
  this.timeout(240_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const run = (...statements: string[]) =>
    old.sql(async (s) => {
      for (const statement of statements) await s.rows(statement);
    });
  const arrived = async () => {
    const at = await old.sql((s) => s.value<string>("SELECT pg_current_wal_lsn()::text"));
    while (!(await fresh.sql((s) => s.value<boolean>("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", [at]))))
      await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const pass = (options: PassOptions = {}): Promise<Passed> => comparePass(old.endpoint, fresh.endpoint, { limits: LIMITS, ...options });
  const differing = ({ comparison }: Passed) => comparison.tables.filter((t) => t.differences > 0).map((t) => [t.table, t.differences]);

  before("a primary with data, and its replica", async () => {
    old = await postgres.primary("old");
    await run(...SCHEMA);
    fresh = await postgres.replica("new", old);
    await makeLogReadable(old.endpoint, effect);
    await arrived();
  });

  it("[postgresql-21] reads everything once, and after that only what the log says was touched", async () => {
    const first = await pass();
    expect(differing(first)).to.deep.equal([]);
    expect(first.comparison.rows).to.equal(20_000 + 5_000 + 2_000 + 200 + 1_000 + 50 + 40);
    const idle = await pass({ state: first.state });
    expect(idle.took.blocks).to.equal(0);
    await run(
      "UPDATE customers SET balance = 0 WHERE id = 7",
      "DELETE FROM log WHERE ctid = '(3,1)'",
      `UPDATE "Odd Keys" SET score = 4711 WHERE raw = decode(md5('9'), 'hex')`,
      "UPDATE documents SET body = body || 'more' WHERE id = md5('5')::uuid",
      "INSERT INTO measured VALUES ('2026-01-03', 1001)",
      "INSERT INTO parent VALUES (1000)",
    );
    const changed = await pass({ state: idle.state, final: true });
    expect(changed.comparison.differences).to.equal(0);
    expect(changed.took.blocks).to.be.within(6, 20);
    expect(new Set(changed.comparison.tables.map((t) => t.table))).to.deep.equal(
      new Set(["customers", "log", "Odd Keys", "documents", "measured_1", "parent"].map((t) => `"public"."${t}"`)),
    );
  });
});
