import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Transform, transformed } from "./support.js";

export interface ReplicaDatabaseArgs {
  /** Identifier of the instance; it stays when the replica is promoted. */
  identifier: string;
  /** Identifier or ARN of the instance to replicate. Clearing it (`role: "primary"`) promotes in place. */
  sourceIdentifier: pulumi.Input<string>;
  /** `replica` follows the source; `primary` is a standalone database. */
  role: "replica" | "primary";
  /** For example `db.r6g.large`. */
  instanceClass: pulumi.Input<string>;
  vpcId: pulumi.Input<string>;
  /** In at least two availability zones. */
  subnetIds: pulumi.Input<string>[];
  /** The only security groups that may connect. */
  clientSecurityGroupIds: pulumi.Input<string>[];
  /** @default 5432 */
  port?: number;
  /** @default true */
  multiAz?: boolean;
  /** Only for a primary: a replica refuses a retention period. @default none */
  backup?: { retentionDays: number; window: string };
  transform?: { instance?: Transform<aws.rds.InstanceArgs> };
}

/**
 * A read replica in the new VPC that becomes the application's database (seed: create-db-instance-read-replica,
 * promote-read-replica). Promotion is a change of config: the provider is asked for an update in place, never for a
 * replacement or a deletion. From then on the database is protected.
 *
 * @example
 * new ReplicaDatabase("web-api", { identifier: "prod-db-replica", sourceIdentifier: "prod-db", role: "replica", … });
 */
export class ReplicaDatabase extends pulumi.ComponentResource {
  /** Host name without port. */
  readonly address: pulumi.Output<string>;
  readonly nodes: { instance: aws.rds.Instance; subnetGroup: aws.rds.SubnetGroup; securityGroup: aws.ec2.SecurityGroup };

  constructor(name: string, args: ReplicaDatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:ReplicaDatabase", name, {}, opts);
    const subnetGroup = new aws.rds.SubnetGroup(
      name,
      { name: `${args.identifier}-subnets`, subnetIds: args.subnetIds, tags: { Name: args.identifier } },
      { parent: this },
    );
    const securityGroup = this.securityGroup(name, args);
    const instance = this.instance(name, args, subnetGroup, securityGroup);
    this.address = instance.address;
    this.nodes = { instance, subnetGroup, securityGroup };
    this.registerOutputs({ address: this.address });
  }

  private securityGroup(name: string, args: ReplicaDatabaseArgs): aws.ec2.SecurityGroup {
    const port = args.port ?? 5432;
    return new aws.ec2.SecurityGroup(
      `${name}-database`,
      {
        name: `${args.identifier}-clients`,
        description: `Clients of ${args.identifier}`,
        vpcId: args.vpcId,
        ingress: [
          {
            protocol: "tcp",
            fromPort: port,
            toPort: port,
            securityGroups: args.clientSecurityGroupIds,
            description: "The cluster's nodes",
          },
        ],
        tags: { Name: `${args.identifier}-clients` },
      },
      { parent: this },
    );
  }

  private instance(
    name: string,
    args: ReplicaDatabaseArgs,
    subnetGroup: aws.rds.SubnetGroup,
    securityGroup: aws.ec2.SecurityGroup,
  ): aws.rds.Instance {
    const primary = args.role === "primary";
    return new aws.rds.Instance(
      ...transformed(
        args.transform?.instance,
        name,
        {
          identifier: args.identifier,
          // Absent for a primary: that is what promotes.
          ...(primary ? {} : { replicateSourceDb: args.sourceIdentifier }),
          instanceClass: args.instanceClass,
          dbSubnetGroupName: subnetGroup.name,
          vpcSecurityGroupIds: [securityGroup.id],
          publiclyAccessible: false,
          storageEncrypted: true,
          multiAz: args.multiAz ?? true,
          autoMinorVersionUpgrade: true,
          applyImmediately: true,
          copyTagsToSnapshot: true,
          performanceInsightsEnabled: true,
          deletionProtection: primary,
          skipFinalSnapshot: !primary,
          ...(primary ? { finalSnapshotIdentifier: `${args.identifier}-final` } : {}),
          ...(primary && args.backup !== undefined
            ? { backupRetentionPeriod: args.backup.retentionDays, backupWindow: args.backup.window }
            : {}),
          tags: { Name: args.identifier },
        },
        // A replica can be made again; a primary holds the data. Promotion takes minutes, a large replica hours.
        { parent: this, protect: primary, customTimeouts: { create: "6h", update: "2h" } },
      ),
    );
  }
}
