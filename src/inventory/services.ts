/** Services that applications depend on, by the words people use for them: an engine's own word counts before what runs it. */
const SERVICES: readonly [string, RegExp][] = [
  ["MySQL", /mysql|mariadb/],
  ["SQL Server", /sql ?server|mssql/],
  ["Oracle", /oracle/],
  ["PostgreSQL", /postgres|postgresql|pgsql/],
  ["DynamoDB", /dynamodb|dynamo/],
  ["DocumentDB", /documentdb/],
  ["MongoDB", /mongodb|mongo|atlas/],
  ["Memcached", /memcached/],
  ["Redis", /redis|elasticache|valkey/],
  ["S3", /s3|minio/],
  ["SQS", /sqs/],
  ["SNS", /sns/],
  ["SES", /ses/],
  ["CloudFront", /cloudfront/],
  ["Kafka", /kafka|msk/],
  ["Kinesis", /kinesis/],
  ["EventBridge", /eventbridge/],
  ["Lambda", /lambda/],
  ["Cognito", /cognito/],
  ["Secrets Manager", /secrets ?manager/],
  ["RabbitMQ", /rabbitmq|amazon mq|amqp/],
  ["ActiveMQ", /activemq/],
  ["OpenSearch", /opensearch/],
  ["Elasticsearch", /elasticsearch/],
  ["Cassandra", /cassandra|keyspaces/],
  ["ClickHouse", /clickhouse/],
  ["Neo4j", /neo4j/],
  ["Redshift", /redshift/],
  ["Snowflake", /snowflake/],
  ["EFS", /efs|nfs|fsx/],
  ["SMTP", /smtp|sendgrid|mailgun/],
  ["LDAP", /ldap|active directory/],
  ["Stripe", /stripe/],
  ["PayPal", /paypal/],
  ["Twilio", /twilio/],
  ["Okta", /okta/],
  ["Auth0", /auth0/],
  ["Keycloak", /keycloak/],
  ["Salesforce", /salesforce/],
  ["Vault", /vault/],
  // Whatever engine: only what nothing above says more of.
  ["RDS", /rds|aurora/],
];
const WHOLE = SERVICES.map(([service, is]) => [service, new RegExp(`(?<![a-z0-9])(?:${is.source})(?![a-z])`)] as const);
/** Their usual names. */
export const SERVICE_NAMES = SERVICES.map(([service]) => service);
/** Engines that a bare "RDS" may mean. */
export const RDS_ENGINES = ["PostgreSQL", "MySQL", "SQL Server", "Oracle"];

/** The service that a dependency's text names, or undefined. */
export function serviceNamed(text: string): string | undefined {
  const lower = text.toLowerCase();
  return WHOLE.find(([, is]) => is.test(lower))?.[0];
}
