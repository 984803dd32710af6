/** What an image is, by its repository's last word: data stores that stay outside the cluster, and what the load balancer replaces. */
const STORES: [string, RegExp][] = [
  ["PostgreSQL", /^(postgres(ql)?|postgis|pgvector|postgresql-repmgr|supabase-postgres)$/],
  ["TimescaleDB", /^timescaledb(-ha)?$/],
  ["MySQL", /^(mysql(-server)?|percona(-server)?)$/],
  ["MariaDB", /^mariadb(-galera)?$/],
  ["SQL Server", /^(mssql-server|azure-sql-edge|server)$/],
  ["Oracle", /^(oracle-xe|oracle-free|database)$/],
  ["Redis", /^(redis(-stack(-server)?|-sentinel|-cluster)?|valkey|keydb|dragonfly)$/],
  ["Memcached", /^memcached$/],
  ["MongoDB", /^(mongo(db)?(-community-server)?|mongodb-sharded)$/],
  ["Elasticsearch", /^elasticsearch(-oss)?$/],
  ["OpenSearch", /^opensearch$/],
  ["Meilisearch", /^meilisearch$/],
  ["Typesense", /^typesense$/],
  ["Solr", /^solr$/],
  ["RabbitMQ", /^rabbitmq$/],
  ["Kafka", /^(kafka|cp-kafka|redpanda)$/],
  ["ZooKeeper", /^(zookeeper|cp-zookeeper)$/],
  ["NATS", /^nats$/],
  ["ClickHouse", /^clickhouse(-server)?$/],
  ["Cassandra", /^(cassandra|scylla)$/],
  ["CockroachDB", /^cockroach(db)?$/],
  ["Neo4j", /^neo4j$/],
  ["InfluxDB", /^influxdb$/],
  ["etcd", /^etcd$/],
  ["S3 (MinIO)", /^minio$/],
  ["Vault", /^vault$/],
];
const FRONTS =
  /^(traefik|caddy|haproxy|nginx-proxy|nginx-proxy-manager|acme-companion|letsencrypt-nginx-proxy-companion|docker-letsencrypt-nginx-proxy-companion|https-portal|swag|certbot|envoy|varnish|caddy-docker-proxy|cloudflared)$/;
/** Serve the files of people's own as often as they stand in front of something. */
const WEB_SERVERS = /^(nginx(-unprivileged)?|httpd|openresty)$/;

/** `ghcr.io/acme/web:1.0@sha256:…` is web. */
export const baseName = (image: string): string => (image.replace(/@.*$/, "").split("/").at(-1) ?? "").replace(/:.*$/, "").toLowerCase();

/** The store that an image runs, if it is one. */
export function storeOf(image: string): string | undefined {
  const name = baseName(image);
  const kind = STORES.find(([, is]) => is.test(name))?.[0];
  // Words that say something only in their makers' own places.
  if (name === "server" && !/mssql/.test(image)) return undefined;
  if (name === "database" && !/oracle/.test(image)) return undefined;
  return kind;
}

export const isFront = (image: string): boolean => FRONTS.test(baseName(image));
export const isWebServer = (image: string): boolean => WEB_SERVERS.test(baseName(image));

const IMAGE = /^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[a-f0-9]{64})$/;

/** What stands in a config for an image of which a file says no fixed version. */
export function imageRead(image: string, placeholder: string): { image: string; question?: string } {
  const bare = image.replace(/(?<=[A-Za-z0-9])@sha256:[a-f0-9]{64}$/, "");
  const isTagged = /:[^/]+$/.test(bare) || bare !== image;
  // A tag beside a digest says nothing more, and the digest is what is run.
  if (bare !== image && /:[^/]+$/.test(bare)) return imageRead(`${bare.replace(/:[^/]+$/, "")}${image.slice(bare.length)}`, placeholder);
  if (isTagged && IMAGE.test(image) && !image.endsWith(":latest")) return { image };
  const untagged = isTagged ? bare.replace(/:[^/:]*$/, "") : bare;
  const usable = `${untagged}:${placeholder}`;
  if (IMAGE.test(usable)) return { image: usable, question: `the image ${image} has no fixed version: which one runs today?` };
  return { image: `image:${placeholder}`, question: `the image ${image} was not understood: which one is it?` };
}
