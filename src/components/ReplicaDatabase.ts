import * as aws from "@pulumi/aws";
import type * as native from "@pulumi/aws-native";
import * as pulumi from "@pulumi/pulumi";
import { type AlarmArgs, metricAlarm } from "./alarm.js";
import { isPlain, require, requireNumber, requireText } from "./checks.js";
import { type Tags, type Transform, transformed } from "./support.js";

export interface ReplicaDatabaseArgs {
  /** Identifier of the instance; it stays when the replica is promoted. */
  identifier: string;
  /** Identifier of the instance to replicate. */
  sourceIdentifier: pulumi.Input<string>;
  /** ARN of the source, when it is in another region or account. @default looked up by `sourceIdentifier` */
  sourceArn?: pulumi.Input<string>;
  /** Whether the source is looked up: its ARN, and that it is encrypted. @default true */
  checkSource?: boolean;
  /** `replica` follows the source; `primary` is a standalone database. Going from one to the other promotes in place. */
  role: "replica" | "primary";
  /** For example `db.r6g.large`. */
  instanceClass: pulumi.Input<string>;
  /** The VPC of the subnets, for the security group. */
  vpcId: pulumi.Input<string>;
  /** In at least two availability zones. */
  subnetIds: pulumi.Input<string>[];
  /** Security groups of the clients, for example of the cluster's nodes; nobody else may connect. */
  clientSecurityGroupIds: pulumi.Input<string>[];
  /** Who else may, for as long as the old side is there: its fleet, and the database that follows this one. @default nobody */
  oldSide?: { securityGroupIds?: pulumi.Input<string>[]; cidrBlocks?: string[] };
  /** Port that the database listens on, for the security group. @default 5432 */
  port?: number;
  /** A standby in another availability zone. @default true */
  multiAz?: boolean;
  /** KMS key of an encrypted replica whose source is in another region. @default the source's own key */
  kmsKeyId?: pulumi.Input<string>;
  /**
   * Kept by a primary, and with `onReplica` by a replica too (RDS for PostgreSQL 14.1 or newer): the promotion then waits for no
   * first backup. `window` is in UTC. @default 7 days, 03:00-04:00, not of a replica
   */
  backup?: { retentionDays: number; window: string; onReplica?: boolean };
  /** Weekly, in UTC; RDS refuses a promotion whose backup window overlaps it. @default sun:05:00-sun:06:00 */
  maintenanceWindow?: string;
  /** Seconds of lag for five minutes that raise an alarm while it is a replica. @default 10 (seed: "should be < 10 seconds") */
  maxLagSeconds?: number;
  /**
   * Megabytes of changes that wait for a subscriber and raise an alarm while it is a primary: one that does not fetch
   * them any more keeps them until the storage is full. @default 1024
   */
  maxUnfetchedMegabytes?: number;
  /** SNS topics that the alarms notify. @default none */
  topicArns?: pulumi.Input<string>[];
  /** Tags of every resource. @default none but Name */
  tags?: Tags;
  /** Changes to the instance before it is registered. */
  transform?: { instance?: Transform<aws.rds.InstanceArgs> };
}

/**
 * A read replica in the new VPC that becomes the application's database. Promotion is a change of `role`: the provider
 * is asked for an update in place, never for a replacement or a deletion, and the backup policy comes with it. From
 * then on the database is protected.
 *
 * @example
 * const database = new ReplicaDatabase("web-api", { identifier: "prod-db-replica", sourceIdentifier: "prod-db", role: "replica", instanceClass: "db.r6g.large", vpcId, subnetIds, clientSecurityGroupIds: [nodes.id] });
 *
 * @seed aws rds create-db-instance-read-replica, aws rds promote-read-replica
 * @cost The instance class by the hour, twice that with `multiAz`; storage as large as the source's; backups beyond the size of the database; one CloudWatch alarm.
 */
export class ReplicaDatabase extends pulumi.ComponentResource {
  /** Host name without port. */
  readonly address: pulumi.Output<string>;
  readonly nodes: {
    instance: aws.rds.Instance;
    subnetGroup: aws.rds.SubnetGroup;
    securityGroup: aws.ec2.SecurityGroup;
    /** Of a replica. */
    lagAlarm?: native.cloudwatch.Alarm;
    /** Of a primary. */
    unfetchedAlarm?: native.cloudwatch.Alarm;
  };

  constructor(name: string, args: ReplicaDatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:ReplicaDatabase", name, {}, opts);
    checkArguments(`ReplicaDatabase(${name})`, args);
    const subnetGroup = new aws.rds.SubnetGroup(
      name,
      { name: `${args.identifier}-subnets`, subnetIds: args.subnetIds, tags: { ...args.tags, Name: args.identifier } },
      { parent: this },
    );
    const securityGroup = this.securityGroup(name, args);
    const instance = this.instance(name, args, subnetGroup, securityGroup);
    const alarm = args.role === "replica" ? { lagAlarm: this.lagAlarm(name, args) } : { unfetchedAlarm: this.unfetchedAlarm(name, args) };
    this.address = instance.address;
    this.nodes = { instance, subnetGroup, securityGroup, ...alarm };
    this.registerOutputs({ address: this.address });
  }

