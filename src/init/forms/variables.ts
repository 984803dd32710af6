import { CONNECTION_KEYS } from "../../config/connection.js";
import { looksSecret } from "../../lib/secrets.js";
import { REPLACE } from "../placeholders.js";
import { type DescribedDatabase, type Findings, labelOf, literal, type Pod } from "./described.js";

/** Variables of a process: name → value, undefined where the file names it and says no value. */
export type Variables = Record<string, string | undefined>;

/** Another process of the application. */
export interface Neighbour {
  /** In the cluster. */
  name: string;
  /** On which its Service answers; none where it has no Service. */
  ports: number[];
}

/** Hosts that values may name. */
export interface Hosts {
  /** Of PostgreSQL that becomes `database`. */
  database: Set<string>;
  /** Of other data stores: they will answer elsewhere. */
  stores: Set<string>;
  /** Of the application's own processes, by host. */
  processes: Map<string, Neighbour>;
}

/** Schemes of PostgreSQL's addresses, and the ready form that has each. */
const URL_FORMS: Record<string, string> = {
  postgresql: "database-url",
  postgres: "database-django-url",
  "postgresql+psycopg2": "database-sqlalchemy-url",
  "postgresql+asyncpg": "database-sqlalchemy-asyncpg-url",
  "db+postgresql": "database-celery-result-url",
};
const POSTGRES_URL =
  /^(jdbc:)?((?:db\+)?postgres(?:ql)?(?:\+\w+)?):\/\/(?:([^:@/\s]*)(?::([^@/\s]*))?@)?([A-Za-z0-9_.-]+)(?::(\d+))?(?:\/([^?\s]*))?(?:\?(\S*))?$/;
const RDS_HOST = /\.rds\.(?:[a-z0-9-]+\.)?amazonaws\.com(\.cn)?$/i;
const ENDS: [RegExp, string][] = [
  [/^(HOST|HOSTNAME|SERVER|ADDR|ADDRESS|ENDPOINT|HOST_PORT)$/, "database-host"],
  [/^PORT$/, "database-port"],
  [/^(USER|USERNAME|USER_NAME|LOGIN)$/, "database-user"],
  [/^(PASS|PASSWORD|PASSWD|PWD)$/, "database-password"],
  [/^(NAME|DATABASE|DBNAME|DB|DB_NAME|DATABASE_NAME)$/, "database-name"],
];

/** PostgreSQL on RDS that some address names, by its host. */
export function rdsNamedIn(variables: Variables): Map<string, Omit<DescribedDatabase, "forms">> {
  const found = new Map<string, Omit<DescribedDatabase, "forms">>();
  for (const value of Object.values(variables)) {
    const [, , , user, , host = "", , name] = POSTGRES_URL.exec(value ?? "") ?? [];
    if (RDS_HOST.test(host)) found.set(host, { endpoint: host, ...(user ? { user } : {}), ...(name ? { name } : {}) });
  }
  return found;
}

/** Stores by the schemes of their addresses. */
const STORE_SCHEMES: [string, RegExp][] = [
  ["PostgreSQL outside RDS", /^(db\+)?postgres(ql)?(\+\w+)?$/],
  ["MySQL", /^(mysql2?|mariadb)(\+\w+)?$/],
  ["SQL Server", /^(mssql|sqlserver)(\+\w+)?$/],
  ["MongoDB", /^mongodb(\+srv)?$/],
  ["Redis", /^rediss?$/],
  ["RabbitMQ", /^amqps?$/],
  ["Kafka", /^kafka$/],
];

/** Data stores that addresses name, by host, apart from those that are known already. */
export function storesNamedIn(variables: Variables, known: ReadonlySet<string>): { kind: string; name: string }[] {
  return Object.values(variables).flatMap((value) => {
    const [, scheme = "", host = ""] = /^(?:jdbc:)?([a-z][a-z0-9+]*):\/\/(?:[^@/\s]*@)?([A-Za-z0-9_.-]+)/.exec(value ?? "") ?? [];
    const kind = STORE_SCHEMES.find(([, is]) => is.test(scheme))?.[0];
    return kind === undefined || known.has(host) || host.includes(REPLACE) ? [] : [{ kind, name: host }];
  });
}

