import { isNone, partsOf, type Reading } from "./reading.js";

/** Kinds of data stores by the words that people use; the engine's own word counts before the service that runs it. */
const KINDS: readonly [string, RegExp][] = [
  ["DynamoDB", /dynamo/i],
  ["DocumentDB", /document ?db/i],
  ["MongoDB", /mongo/i],
  ["MySQL", /mysql|percona/i],
  ["MariaDB", /maria ?db/i],
  ["SQL Server", /sql ?server|ms[ -]?sql/i],
  ["CockroachDB", /cockroach/i],
  ["Redshift", /redshift/i],
  ["Greenplum", /greenplum/i],
  ["PostgreSQL", /postgres|pgsql|\bpg ?\d/i],
  ["Oracle", /oracle/i],
  ["Db2", /\bdb2\b/i],
  ["Memcached", /memcache/i],
  ["Redis", /redis|valkey|elasticache/i],
  ["OpenSearch", /open ?search/i],
  ["Elasticsearch", /elastic ?search|\belastic\b/i],
  ["Cassandra", /cassandra|keyspaces|scylla/i],
  ["ClickHouse", /click ?house/i],
  ["Neptune", /neptune|neo4j/i],
  ["Snowflake", /snowflake/i],
  ["BigQuery", /big ?query/i],
  ["SQLite", /sqlite/i],
  ["Kafka", /kafka|\bmsk\b/i],
  ["EFS", /\befs\b|\bnfs\b|\bsmb\b|\bfsx\b|file ?share/i],
  ["files on disk", /local (disk|files?)|\bdisk\b|\bebs\b|file ?system/i],
  ["S3", /\bs3\b|bucket|object storage/i],
  ["relational database", /\brds\b|\baurora\b|\bsql\b|database/i],
];

export interface Store {
  kind: string;
  text: string;
  /** Whether cutover's read replica can move it: PostgreSQL that RDS runs. */
  movable: boolean;
}

/**
 * Data stores of a cell. Only PostgreSQL on RDS is ever taken for what cutover moves.
 * @param dependencies tell what a bare "RDS" is
 */
export function readStores(text: string, dependencies: readonly string[]): { stores: Store[]; reading: Omit<Reading, "column"> } {
  if (text.trim() === "")
    return { stores: [], reading: { text, as: "unknown", confidence: "unsure", question: "Where does it keep its data, or None?" } };
  if (isNone(text)) return { stores: [], reading: { text, as: "none", confidence: "sure" } };
  const questions: string[] = [];
  let confidence: Reading["confidence"] = "sure";
  const doubt = (level: "likely" | "unsure", question: string): void => {
    if (confidence !== "unsure") confidence = level;
    questions.push(question);
  };
  const stores = partsOf(text).map((part): Store => {
    const kind = KINDS.find(([, is]) => is.test(part))?.[0];
    const onRds = /\brds\b/i.test(part);
    if (kind === undefined) {
      doubt("unsure", `Which data store is ${JSON.stringify(part)}?`);
      return { kind: "unknown", text: part, movable: false };
    }
    if (kind === "relational database") {
      const engines = [
        ...new Set(dependencies.flatMap((d) => KINDS.find(([k, is]) => /SQL|Oracle|Maria|Db2/.test(k) && is.test(d))?.[0] ?? [])),
      ];
      if (onRds && engines.length === 1 && engines[0] === "PostgreSQL") {
        doubt("likely", "PostgreSQL by its dependencies; which version?");
        return { kind: "PostgreSQL", text: part, movable: true };
      }
      doubt("unsure", `Which engine is ${JSON.stringify(part)}: PostgreSQL, MySQL, SQL Server, Oracle?`);
      return { kind: engines.length === 1 ? (engines[0] as string) : "unknown", text: part, movable: false };
    }
    if (kind !== "PostgreSQL") return { kind, text: part, movable: false };
    if (/aurora/i.test(part)) {
      doubt("unsure", "Aurora PostgreSQL has no cross-VPC read replica of the kind that cutover promotes: how does it move?");
      return { kind: "Aurora PostgreSQL", text: part, movable: false };
    }
    if (/\bec2\b|self[- ]?(hosted|managed)|on[- ]?prem|\bvm\b|docker|container|local|azure|cloud ?sql|heroku/i.test(part)) {
      doubt("unsure", `${JSON.stringify(part)} is not on RDS, which cutover's read replica needs: how does it move?`);
      return { kind: "PostgreSQL outside RDS", text: part, movable: false };
    }
    if (!onRds) doubt("likely", "Is it on RDS? It was taken to be.");
    return { kind, text: part, movable: true };
  });
  for (const s of stores.filter((store) => !store.movable && store.kind !== "unknown" && store.kind !== "S3"))
    if (!questions.some((q) => q.includes(s.text)))
      questions.push(`cutover does not move ${s.kind}: does it stay where it is, or do people move it?`);
  const as = stores.map((s) => s.kind).join(", ");
  return { stores, reading: { text, as, confidence, ...(questions.length === 0 ? {} : { question: questions.join(" ") }) } };
}