  private securityGroup(name: string, args: ReplicaDatabaseArgs): aws.ec2.SecurityGroup {
    const port = args.port ?? 5432;
    const { securityGroupIds = [], cidrBlocks = [] } = args.oldSide ?? {};
    const open = { protocol: "tcp", fromPort: port, toPort: port };
    return new aws.ec2.SecurityGroup(
      `${name}-database`,
      {
        name: `${args.identifier}-clients`,
        description: `Clients of ${args.identifier}`,
        vpcId: args.vpcId,
        ingress: [
          { ...open, securityGroups: args.clientSecurityGroupIds, description: "Clients" },
          ...(securityGroupIds.length + cidrBlocks.length === 0
            ? []
            : [{ ...open, securityGroups: securityGroupIds, cidrBlocks, description: "The old side" }]),
        ],
        // A group that the provider makes may connect nowhere: a subscription to the old database, for one.
        egress:
          securityGroupIds.length + cidrBlocks.length === 0
            ? []
            : [{ ...open, securityGroups: securityGroupIds, cidrBlocks, description: "The old side" }],
        tags: { ...args.tags, Name: `${args.identifier}-clients` },
      },
      { parent: this },
    );
  }

  /**
   * The service takes a subnet group of another VPC only with the source's ARN (with its identifier it answers
   * DBSubnetGroupNotAllowedFault), and makes an encrypted replica only of an encrypted source: asking for encryption
   * of another one would plan a replacement at the promotion.
   */
  private sourceArn(name: string, args: ReplicaDatabaseArgs): pulumi.Input<string> {
    // What this update leaves as it is needs no look.
    if (args.checkSource === false) return args.sourceArn ?? pulumi.output(args.sourceIdentifier).apply((id) => `arn:aws:rds:*:*:db:${id}`);
    if (args.sourceArn !== undefined) return this.checkedArn(name, args, args.sourceArn);
    return aws.rds
      .getInstanceOutput({ dbInstanceIdentifier: args.sourceIdentifier }, { parent: this })
      .apply((s) => requireEncrypted(`ReplicaDatabase(${name}).sourceIdentifier`, s));
  }

  /** A source given by its ARN is held to the same; one of another account cannot be looked at. */
  private checkedArn(name: string, { kmsKeyId }: ReplicaDatabaseArgs, sourceArn: pulumi.Input<string>): pulumi.Output<string> {
    const at = `ReplicaDatabase(${name})`;
    const here = pulumi.all([aws.getRegionOutput({}, { parent: this }), aws.getCallerIdentityOutput({}, { parent: this })]);
    return pulumi.all([here, sourceArn]).apply(([[region, caller], arn]) => {
      const [, , , from, account, , dbInstanceIdentifier = ""] = arn.split(":");
      if (from !== region.region && kmsKeyId === undefined)
        throw new pulumi.RunError(
          `${at}.kmsKeyId: missing; accepted: the ARN of a KMS key in ${region.region}, for an encrypted replica of ${arn} in another region.`,
        );
      if (account !== caller.accountId) return pulumi.output(arn);
      return aws.rds
        .getInstanceOutput({ dbInstanceIdentifier, region: from ?? region.region }, { parent: this })
        .apply((s) => requireEncrypted(`${at}.sourceArn`, s));
    });
  }

  private instance(
    name: string,
    args: ReplicaDatabaseArgs,
    subnetGroup: aws.rds.SubnetGroup,
    securityGroup: aws.ec2.SecurityGroup,
  ): aws.rds.Instance {
    const primary = args.role === "primary";
    const { retentionDays = 7, window = "03:00-04:00", onReplica = false } = args.backup ?? {};
    return new aws.rds.Instance(
      ...transformed(
        args.transform?.instance,
        name,
        {
          identifier: args.identifier,
          // The source's absence is what promotes.
          ...(primary ? {} : { replicateSourceDb: this.sourceArn(name, args) }),
          ...(primary || onReplica ? { backupRetentionPeriod: retentionDays } : {}),
          // Also of a replica: RDS would choose one by itself, and refuse a maintenance window that overlaps it.
          backupWindow: window,
          instanceClass: args.instanceClass,
          dbSubnetGroupName: subnetGroup.name,
          vpcSecurityGroupIds: [securityGroup.id],
          publiclyAccessible: false,
          maintenanceWindow: args.maintenanceWindow ?? "sun:05:00-sun:06:00",
          storageEncrypted: true,
          ...(args.kmsKeyId === undefined ? {} : { kmsKeyId: args.kmsKeyId }),
          multiAz: args.multiAz ?? true,
          autoMinorVersionUpgrade: true,
          applyImmediately: true,
          copyTagsToSnapshot: true,
          performanceInsightsEnabled: true,
          deletionProtection: primary,
          skipFinalSnapshot: !primary,
          ...(primary ? { finalSnapshotIdentifier: `${args.identifier}-final` } : {}),
          tags: { ...args.tags, Name: args.identifier },
        },
        // A replica can be made again; a primary holds the data. Promotion takes minutes, a large replica hours.
        {
          parent: this,
          protect: primary,
          customTimeouts: { create: "6h", update: "2h" },
          // A replica has them from its source, and an update must not take them away.
          ignoreChanges: ["maxAllocatedStorage", "iamDatabaseAuthenticationEnabled"],
        },
      ),
    );
  }

