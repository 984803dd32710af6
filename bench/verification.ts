import { compareDatabases } from "../src/adapters/engines/postgresql/compare.js";
import type { SqlEndpoint } from "../src/adapters/engines/postgresql/session.js";
import { hasPostgres, type Postgres, postgresIn } from "../test/support/postgresServers.js";
import { inTurns, seconds } from "./harness/measure.js";
import { run } from "./harness/processes.js";
import { type Benchmark, type Context, compared, type Figure, growthOf, type Report } from "./harness/report.js";

const TABLE = `CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, amount numeric(12,2), paid boolean, at timestamptz, note text)`;
const FILL = `INSERT INTO orders SELECT i, 'customer ' || i % 9973, i * 1.37, i % 3 = 0, timestamptz '2026-01-01' + i * interval '1 second',
              repeat(md5(i::text), 4) FROM generate_series(1, $1::int) i`;
/** What a person types into psql on both sides, to compare the answers by eye. */
const BY_HAND = "SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY id)) FROM orders t";

const psql = ({ host, port, user, password, database }: SqlEndpoint): Promise<string> =>
  run("psql", ["-h", host, "-p", String(port), "-U", user, "-d", database, "-At", "-c", BY_HAND], { env: { PGPASSWORD: password } });

/** Comparing two real databases, beside count and md5 by psql on both at the same time. */
export const benchmark: Benchmark = {
  about: "verification of data",
  run: async (context) => {
    const { folder } = context;
    if (!hasPostgres()) return { figures: [], growths: [], notes: ["left out: PostgreSQL is missing (apt-get install postgresql)"] };
    const servers = postgresIn(() => folder);
    try {
      const source = await servers.primary("source");
      const target = await servers.primary("target");
      return await measure(source, target, context);
    } finally {
      await servers.stopAll();
    }
  },
};

async function measure(source: Postgres, target: Postgres, { short, times, say }: Context): Promise<Report> {
  const figures: Figure[] = [];
  for (const size of short ? [100, 1_000] : [50_000, 500_000]) {
    for (const server of [source, target]) {
      await server.sql(async (s) => {
        await s.rows("DROP TABLE IF EXISTS orders");
        await s.rows(TABLE);
        await s.rows(FILL, [size]);
        await s.rows("ANALYZE orders");
      });
    }
    const byHand = async () => {
      const [ours, theirs] = await Promise.all([psql(source.endpoint), psql(target.endpoint)]);
      if (ours !== theirs) throw new Error("psql says that the databases differ");
    };
    for (const rest of [0, undefined]) {
      const options = rest === undefined ? {} : { rest };
      const measured = await inTurns(
        times(7),
        () =>
          seconds(async () => {
            const { rows, differences } = await compareDatabases(source.endpoint, target.endpoint, options);
            if (rows !== size || differences !== 0) throw new Error(`${rows} rows, ${differences} differences`);
          }),
        () => seconds(byHand),
      );
      say(`${size} rows: ${Math.round(size / measured.ours.median)} rows a second`);
      const what = `comparison of ${size} rows in two databases${rest === 0 ? "" : ", with its default pauses"}`;
      figures.push(compared(what, "s", measured, "psql on both at once: count and md5", { size: { of: "rows", value: size } }));
    }
  }
  const [unpaused, paused] = [0, 1].map((n) => figures.filter((_, i) => i % 2 === n)) as [Figure[], Figure[]];
  const rate = Math.round((unpaused.at(-1)?.size?.value ?? 0) / (unpaused.at(-1)?.ours.median ?? 1));
  return {
    figures,
    growths: [...growthOf("comparison of two databases", unpaused), ...growthOf("the same with its default pauses", paused)],
    notes: [
      `${rate} rows a second without pauses. psql only says that something differs; the comparison names rows, can be resumed, and reads in chunks.`,
    ],
  };
}
