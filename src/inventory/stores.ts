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

/** Another application writes to it, or is its owner. */
const SHARED = /\bshare[sd]?\b|\bsame\b|'s\b|s'(?=\s)|\b(uses|read[- ]?replica|replica) of\b|\bvia\b(?! rds proxy)|\bowned by\b/i;
const NOTHING = /^\s*(stateless|no (database|db|data ?store|data|storage|persistence))\s*$/i;
/** Words that may stand beside PostgreSQL without making it anything else than what RDS runs. */
const ORDINARY =
  /^(amazon|aws|rds|managed|(postgres(ql)?|pgsql|pg)\d*|sql|database|db|instance|cluster|for|on|in|the|an?|version|v\d*|ver|multi|single|az|read|replicas?|primary|prod(uction)?|with|proxy|via|latest|v?\d+(\.[\dx]+){0,2}|(\d+(\.\d+)?)?[gtm]i?b|db\.[a-z0-9]+\.\w+)$/i;

const leftOver = (part: string): string =>
  (part.match(/[\p{L}\d][\p{L}\d.:@-]*/gu) ?? []).filter((word) => !word.split("-").every((piece) => ORDINARY.test(piece))).join(" ");

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
  if (isNone(text) || NOTHING.test(text)) return { stores: [], reading: { text, as: "none", confidence: "sure" } };
  const questions: string[] = [];
  let confidence: Reading["confidence"] = "sure";
  const doubt = (level: "likely" | "unsure", question: string): void => {
    if (confidence !== "unsure") confidence = level;
    questions.push(question);
  };
  // "RDS PostgreSQL 14.7, 200 GB, Multi-AZ" is one store and what it is like.
  const parts = partsOf(text).filter((part, i) => i === 0 || leftOver(part) !== "" || KINDS.some(([, is]) => is.test(part)));
  const stores = parts.map((part): Store => {
    const kinds = KINDS.flatMap(([k, is]) => (is.test(part) && k !== "relational database" ? [k] : []));
    if (kinds.length > 1 && (kinds.includes("PostgreSQL") || /\bor\b|\bfrom\b|\bto\b|->|→|compatible/i.test(part))) {
      doubt("unsure", `Which one holds the data of ${JSON.stringify(part)}: ${kinds.join(" or ")}?`);
      return { kind: "unknown", text: part, movable: false };
    }
    const kind = KINDS.find(([, is]) => is.test(part))?.[0];
    const onRds = /\brds\b/i.test(part) && !/\b(not|no|non|without)\b[ -]*(?:(?:on|in|an?)\s+)*rds\b/i.test(part);
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
    if (SHARED.test(part)) {
      doubt("unsure", `${JSON.stringify(part)} is another application's too: with which of them does it move, and when?`);
      return { kind, text: part, movable: false };
    }
    const beside = leftOver(part);
    if (!onRds && beside !== "") {
      doubt(
        "unsure",
        `${JSON.stringify(part)} does not say that it is on RDS, which cutover's read replica needs: where does it run, and how does it move?`,
      );
      return { kind: "PostgreSQL outside RDS", text: part, movable: false };
    }
    if (!onRds) doubt("likely", "Is it on RDS? It was taken to be.");
    else if (beside !== "") doubt("likely", `Not understood beside it: ${beside}.`);
    return { kind, text: part, movable: true };
  });
  for (const s of stores.filter((store) => !store.movable && store.kind !== "unknown" && store.kind !== "S3"))
    if (!questions.some((q) => q.includes(s.text) || q.includes(s.kind)))
      questions.push(`cutover does not move ${s.kind}: does it stay where it is, or do people move it?`);
  // What is not understood may say of PostgreSQL that it runs elsewhere: "PostgreSQL, self-managed".
  if (stores.some((s) => s.kind === "unknown"))
    for (const s of stores.filter((s) => s.movable && !/\brds\b/i.test(s.text)))
      Object.assign(s, { kind: "PostgreSQL outside RDS", movable: false });
  if (stores.filter((s) => s.movable).length > 1)
    doubt("unsure", "cutover moves one PostgreSQL database with an application: which of them, and how do the others move?");
  const as = stores.map((s) => s.kind).join(", ");
  return { stores, reading: { text, as, confidence, ...(questions.length === 0 ? {} : { question: questions.join(" ") }) } };
}