/** Gives each variable its place: plain, or a key of the secrets; addresses of what moves follow it. One for all processes of an application. */
export class VariablePlaces {
  /** Value by key of the secrets: two processes may give one name different values. */
  private readonly values = new Map<string, string | undefined>();
  readonly forms: Record<string, string> = {};

  constructor(
    private readonly hosts: Hosts,
    private readonly findings: Findings,
    /** How a plain value is written for the kubelet. Of a chart it is so already. */
    private readonly written: (text: string) => string = literal,
  ) {}

  /**
   * @param at where the variables stand, for messages
   * @param sealed those that come from a secret already, whatever they are called
   */
  place(
    variables: Variables,
    process: string,
    at: string,
    sealed: ReadonlySet<string> = new Set(),
  ): Required<Pick<Pod, "env" | "secretEnv">> {
    const env: Record<string, string> = {};
    const secretEnv: Record<string, string> = {};
    const families = this.familiesOf(variables);
    for (const [name, value] of Object.entries(variables)) {
      if (!/^(?!\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name)) {
        this.findings.ask(
          `${at}.${name}`,
          "not a name that a variable may have in Kubernetes (letters, digits, - _ .): what is it called?",
        );
        continue;
      }
      const form = this.formOf(name, value, families, `${at}.${name}`);
      if (form !== undefined) secretEnv[name] = form;
      else if (sealed.has(name) || this.isSecret(name, value)) secretEnv[name] = this.keyFor(name, value, process);
      else env[name] = this.written(this.moved(name, value, `${at}.${name}`));
    }
    return { env, secretEnv };
  }

  private isSecret(name: string, value: string | undefined): boolean {
    if (looksSecret(name, value ?? "unknown")) return true;
    // Where a store answers is often told with its password.
    return (
      value !== undefined &&
      [...this.hosts.stores].some((host) => new RegExp(`^[a-z][a-z0-9+.-]*://\\S*@${escaped(host)}(?![\\w.-])`, "i").test(value))
    );
  }

  private keyFor(name: string, value: string | undefined, process: string): string {
    const label = labelOf(name, 36) ?? "value";
    const own = CONNECTION_KEYS.includes(label) || label === "database-admin-password" ? `own-${label}`.slice(0, 40) : label;
    for (const key of [
      own,
      `${own}-${process}`.slice(0, 40).replace(/-+$/, ""),
      ...Array.from({ length: 99 }, (_, i) => `${own}-${i + 2}`),
    ])
      if (!this.values.has(key) || this.values.get(key) === value) {
        this.values.set(key, value);
        return key;
      }
    throw new Error(`a hundred values of ${name}`);
  }

  /** Beginnings of names such as `DB_` whose host is the database's. */
  private familiesOf(variables: Variables): string[] {
    return Object.entries(variables).flatMap(([name, value]) => {
      const host = /^([\w.-]+)(:\d+)?$/.exec(value ?? "")?.[1] ?? POSTGRES_URL.exec(value ?? "")?.[5];
      const prefix = /^(.*?_+)?(HOST|HOSTNAME|SERVER|ADDR|ADDRESS|ENDPOINT|HOST_PORT|URL|URI)$/i.exec(name)?.[1];
      return prefix !== undefined && host !== undefined && this.hosts.database.has(host) ? [prefix, prefix.replace(/UR[LI]_$/i, "")] : [];
    });
  }

  /** The key of the database's connection that a variable is, in the form that it has. */
  private formOf(name: string, value: string | undefined, families: string[], at: string): string | undefined {
    const url = POSTGRES_URL.exec(value ?? "");
    if (url !== null) return this.urlForm(name, url, at);
    const [, host = "", port] = /^([\w.-]+)(:\d+)?$/.exec(value ?? "") ?? [];
    if (this.hosts.database.has(host) && (port !== undefined || saysHost(name, host)))
      return port === undefined ? "database-host" : "database-host-port";
    const words = /^([A-Za-z0-9_]*)/.exec(name)?.[1] ?? "";
    for (const prefix of families)
      if (words.startsWith(prefix)) {
        const end = words.slice(prefix.length).toUpperCase();
        const form = ENDS.find(([is]) => is.test(end))?.[1];
        if (form !== undefined && form !== "database-host") return form;
      }
    return undefined;
  }

