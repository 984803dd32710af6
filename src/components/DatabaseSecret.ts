import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { connectionValues } from "../config/connection.js";
import { withSecrets } from "../config/files.js";
import { requireName, requireNumber } from "./checks.js";

export interface DatabaseSecretArgs {
  /** Namespace of the Secret. */
  namespace: pulumi.Input<string>;
  /** Values by key, besides `database-url`. @default none */
  values?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** The PostgreSQL database that the application uses; becomes the key `database-url`, and those of `forms`. @default no such key */
  database?: {
    host: pulumi.Input<string>;
    port: pulumi.Input<number>;
    databaseName: pulumi.Input<string>;
    username: pulumi.Input<string>;
    password: pulumi.Input<string>;
    /**
     * Further keys, each the connection in another form: `database-host`, `database-jdbc-url`, `database-ado-net`,
     * `database-sqlalchemy-url` and others, or one of `ownForms`. @default database-url alone
     */
    forms?: string[];
    /** Key → a form of your own with {host}, {port}, {name}, {user} and {password}. @default none */
    ownForms?: Record<string, string>;
  };
  /** Key → text of a file in which `{{secret:KEY}}` stands for another key's value. @default none */
  files?: Record<string, string>;
}

/**
 * Connection strings as the Kubernetes Secret NAME-secrets. Everything in it is a secret of the engine's state too;
 * only a checksum leaves it, which restarts the pods when the content changes. A program of your own needs the Kubernetes
 * provider's `enableSecretMutable` for that (`kubernetes:enableSecretMutable` in Pulumi.yaml): otherwise the provider replaces a
 * changed Secret, and with it deletes the pods. `MigratedApp`'s program asks for it.
 *
 * @example
 * const secret = new DatabaseSecret("web-api", { namespace: "production", database: { host, port: 5432, databaseName: "db", username: "app", password } });
 * new Workload("web-api", { …, secretEnv: { DATABASE_URL: "database-url" }, secretChecksum: secret.checksum });
 *
 * @seed kubectl create secret generic web-api-secrets; kubectl rollout restart
 */
export class DatabaseSecret extends pulumi.ComponentResource {
  /** Name of the Secret. */
  readonly name: pulumi.Output<string>;
  /** SHA-256 over the content, cut to 16 characters: changes with it and gives nothing away. */
  readonly checksum: pulumi.Output<string>;
  readonly nodes: { secret: k8s.core.v1.Secret };

  constructor(name: string, args: DatabaseSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:DatabaseSecret", name, {}, opts);
    requireName(`DatabaseSecret(${name}).namespace`, args.namespace);
    requireNumber(`DatabaseSecret(${name}).database.port`, args.database?.port, 1, 65_535);
    const data = pulumi.secret(contentOf(args));
    const secret = new k8s.core.v1.Secret(
      name,
      { metadata: { name: `${name}-secrets`, namespace: args.namespace, labels: { app: name } }, type: "Opaque", stringData: data },
      { parent: this },
    );
    this.name = secret.metadata.name;
    this.checksum = pulumi.unsecret(
      data.apply((d) =>
        createHash("sha256")
          .update(JSON.stringify(Object.entries(d).sort()))
          .digest("hex")
          .slice(0, 16),
      ),
    );
    this.nodes = { secret };
    this.registerOutputs({ name: this.name });
  }
}

function contentOf(args: DatabaseSecretArgs): pulumi.Output<Record<string, string>> {
  const { database, files = {} } = args;
  const connection: pulumi.Output<Record<string, string>> =
    database === undefined
      ? pulumi.output<Record<string, string>>({})
      : pulumi
          .all([database.username, database.password, database.host, database.port, database.databaseName])
          .apply(([user, password, host, port, name]) =>
            connectionValues({ user, password, host, port, name }, ["database-url", ...(database.forms ?? [])], database.ownForms),
          );
  return pulumi.all([pulumi.output(args.values ?? {}), connection]).apply(([values, forms]): Record<string, string> => {
    const content: Record<string, string> = { ...values, ...forms };
    const made = Object.entries(files).map(([key, template]) => [key, withSecrets(template, content)] as const);
    return { ...content, ...Object.fromEntries(made) };
  });
}
