import { expect } from "chai";
import { carrySchema } from "../../../../src/adapters/engines/postgresql/carry.js";
import { sqlDataPort } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import type { Session } from "../../../../src/adapters/engines/postgresql/session.js";
import { Transient } from "../../../../src/errors.js";
import type { Side } from "../../../../src/ports/observations.js";
import { risingEffects } from "../../../support/effects.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

describe("what cutover asks of a database in use, on real PostgreSQL", function () {
  this.timeout(180_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const effect = risingEffects();

  before(async () => {
    [old, fresh] = [await postgres.primary("old"), await postgres.primary("new")];
  });

  /** A query that goes on and on, until it is let go. */
  async function reading(at: Postgres, table: string): Promise<() => Promise<void>> {
    let end: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      end = resolve;
    });
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const query = inSession(at.endpoint, async (s) => {
      await s.rows("BEGIN");
      await s.rows(`SELECT FROM ${table}`);
      begun();
      await until;
      await s.rows("COMMIT");
    });
    await started;
    return async () => {
      end();
      await query;
    };
  }

  /** The application's own queries meanwhile: none of them is kept waiting for as long as the long query goes on. */
  async function whileUsed<T>(at: Postgres, table: string, use: () => Promise<T>): Promise<T> {
    let over = false;
    const application = at.sql(async (s: Session) => {
      await s.rows("SET lock_timeout = '20s'");
      while (!over) {
        await s.rows(`INSERT INTO ${table} VALUES (1)`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    try {
      return await use();
    } finally {
      over = true;
      await application;
    }
  }

  it("no lock of a stream's end queues for long behind a long query, and what could not be put back is, later", async () => {
    for (const server of [old, fresh]) await server.sql((s) => s.rows("CREATE TABLE visits (at int)"));
    const port = sqlDataPort({ endpoint: async (side: Side) => (side === "old" ? old : fresh).endpoint });
    await port.startReverseReplication(effect());
    const identity = () => fresh.sql((s) => s.value<string>("SELECT relreplident::text FROM pg_class WHERE oid = 'visits'::regclass"));
    expect(await identity()).to.equal("f");
    const letGo = await reading(fresh, "visits");
    const ended = await whileUsed(fresh, "visits", () => port.stopReverseReplication(effect(), { drain: false }).catch((e: Error) => e));
    expect(ended).to.be.instanceOf(Transient);
    expect((ended as Error).message)
      .to.contain("public.visits")
      .and.contain("its replica identity is not back yet");
    await letGo();
    await port.stopReverseReplication(effect(), { drain: false });
    expect(await identity()).to.equal("d");
  });

  it("nor does one of a table that is carried over while it is read", async () => {
    const port = sqlDataPort({ endpoint: async (side: Side) => (side === "old" ? old : fresh).endpoint });
    for (const server of [old, fresh]) await server.sql((s) => s.rows("DROP TABLE visits; CREATE TABLE there (id int PRIMARY KEY)"));
    await port.startReverseReplication(effect());
    await fresh.sql((s) => s.rows("CREATE TABLE added (at int)"));
    const letGo = await reading(fresh, "added");
    // Its identity needs a lock that the long query does not give: said as passing, and tried again at the next look.
    const tried = await whileUsed(fresh, "added", () => carrySchema(fresh.endpoint, old.endpoint).catch((e: Error) => e));
    expect(tried).to.be.instanceOf(Transient);
    await letGo();
    await carrySchema(fresh.endpoint, old.endpoint);
    const { summary } = await port.stopReverseReplication(effect());
    expect(summary).to.contain("no difference").and.not.contain("Lost");
  });
});
