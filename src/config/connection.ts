/**
 * A database connection in the forms that applications read. Each is a key of the application's Secret once something asks for it,
 * and follows the switch from the old database to the new one.
 */
export interface Connection {
  host: string;
  port: number;
  name: string;
  user: string;
  password: string;
}

const encoded = ({ host, port, name, user, password }: Connection): Record<string, string> => ({
  host,
  port: String(port),
  name: encodeURIComponent(name),
  user: encodeURIComponent(user),
  password: encodeURIComponent(password),
});

/** A value of an ADO.NET connection string: quoted where it must be. */
const ado = (value: string): string => (/^[A-Za-z0-9_.@:/-]+$/.test(value) ? value : `"${value.replaceAll('"', '""')}"`);
/** A value of a libpq keyword string. */
const libpq = (value: string): string => (/^[A-Za-z0-9_.@:/-]+$/.test(value) ? value : `'${value.replace(/(['\\])/g, "\\$1")}'`);

const url = (scheme: string) => (c: Connection) => {
  const { user, password, host, port, name } = encoded(c);
  return `${scheme}://${user}:${password}@${host}:${port}/${name}`;
};

/** Key → the connection in that form. */
const FORMS: Record<string, (c: Connection) => string> = {
  "database-url": url("postgresql"),
  "database-host": (c) => c.host,
  "database-port": (c) => String(c.port),
  "database-host-port": (c) => `${c.host}:${c.port}`,
  "database-name": (c) => c.name,
  "database-user": (c) => c.user,
  "database-password": (c) => c.password,
  // User and password are properties of their own there (spring.datasource.username, KC_DB_USERNAME).
  "database-jdbc-url": (c) => `jdbc:postgresql://${c.host}:${c.port}/${encodeURIComponent(c.name)}`,
  "database-jdbc-url-with-password": (c) => {
    const { user, password, host, port, name } = encoded(c);
    return `jdbc:postgresql://${host}:${port}/${name}?user=${user}&password=${password}`;
  },
  "database-ado-net": (c) =>
    `Host=${ado(c.host)};Port=${c.port};Database=${ado(c.name)};Username=${ado(c.user)};Password=${ado(c.password)}`,
  "database-sqlalchemy-url": url("postgresql+psycopg2"),
  "database-sqlalchemy-asyncpg-url": url("postgresql+asyncpg"),
  "database-celery-result-url": url("db+postgresql"),
  "database-rails-url": url("postgresql"),
  "database-django-url": url("postgres"),
  "database-libpq": (c) =>
    `host=${libpq(c.host)} port=${c.port} dbname=${libpq(c.name)} user=${libpq(c.user)} password=${libpq(c.password)}`,
};

/** Key of the secrets with the password of the service's own database user. */
export const ADMIN_PASSWORD = "database-admin-password";

export const CONNECTION_KEYS = Object.keys(FORMS);

const PLACE = /\{(raw:)?(host|port|name|user|password)\}/g;

/** Whether a form of the user's own can be read: every place in braces is one that there is. */
export const formProblem = (template: string): string | undefined =>
  /[{}]/.test(template.replaceAll(PLACE, ""))
    ? "text with {host}, {port}, {name}, {user} and {password}, as in a URL, or {raw:password} as it is"
    : undefined;

/** A form of the user's own; values are encoded as in a URL unless `raw:` says otherwise. */
export function ownForm(template: string, connection: Connection): string {
  const inUrl = encoded(connection);
  const plain: Record<string, string> = { ...connection, port: String(connection.port) };
  return template.replaceAll(PLACE, (_, raw: string | undefined, place: string) => (raw === undefined ? inUrl : plain)[place] ?? "");
}

/** The keys that are wanted, each in its form. */
export function connectionValues(
  connection: Connection,
  wanted: Iterable<string>,
  own: Record<string, string> = {},
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const key of wanted) {
    const form = FORMS[key];
    const template = own[key];
    if (template !== undefined) values[key] = ownForm(template, connection);
    else if (form !== undefined) values[key] = form(connection);
  }
  return values;
}
