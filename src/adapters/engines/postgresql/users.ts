import { inSession, type SqlEndpoint } from "./session.js";

interface Row {
  user: string;
  from: string;
  sessions: string;
}

/** Who is connected to a database, without cutover itself and the provider's own administration. */
export async function sessionsOf(endpoint: SqlEndpoint): Promise<string[]> {
  const rows = await inSession(endpoint, (session) =>
    session.rows<Row>(
      `SELECT coalesce(usename, 'somebody') AS "user", coalesce(host(client_addr), 'the server itself') AS "from", count(*) AS sessions
       FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type IN ('client backend', 'walsender')
         AND application_name <> 'cutover' AND usename NOT LIKE 'rds%' AND pid <> pg_backend_pid()
       GROUP BY 1, 2 ORDER BY 1, 2`,
    ),
  );
  return rows.map(({ user, from, sessions }) => `${sessions} ${sessions === "1" ? "session" : "sessions"} of ${user} from ${from}`);
}
