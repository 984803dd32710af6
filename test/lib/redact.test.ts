import { expect } from "chai";
import { redact, redactText } from "../../src/lib/redact.js";
import { looksSecret, rememberSecret } from "../../src/lib/secrets.js";

/** Made up, and put together here, so that no scanner of repositories takes them for real ones. */
const made = (...parts: string[]): string => parts.join("");
const TOKENS = {
  github: made("ghp", "_0123456789abcdefghij0123456789abcdef"),
  gitlab: made("glpat", "-abcdefghij0123456789"),
  npm: made("npm", "_abcdefghijklmnopqrstuvwxyz0123456789"),
  slack: made("xoxb", "-123456789012-1234567890123-abcdefghijABCDEFGHIJabcd"),
  slackWebhook: made("https://hooks.slack", ".com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"),
  stripe: made("sk", "_live_4eC39HqLyjWDarjtT1zdp7dc"),
  jwt: made("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0", ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
  aws: made("AKIA", "ABCDEFGHIJKLMNOP"),
};

describe("redaction", () => {
  const texts: [string, string][] = [
    ["connect to postgresql://admin:hunter2@db:5432/x", "connect to postgresql://[secret]@db:5432/x"],
    ["DATABASE_PASSWORD=hunter2 was set", "DATABASE_PASSWORD=[secret] was set"],
    ['{"apiKey": "abc def", "host": "db"}', '{"apiKey": [secret], "host": "db"}'],
    ["token: abc123, lag: 2", "token: [secret], lag: 2"],
    ["Authorization: Bearer eyJhbGciOi.abc.def", "Authorization: [secret]"],
    ["key AKIAABCDEFGHIJKLMNOP in use", "key [secret] in use"],
    ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[secret]"],
    ["error-rate 12.8 % (accepted: at most 5 %)", "error-rate 12.8 % (accepted: at most 5 %)"],
  ];
  for (const [given, wanted] of texts)
    it(`makes of ${JSON.stringify(given)} no more than may be shown`, () => expect(redactText(given)).to.equal(wanted));

  for (const [kind, token] of Object.entries(TOKENS))
    it(`[people-22] hides a token of a known shape wherever it stands: ${kind}`, () => {
      expect(redactText(`the pod said ${token} and ended`)).to.equal("the pod said [secret] and ended");
      expect(looksSecret("NOTE", token)).to.equal(true);
    });

  const credentials: [string, string, string][] = [
    ["REDIS_CACHE_URL", "redis://:PW@cache:6379/0", "redis://[secret]@cache:6379/0"],
    ["DSN", "postgres://app:a/b@db:5432/x", "postgres://[secret]@db:5432/x"],
    ["DSN", "postgres://app:p@ss@db/x", "postgres://[secret]@db/x"],
    ["DSN", "amqp://u:a?b#c@mq/vhost", "amqp://[secret]@mq/vhost"],
    ["HOOK", "https://api.example.com/hook?api_key=abc123&x=1", "https://api.example.com/hook?api_key=[secret]&x=1"],
    ["HOOK", "https://api.example.com/hook?x=1&access_token=abc123", "https://api.example.com/hook?x=1&access_token=[secret]"],
    ["CONNECTION", "Server=db;Uid=app;Pwd=hunter2;", "Server=db;Uid=app;Pwd=[secret];"],
    ["CONNECTION", "host=db user=app password='it is'", "host=db user=app password=[secret]"],
    ["LINE", "PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[secret] psql -h db"],
    ["LINE", "curl -H 'Authorization: Bearer abcdefgh12345678'", "curl -H 'Authorization: [secret]'"],
    ["LINE", 'the answer was {"client_secret":"a\\"b","id":1}', 'the answer was {"client_secret":[secret],"id":1}'],
    ["ARGS", "--password=hunter2 --port=1", "--password=[secret] --port=1"],
    ["ARGS", "psql --db-password hunter2 -h db", "psql --db-password [secret] -h db"],
    ["JAVA_OPTS", "-Xmx1g -Djavax.net.ssl.keyStorePassword=changeit", "-Xmx1g -Djavax.net.ssl.keyStorePassword=[secret]"],
  ];
  for (const [name, value, shown] of credentials)
    it(`[people-22] takes ${name}=${value} for a credential`, () => {
      expect(redactText(value)).to.equal(shown);
      expect(looksSecret(name, value)).to.equal(true);
    });

  const NAMED = [
    "DB_PASSWORD",
    "MYSQL_PWD",
    "apiKey",
    "secretKeyBase",
    "JWT_SECRET",
    "GITHUB_TOKEN",
    "VAULT_SECRET_ID",
    "SIGNING_KEY",
    "dbPass",
  ];
  for (const name of NAMED)
    it(`[people-22] takes what is named ${name} for a credential`, () => expect(looksSecret(name, "abc")).to.equal(true));

  const harmless: [string, string][] = [
    ["PASSWORD_MIN_LENGTH", "12"],
    ["AUTH_TOKEN_TTL", "3600"],
    ["OAUTH_TOKEN_URL", "https://login.example.com/token"],
    ["TOKEN_ENDPOINT", "https://login.example.com:8443/oauth/token"],
    ["DB_PASSWORD_FILE", "/run/secrets/db"],
    ["SECRET_NAME", "web-api-secrets"],
    ["USE_TOKEN", "true"],
    ["PWD", "/srv/app"],
    ["MAX_TOKENS", "4096"],
    ["KEYBOARD", "qwerty"],
    ["COMPASS_URL", "https://compass.example.com"],
    ["AWS_ACCESS_KEY_ID_PARAM", "/prod/key-id"],
    ["DATABASE_URL", "postgres://app:$(DB_PASSWORD)@db/x"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell would expand it
    ["DATABASE_URL", "postgres://app:${PASSWORD}@db/x"],
    ["ARGS", "--token-file /run/token --retries=3"],
    ["URL", "http://localhost:8080/user@example.com"],
    ["MAIL", "mailto:someone@example.com"],
    ["IMAGE", "ghcr.io/org/app@sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1"],
    ["ARN", "arn:aws:secretsmanager:us-east-2:123456789012:secret:web-api-AbCdEf"],
    ["TEXT", "error-rate 12.8 % (accepted: at most 5 %), 3 tokens of 10 left"],
    ["TIME", "2026-11-28T19:00:00.000Z"],
  ];
  for (const [name, value] of harmless)
    it(`[people-22] leaves ${name}=${value} alone`, () => {
      expect(looksSecret(name, value)).to.equal(false);
      expect(redactText(value)).to.equal(value);
    });

  it("[people-22] hides the known secret values of a stack exactly, also encoded", () => {
    rememberSecret("kn*wn/value 1");
    expect(redactText("psql: kn*wn/value 1 was refused; kn*wn%2Fvalue%201")).to.equal("psql: [secret] was refused; [secret]");
  });

  it("goes into objects and lists", () => {
    const shown = redact({ headers: [{ "x-api-key": "k" }], why: "no route to https://u:p@host", count: 3, password: "" });
    expect(shown).to.deep.equal({
      headers: [{ "x-api-key": "[secret]" }],
      why: "no route to https://[secret]@host",
      count: 3,
      password: "",
    });
  });
});