  private urlForm(name: string, [, jdbc, scheme = "", user, , host = "", , , query]: RegExpExecArray, at: string): string | undefined {
    if (!this.hosts.database.has(host)) return undefined;
    if (query !== undefined && /sslmode=disable/.test(query))
      this.findings.ask(at, "the address turns TLS off (sslmode=disable), which RDS may refuse: may it be left out?");
    if (jdbc !== undefined && query === undefined) return "database-jdbc-url";
    const ready = jdbc === undefined ? URL_FORMS[scheme] : undefined;
    if (ready !== undefined && query === undefined) return ready;
    const access = jdbc !== undefined && user === undefined ? "" : "{user}:{password}@";
    // What stands beside them may be a credential of its own.
    if (query !== undefined && looksSecret("", query.replaceAll("&", " "))) {
      if (jdbc === undefined) return undefined;
      return "database-jdbc-url-with-password";
    }
    const form = `${jdbc ?? ""}${scheme}://${access}{host}:{port}/{name}${query === undefined ? "" : `?${query}`}`;
    if (/[{}]/.test(query ?? "")) return undefined;
    const same = Object.entries(this.forms).find(([, text]) => text === form)?.[0];
    const key = same ?? this.keyFor(`${name}_FORM`, form, name);
    this.forms[key] = form;
    return key;
  }

  /** A plain value with the hosts that it names as they are on the new side. */
  private moved(name: string, value: string | undefined, at: string): string {
    if (value === undefined) return REPLACE;
    const hosts = [...this.hosts.stores, ...this.hosts.database, ...this.hosts.processes.keys()];
    // "postgres" and "redis" are kinds as well as names of services.
    if (hosts.includes(value) && !saysHost(name, value)) {
      if (!SAYS_KIND.test(name))
        this.findings.ask(at, `${value} is the name of a service too: is it a host here, which answers elsewhere on the new side?`);
      return value;
    }
    let text = value;
    for (const host of [...this.hosts.stores, ...this.hosts.database])
      text = text.replace(namesHost(host), (_, before: string) => `${before}${host.split(".")[0]}.${REPLACE}`);
    for (const [host, neighbour] of this.hosts.processes) text = this.besideOf(text, host, neighbour, at);
    return text;
  }

  /** A value with another process's name as it is in the cluster, where it has one there. */
  private besideOf(text: string, host: string, { name, ports }: Neighbour, at: string): string {
    const found = [...text.matchAll(namesHost(host))];
    if (found.length === 0) return text;
    const asked = found
      .flatMap(({ 0: whole, index }) => Number(/^:(\d+)/.exec(text.slice(index + whole.length))?.[1] ?? Number.NaN))
      .filter((p) => !Number.isNaN(p));
    const missing = asked.filter((p) => !ports.includes(p));
    if (ports.length === 0)
      this.findings.ask(
        at,
        `names ${host}, which has no port in what was read, so no address in the cluster: on which does it answer (kind service, containerPort)?`,
      );
    else if (missing.length > 0)
      this.findings.ask(at, `names port ${missing.join(", ")} of ${host}, which nothing says that it listens on: is it one of its ports?`);
    else this.findings.note(at, `names ${host} by its name in the cluster, ${name}`);
    return text.replace(namesHost(host), (_, before: string) => `${before}${name}`);
  }
}

/** Names of variables that hold a kind, which may be called as the service is. */
const SAYS_KIND =
  /(^|_)(TYPE|DRIVER|CONNECTION|BACKEND|ENGINE|ADAPTER|STORE|CLIENT|DB|KIND|PROVIDER|DIALECT|MODE|NAME|DATABASE|USER|USERNAME|VENDOR|PLATFORM)$/i;
/** Whether a variable's value is a host: its name says so, or the host is a name with dots, which nothing else has. */
const saysHost = (name: string, value: string): boolean =>
  value.includes(".") || /(^|_)(HOST|HOSTS|HOSTNAME|SERVER|SERVERS|ADDR|ADDRESS|ENDPOINT|HOST_PORT|NODES)(_|$)/i.test(name);

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
/** A host where a host stands: alone or in a list, perhaps before a port, or in an address. */
const namesHost = (host: string): RegExp =>
  new RegExp(`((?:^|,)(?=[^,/]*(?:,|$))|://(?:[^@/\\s]*@)?)${escaped(host)}(?=$|,|[/?]|:\\d)`, "g");
