import { storeOf } from "./compose/images.js";
import { merged } from "./compose/merge.js";
import type { Described, DescribedDatabase, Findings, Pod } from "./described.js";
import type { GivenFile } from "./given.js";
import { Values } from "./helmValues.js";
import { storesNamedIn, VariablePlaces } from "./variables.js";
import { isTree, scalar, type Tree, yamlMap } from "./yamlText.js";

/** How charts call data stores that come with them. */
const SUBCHARTS = [
  "postgresql",
  "postgresql-ha",
  "mysql",
  "mariadb",
  "mongodb",
  "redis",
  "redis-cluster",
  "valkey",
  "memcached",
  "rabbitmq",
  "kafka",
  "elasticsearch",
  "opensearch",
  "clickhouse",
  "minio",
  "meilisearch",
  "cassandra",
  "nats",
];
/**
 * What the values of a Helm chart say of its one workload, by the conventions of `helm create` and of the usual charts. What a chart
 * makes of any other value, only its templates know: those are listed as not read. Several files count as `helm -f A -f B`.
 */
export function readHelm(files: GivenFile[], findings: Findings): Described {
  const path = files.map((f) => f.path).join(", ");
  const values = files.map((f) => yamlMap(f, "a map of values", findings, { twice: true })).reduce((all, one) => merged(all, one), {});
  const reader = new Values(values, path, findings);
  const databases = SUBCHARTS.filter((key) => isTree(values[key]) && (values[key] as Tree).enabled === true);
  for (const key of SUBCHARTS) reader.read(key);
  const database = databases.find((key) => key.startsWith("postgresql"));
  if (database !== undefined)
    findings.ask(
      `${path}: ${database}`,
      "PostgreSQL comes with the chart here, and cutover moves it from RDS: is the database that serves today on RDS?",
    );
  const mounts = reader.persistence();
  const places = new VariablePlaces({ database: new Set(), stores: new Set(), processes: new Map() }, findings, (text) => text);
  const variables = reader.variables();
  const pod: Pod = {
    ...reader.command(),
    ...places.place(variables, "web", `${path}: env`, reader.sealed),
    ...reader.number("replicaCount", "replicas"),
    ...reader.port(),
    ...reader.probes(),
    ...reader.resources(),
    ...reader.user(),
    ...reader.role(),
    ...(mounts.length === 0 ? {} : { mounts: mounts.map(({ path: at, volume }) => ({ path: at, volume })) }),
  };
  const image = reader.image();
  const hosts = reader.hosts();
  const named = storesNamedIn(variables, new Set());
  reader.sayWhatIsLeft();
  return {
    processes: [{ name: "web", role: "web", ...(image === undefined ? {} : { image }), pod }],
    volumes: mounts.map((m) => m.volume),
    stores: [
      ...databases.filter((key) => key !== database).map((key) => ({ kind: storeOf(key) ?? key, name: key })),
      ...mounts.map((m) => ({ kind: "files", name: m.volume })),
      ...named,
    ],
    hosts,
    ...(database === undefined ? {} : { database: databaseOf(values[database] as Tree) }),
  };
}

function databaseOf(values: Tree): DescribedDatabase {
  const from = isTree(values.auth) ? values.auth : { database: values.postgresqlDatabase, username: values.postgresqlUsername };
  const usable = (value: unknown): string | undefined => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(scalar(value) ?? "") ? scalar(value) : undefined);
  const [name, user] = [usable(from.database), usable(from.username)];
  return { ...(name === undefined ? {} : { name }), ...(user === undefined ? {} : { user }), forms: {} };
}
