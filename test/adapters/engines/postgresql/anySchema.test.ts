import { expect } from "chai";
import fc from "fast-check";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import type { Drift } from "../../../../src/adapters/engines/postgresql/drift.js";
import type { SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import type { Side } from "../../../../src/ports/observations.js";
import { type AnySchema, anySchema, Written } from "../../../support/anySchema.js";
import { risingEffects } from "../../../support/effects.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

/** In `npm test` as many as fit in a minute, always the same; the nightly tier asks for 1,000 others. */
const SCHEMAS = Number(process.env.CUTOVER_SCHEMAS ?? 10);
const SEED = Number(process.env.CUTOVER_SEED ?? 20_261_128);
/** Schemas that share a database, and so one stream; a pair of servers takes so many databases. */
const TOGETHER = 5;
const DATABASES = 10;

/** The plan's order on real servers, for schemas and work that nobody thought of: what differs in the end was named before. */
describe(`any schema, any work, back at any moment, on real PostgreSQL (CUTOVER_SEED=${SEED} CUTOVER_SCHEMAS=${SCHEMAS})`, function () {
  this.timeout(900_000);
  const postgres = postgresForSuite();
  const samples = fc.sample(anySchema, { numRuns: SCHEMAS, seed: SEED });
  const groups = Array.from({ length: Math.ceil(SCHEMAS / TOGETHER) }, (_, i) => samples.slice(i * TOGETHER, (i + 1) * TOGETHER));
  const rounds = Array.from({ length: Math.ceil(groups.length / DATABASES) }, (_, i) => groups.slice(i * DATABASES, (i + 1) * DATABASES));
  let [total, equal] = [0, 0];
  const effect = risingEffects();
  const sql = (at: SqlEndpoint, statement: string) => inSession(at, (s) => s.rows(statement), { write: true });
  const sortedRows = (at: SqlEndpoint, table: string) =>
    inSession(at, async (s) =>
      (await s.rows<{ row: string }>(`SELECT md5(t::text) AS row FROM ONLY ${table} t ORDER BY 1`)).map((r) => r.row),
    );
  const tablesOf = (at: SqlEndpoint) =>
    inSession(at, async (s) =>
      (
        await s.rows<{ name: string }>(
          `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND n.nspname ~ '^any' ORDER BY 1`,
        )
      ).map((r) => r.name),
    );

  async function caughtUp(old: Postgres, replica: Postgres): Promise<void> {
    const written = await old.sql((s) => s.value<string>("SELECT pg_current_wal_lsn()::text"));
    await replica.sql(async (s) => {
      while (!(await s.value<boolean>("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", [written])))
        await new Promise((r) => setTimeout(r, 50));
    });
  }

  interface Moved {
    database: string;
    schemas: { of: AnySchema; written: Written }[];
    endpoint: (side: Side) => Promise<SqlEndpoint>;
    port: ReturnType<typeof sqlDataPort>;
    carries: boolean;
    /** Names that were said to be lost before anybody depended on them. */
    named: Set<string>;
  }

  async function back({ database, schemas, endpoint, port, carries, named }: Moved): Promise<void> {
    const [old, fresh] = [await endpoint("old"), await endpoint("new")];
    const started = await port.startReverseReplication(effect());
    for (const { name } of (started.facts?.left ?? []) as { name: string }[]) named.add(name);
    await port.setWrites("new", true, effect());
    const order = schemas.flatMap(({ of, written }) => of.after.slice(0, of.moment).map((w) => ({ w, written })));
    for (const { w, written } of order)
      for (const statement of written.does(w))
        await sql(fresh, `SET search_path = ${written.s}; ${statement}`).catch((error: Error) => {
          // The application's own mistakes are no writes: a key that is there already, a table without an identity is none of them.
          expect(error.message, statement).to.match(/duplicate key|violates|does not exist|out of range|already exists|cannot drop/);
        });
    const look = sqlObservations({ endpoint, schemaChanges: () => (carries ? "carry" : "hold") })["reverse-lag"];
    const seen = await look();
    if (seen.known && seen.value === -1) throw new Error(`${database}: the stream is said to be lost`);
    // Held, a person reads what is named and has it carried: as things are, the old side cannot take such rows.
    const held = seen.known && seen.value === -2;
    if (held) expect(seen.note, database).to.match(/ is /);
    const ending = held ? sqlDataPort({ endpoint, schemaChanges: () => "carry" }) : port;
    const { facts, summary } = await ending.stopReverseReplication(effect(), { refuseWrites: true });
    for (const { name } of (facts?.left ?? []) as { name: string }[]) named.add(name);
    for (const { name } of (facts?.drift ?? []) as Drift[]) named.add(name);
    // A column of it, or itself.
    const lost = (table: string) => [...named].some((n) => n === table || n.startsWith(`${table}.`));
    const there = new Set(await tablesOf(old));
    for (const table of await tablesOf(fresh)) {
      total += 1;
      if (lost(table)) continue;
      equal += 1;
      expect(there.has(table), `${database} ${table} is missing, and nobody said so: ${summary}`).to.equal(true);
      expect(await sortedRows(old, table), `${database} ${table} differs, and nobody said so: ${summary}`).to.deep.equal(
        await sortedRows(fresh, table),
      );
    }
    const sequences = (at: SqlEndpoint) =>
      inSession(at, (s) =>
        s.rows<{ name: string; at: string }>(
          "SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS at FROM pg_sequences WHERE schemaname ~ '^any' ORDER BY 1",
        ),
      );
    const values = new Map((await sequences(old)).map((q) => [q.name, q.at]));
    for (const { name, at } of await sequences(fresh))
      if (!named.has(name) && at !== null) expect(values.get(name), `${database} sequence ${name}: ${summary}`).to.equal(at);
    const objects = (at: SqlEndpoint) =>
      inSession(at, (s) => s.rows("SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1"));
    expect(await objects(old), `${database} large objects`).to.deep.equal(await objects(fresh));
    // And the old side writes on.
    await port.setWrites("old", true, effect());
  }

  after(() => {
    // Naming everything would pass as well.
    if (total > 0) expect(equal / total, `${equal} of ${total} tables were the same`).to.be.above(0.5);
  });

  for (const [round, of] of rounds.entries())
    it(`differs only where it was named before: ${of.flat().length} schemas, round ${round + 1} of ${rounds.length}`, async () => {
      const old = await postgres.primary(`old${round}`, "wal_receiver_status_interval = 1\nmax_locks_per_transaction = 256\n");
      await old.sql((s) => s.rows("CREATE ROLE stranger"));
      const moved: Moved[] = [];
      for (const [at, group] of of.entries()) {
        const database = `db${at}`;
        await old.sql((s) => s.rows(`CREATE DATABASE ${database}`));
        const schemas = group.map((one, i) => ({ of: one, written: new Written(`any${i}`, one) }));
        for (const { written } of schemas)
          for (const statement of written.make()) await sql({ ...old.endpoint, database }, `SET search_path = ${written.s}; ${statement}`);
        const carries = at % 2 === 0;
        moved.push({ database, schemas, carries, named: new Set() } as unknown as Moved);
      }
      const replica = await postgres.replica(`new${round}`, old);
      await caughtUp(old, replica);
      for (const one of moved) {
        one.endpoint = async (side) => ({ ...(side === "old" ? old : replica).endpoint, database: one.database });
        one.port = sqlDataPort({ endpoint: one.endpoint, schemaChanges: () => (one.carries ? "carry" : "hold") });
        // Before the window: what it would lose, by name.
        const report = await one.port.readiness();
        expect(report.standing, report.why).to.equal("computed");
        for (const { what } of report.findings.filter((f) => f.kind === "loses")) one.named.add(what);
        expect(report.findings.filter((f) => f.kind === "refuses")).to.deep.equal([]);
        await one.port.setWrites("old", false, effect());
        await caughtUp(old, replica);
        const compared = await one.port.compare(effect());
        expect(compared.differences, `${one.database}: ${compared.summary}`).to.equal(0);
      }
      await replica.promote();
      for (const one of moved) await back(one);
      await Promise.all([old.stop(), replica.stop()]);
    });
});
