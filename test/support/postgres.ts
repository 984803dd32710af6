import { requirePart } from "./parts.js";
import { hasPostgres, postgresIn } from "./postgresServers.js";
import { tempFolderForSuite } from "./tmp.js";

export { accountOfServers, inSession, type Postgres, urlOf } from "./postgresServers.js";

/** Real PostgreSQL servers for the tests of a `describe`; all of them end with it. */
export function postgresForSuite() {
  const folder = tempFolderForSuite("postgres");
  const servers = postgresIn(folder);
  before(function () {
    requirePart(this, "PostgreSQL", hasPostgres(), "apt-get install postgresql");
  });
  after("stop the servers", () => servers.stopAll());
  return servers;
}