  private lagAlarm(name: string, args: ReplicaDatabaseArgs): native.cloudwatch.Alarm {
    const { identifier, maxLagSeconds = 10 } = args;
    return this.alarm(`${name}-replica-lag`, args, {
      alarmName: `${identifier}-lag`,
      description: `${identifier} lags more than ${maxLagSeconds} s behind its source`,
      metricName: "ReplicaLag",
      above: maxLagSeconds,
      // A replication that broke reports -1, and after a while nothing.
      negativeIsAbove: true,
      missing: "breaching",
    });
  }

  private unfetchedAlarm(name: string, args: ReplicaDatabaseArgs): native.cloudwatch.Alarm {
    const { identifier, maxUnfetchedMegabytes = 1_024 } = args;
    return this.alarm(`${name}-unfetched`, args, {
      alarmName: `${identifier}-unfetched`,
      description: `A subscriber of ${identifier} has not fetched ${maxUnfetchedMegabytes} MB of changes, which fill its storage`,
      metricName: "OldestReplicationSlotLag",
      above: maxUnfetchedMegabytes * 1_000_000,
      // Without a subscriber nothing waits.
      missing: "notBreaching",
    });
  }

  /** On a metric of the instance, once it was too high for five minutes. */
  private alarm(
    name: string,
    { identifier, topicArns = [], tags }: ReplicaDatabaseArgs,
    about: Pick<AlarmArgs, "alarmName" | "description" | "metricName" | "above" | "missing" | "negativeIsAbove">,
  ): native.cloudwatch.Alarm {
    return metricAlarm(
      name,
      {
        ...about,
        namespace: "AWS/RDS",
        dimensions: { DBInstanceIdentifier: identifier },
        statistic: "Maximum",
        period: 60,
        periods: 5,
        topicArns,
        ...(tags === undefined ? {} : { tags }),
      },
      this,
    );
  }
}

/** @returns the ARN */
function requireEncrypted(at: string, source: aws.rds.GetInstanceResult): string {
  if (source.storageEncrypted) return source.dbInstanceArn;
  throw new pulumi.RunError(
    `${at}: got ${source.dbInstanceIdentifier}, whose storage is not encrypted; accepted: an encrypted database. ` +
      "Restore an encrypted copy of one of its snapshots first, and replicate from that.",
  );
}

function checkArguments(at: string, args: ReplicaDatabaseArgs): void {
  requireText(
    `${at}.identifier`,
    args.identifier,
    /^[a-z](?!.*--)[-a-z0-9]{0,62}$(?<!-)/,
    "an RDS identifier: lower-case letters, digits and single hyphens",
  );
  require(args.role === "replica" || args.role === "primary", `${at}.role`, args.role, '"replica" or "primary"');
  requireText(`${at}.instanceClass`, args.instanceClass, /^db\.[a-z0-9]+\.[a-z0-9]+$/, "an RDS instance class, for example db.r6g.large");
  require(args.subnetIds.length >= 2, `${at}.subnetIds`, args.subnetIds.filter(isPlain), "subnets in at least two availability zones");
  require(args.clientSecurityGroupIds.length >= 1, `${at}.clientSecurityGroupIds`, [], "at least one security group");
  requireText(`${at}.sourceArn`, args.sourceArn, /^arn:aws[a-z-]*:rds:/, "the ARN of an RDS instance");
  requireNumber(`${at}.port`, args.port, 1, 65_535);
  requireNumber(`${at}.maxLagSeconds`, args.maxLagSeconds, 1, 86_400);
  requireNumber(`${at}.maxUnfetchedMegabytes`, args.maxUnfetchedMegabytes, 1, 1_000_000);
  requireNumber(`${at}.backup.retentionDays`, args.backup?.retentionDays, 1, 35);
  requireText(
    `${at}.maintenanceWindow`,
    args.maintenanceWindow,
    /^[a-z]{3}:\d\d:\d\d-[a-z]{3}:\d\d:\d\d$/,
    "a weekly UTC window, for example sun:05:00-sun:06:00",
  );
  requireText(`${at}.backup.window`, args.backup?.window, /^\d\d:\d\d-\d\d:\d\d$/, "a UTC window, for example 03:00-04:00");
}
