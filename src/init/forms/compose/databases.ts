import { REPLACE } from "../../placeholders.js";
import type { Findings } from "../described.js";
import type { GivenFile } from "../given.js";
import { rdsNamedIn, type Variables } from "../variables.js";
import { isTree, scalar } from "../yamlText.js";
import type { Compose } from "./load.js";

/** Which PostgreSQL moves with the application: the one there is, or the one that it names on RDS. The others are stores. */
export function databasesOf(stores: [string, string][], compose: Compose, variables: Variables[], findings: Findings, file: GivenFile) {
  const inside = stores.filter(([, kind]) => kind === "PostgreSQL");
  const rds = new Map(variables.flatMap((v) => [...rdsNamedIn(v)]));
  const rest = stores.filter(([, kind]) => kind !== "PostgreSQL");
  const named = [...rds.keys()];
  if (named.length + inside.length > 1)
    findings.ask(
      `${file.path}: services`,
      `cutover moves one PostgreSQL database with an application, and there are ${[...named, ...inside.map(([s]) => s)].join(", ")}: how do the others move?`,
    );
  const [host] = named;
  if (host !== undefined) return { database: rds.get(host), hosts: [host], stores: [...rest, ...inside] };
  const [first, ...others] = inside;
  if (first === undefined) return { database: undefined, hosts: [] as string[], stores };
  const at = `${file.path}: services.${first[0]}`;
  findings.ask(at, "PostgreSQL runs in a container here, and cutover moves it from RDS: is the database that serves today on RDS?");
  const tree = compose.services[first[0]] ?? {};
  const told = isTree(tree.environment) ? tree.environment : {};
  const text = (...keys: string[]): string | undefined =>
    keys.map((k) => scalar(told[k])).find((v) => v !== undefined && /^[A-Za-z_][A-Za-z0-9_]*$/.test(v) && !v.includes(REPLACE));
  const user = text("POSTGRES_USER", "POSTGRESQL_USERNAME");
  const name = text("POSTGRES_DB", "POSTGRESQL_DATABASE") ?? user;
  return {
    database: { ...(user === undefined ? {} : { user }), ...(name === undefined ? {} : { name }) },
    hosts: [first[0]],
    stores: [...rest, ...others],
  };
}
