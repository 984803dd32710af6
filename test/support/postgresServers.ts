import { execFile, execFileSync } from "node:child_process";
import { chownSync, existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  inSession as inOurSession,
  type Session,
  type SessionOptions,
  type SqlEndpoint,
} from "../../src/adapters/engines/postgresql/session.js";
import { freePort } from "./freePort.js";

const exec = promisify(execFile);

/** A session as an application has it: names are found by the database's own search path. */
export const inSession = <T>(endpoint: SqlEndpoint, use: (session: Session) => Promise<T>, options?: SessionOptions): Promise<T> =>
  inOurSession(
    endpoint,
    async (session) => {
      await session.rows("RESET search_path");
      await session.rows(
        "SELECT set_config('session_replication_role', 'origin', false) WHERE current_setting('session_replication_role') = 'replica'",
      );
      return use(session);
    },
    options,
  );

/** Another version's programs, which the nightly tier names: `npm run nightly:postgresql`. */
const CHOSEN = process.env.CUTOVER_TEST_POSTGRES;
const BIN = (
  CHOSEN === undefined ? ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin"] : [CHOSEN]
).find((folder) => existsSync(join(folder, "initdb")));

/** Who runs the servers: PostgreSQL refuses to run as root, and Debian's package brings a user for it. */
interface Account {
  uid?: number;
  gid?: number;
}

function accountOf(): Account | undefined {
  if (process.getuid?.() !== 0) return {};
  try {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}
const USER = accountOf();
/** Who runs the servers, for what runs beside them. */
export const accountOfServers = (): Account => USER ?? {};

/** One real server. */
export interface Postgres {
  endpoint: SqlEndpoint;
  /** Statements of the administrator, writing where the database refuses writes by default. */
  sql<T>(use: (session: Session) => Promise<T>): Promise<T>;
  promote(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

async function run(program: string, args: string[], cwd: string): Promise<void> {
  await exec(join(BIN ?? "", program), args, { ...USER, cwd, env: { ...process.env, LC_ALL: "C.UTF-8" } });
}

const PASSWORD = "it's a p@ss\\word";
const SETTINGS =
  "wal_level = logical\nmax_wal_senders = 10\nmax_replication_slots = 10\nfsync = off\nunix_socket_directories = ''\nlisten_addresses = '127.0.0.1'\n";

export const hasPostgres = (): boolean => BIN !== undefined && USER !== undefined;

/** Real PostgreSQL servers in a folder, until they are stopped. */
export function postgresIn(folder: () => string) {
  const running = new Set<string>();
  const dataOf = new Map<Postgres, string>();

  /** Where the programs of a version are without pg_basebackup: as it stands while it is stopped. */
  async function copied(from: string, data: string, source: string, of: Postgres): Promise<void> {
    await of.stop();
    await exec("cp", ["-a", from, data], { ...USER });
    await of.start();
    await appendFile(
      join(data, "postgresql.auto.conf"),
      `\nprimary_conninfo = '${source.replaceAll("\\", "\\\\").replaceAll("'", "''")}'\n`,
    );
    await appendFile(join(data, "standby.signal"), "");
    if (USER?.uid !== undefined && USER.gid !== undefined) chownSync(join(data, "standby.signal"), USER.uid, USER.gid);
  }

  async function server(data: string, port: number): Promise<Postgres> {
    const endpoint: SqlEndpoint = { host: "127.0.0.1", port, database: "db", user: "admin", password: PASSWORD, tls: false };
    const start = async () => {
      running.add(data);
      await run("pg_ctl", ["start", "-D", data, "-w", "-l", `${data}.log`, "-o", `-p ${port}`], folder());
    };
    await start();
    return {
      endpoint,
      sql: (use) => inSession(endpoint, use, { write: true }),
      promote: () => run("pg_ctl", ["promote", "-D", data, "-w"], folder()),
      stop: () => run("pg_ctl", ["stop", "-D", data, "-m", "fast"], folder()),
      start,
    };
  }

  return {
    stopAll: async (): Promise<void> => {
      for (const data of running) await run("pg_ctl", ["stop", "-D", data, "-m", "immediate"], folder()).catch(() => undefined);
    },
    /** A new primary with an empty database. */
    async primary(name: string, more = ""): Promise<Postgres> {
      if (USER?.uid !== undefined && USER.gid !== undefined) chownSync(folder(), USER.uid, USER.gid);
      const data = join(folder(), name);
      const passwordFile = join(folder(), `${name}.password`);
      await appendFile(passwordFile, PASSWORD);
      await run("initdb", ["-D", data, "-U", "admin", "--auth=scram-sha-256", `--pwfile=${passwordFile}`, "-N"], folder());
      await appendFile(join(data, "postgresql.conf"), `${SETTINGS}${more}`);
      const started = await server(data, await freePort());
      dataOf.set(started, name);
      await inSession({ ...started.endpoint, database: "postgres" }, (s) => s.rows("CREATE DATABASE db"));
      return started;
    },
    /** A streaming replica of a primary. */
    async replica(name: string, of: Postgres): Promise<Postgres> {
      const data = join(folder(), name);
      const { host, port, user, password } = of.endpoint;
      const source = `host=${host} port=${port} user=${user} password='${password.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
      if (existsSync(join(BIN ?? "", "pg_basebackup")))
        await run("pg_basebackup", ["-D", data, "-R", "-X", "stream", "-c", "fast", "-d", source], folder());
      else await copied(join(folder(), dataOf.get(of) ?? ""), data, source, of);
      return server(data, await freePort());
    },
  };
}

/** As `DATABASE_URL` wants it. */
export const urlOf = ({ endpoint: { user, password, host, port, database } }: Postgres): string =>
  `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
