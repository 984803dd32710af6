import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasPostgres, type Postgres, postgresIn, urlOf } from "../../test/support/postgresServers.js";

/** What became of the orders whose sender was told that they are kept. */
export interface Kept {
  accepted: number;
  lost: number;
  /** Rows beyond the first of an order. */
  twice: number;
}

/** A real PostgreSQL that the applications of both sides write each order to. It stays where it is. */
export class Orders {
  private constructor(
    private readonly folder: string,
    private readonly servers: ReturnType<typeof postgresIn>,
    private readonly server: Postgres,
    private readonly onExit: () => void,
  ) {}

  /** @throws Error where PostgreSQL is not installed */
  static async start(): Promise<Orders> {
    if (!hasPostgres()) throw new Error("PostgreSQL is missing: apt-get install postgresql");
    // Not in the run's own folder: the server's account may not look into that.
    const folder = await mkdtemp(join(tmpdir(), "cutover-orders-"));
    const servers = postgresIn(() => folder);
    const server = await servers.primary("orders");
    // It is nobody's child: a run that is ended in between takes it along, as SIGQUIT tells it to shut down at once.
    const [pid] = readFileSync(join(folder, "orders", "postmaster.pid"), "utf8").split("\n");
    const onExit = (): void => void process.kill(Number(pid), "SIGQUIT");
    process.once("exit", onExit);
    // Without a key: an order that comes twice is to be seen.
    await server.sql((s) => s.rows("CREATE TABLE orders (id text NOT NULL, version text NOT NULL, bytes integer NOT NULL)"));
    return new Orders(folder, servers, server, onExit);
  }

  get url(): string {
    return urlOf(this.server);
  }

  async look(accepted: readonly string[]): Promise<Kept> {
    const rows = await this.server.sql((s) =>
      s.rows<{ id: string; times: number }>("SELECT id, count(*)::int AS times FROM orders GROUP BY id"),
    );
    const kept = new Set(rows.map((r) => r.id));
    return {
      accepted: accepted.length,
      lost: accepted.filter((id) => !kept.has(id)).length,
      twice: rows.reduce((sum, r) => sum + r.times - 1, 0),
    };
  }

  async close(): Promise<void> {
    process.off("exit", this.onExit);
    await this.servers.stopAll();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
