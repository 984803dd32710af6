import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { isPlain, require, requireNumber, requireText } from "./checks.js";
import type { KeptRecord } from "./keptRecords.js";
import type { Tags } from "./support.js";

export interface WeightedDnsArgs {
  /** Route 53 hosted zone. */
  zoneId: pulumi.Input<string>;
  /** The name that clients ask for. */
  name: string;
  /** Which records exist. Both do until the cleanup. */
  records: "old" | "both" | "new";
  /** Percent of the answers for each side, as whole numbers that sum to 100. */
  weights: { old: number; new: number };
  /** Further names that move together with it, each in a zone of its own or in the same one. @default none */
  also?: { zoneId: string; name: string }[];
  /**
   * What answers on the old side, as it stands in the zone: each record is kept as it is and only gets a weight. With `records`
   * "new", the new side's: they say which there are. @default an A record of `oldAddresses`
   */
  kept?: KeptRecord[];
  /** Addresses of the old side, where the zone has no record yet. @default none */
  oldAddresses?: string[];
  /** Seconds, of addresses and of a CNAME; an alias has none of its own, Route 53 gives it 60. @default 60 */
  ttlSeconds?: number;
  /** DNS name of the new load balancer; needed unless `records` is `old`. */
  loadBalancerHostname?: pulumi.Input<string>;
  /**
   * A health check of the first old address. While it fails, Route 53 answers with the new side alone, whatever the weights,
   * and it cannot check private addresses. @default none
   */
  healthCheck?: { type: "HTTP" | "HTTPS"; port: number; path: string };
  /** Tags of the health check. @default none but Name */
  tags?: Tags;
}

/** What Route 53 gives an alias to a load balancer; a CNAME beside one gets the same, or the weights would be skewed. */
const ALIAS_TTL_SECONDS = 60;

/**
 * Old and new side of a name, or of several, as weighted Route 53 records. The old side's records are kept as they stand in the
 * zone, whatever they are: aliases, addresses, AAAA, a CNAME. The new record is an alias that evaluates the target's
 * health; its hosted zone is looked up for the region of the provider. Clients follow a change of weights within one TTL.
 *
 * @example
 * new WeightedDns("api", { zoneId, name: "api.example.com", records: "both", weights: { old: 90, new: 10 }, oldAddresses: ["1.2.3.4"], loadBalancerHostname });
 *
 * @seed aws route53 change-resource-record-sets, SetIdentifier old-infra and new-infra
 * @cost A health check where one is asked for (0.50 USD a month for an endpoint in AWS, 0.75 USD outside; 1 or 2 USD more over HTTPS); queries to alias records are free.
 */
export class WeightedDns extends pulumi.ComponentResource {
  readonly nodes: {
    /** One for each record that answers today. */
    oldRecords: aws.route53.Record[];
    newRecords: aws.route53.Record[];
    oldRecord?: aws.route53.Record;
    newRecord?: aws.route53.Record;
    healthCheck?: aws.route53.HealthCheck;
  };

  constructor(name: string, args: WeightedDnsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:WeightedDns", name, {}, opts);
    const { weights } = args;
    const at = `WeightedDns(${name})`;
    requireText(
      `${at}.name`,
      args.name,
      /^([a-z0-9_]([-a-z0-9]*[a-z0-9])?\.)+([a-z]{2,}|xn--[-a-z0-9]+)$/,
      "a fully qualified lower-case name without a trailing dot",
    );
    requireText(`${at}.zoneId`, args.zoneId, /^Z[A-Z0-9]*$/, "a Route 53 hosted zone id, for example Z1234567890ABC");
    requireNumber(`${at}.ttlSeconds`, args.ttlSeconds, 1, 604_800);
    requireText(`${at}.healthCheck.path`, args.healthCheck?.path, /^\//, "a path that starts with /");
    requireNumber(`${at}.healthCheck.port`, args.healthCheck?.port, 1, 65_535);
    const kept = this.keptOf(args);
    require(args.records === "new" ||
      kept.length > 0, `${at}.oldAddresses`, args.oldAddresses, "at least one address, or a record in the zone that answers today");
    for (const side of ["old", "new"] as const) {
      require(Number.isInteger(weights[side]) && weights[side] >= 0 && weights[side] <= 100, `${at}.weights.${side}`, weights[
        side
      ], "a whole number from 0 to 100");
    }
    require(weights.old + weights.new === 100, `${at}.weights`, weights, "weights that sum to 100");
    require(args.records === "old" ||
      args.loadBalancerHostname !== undefined, `${at}.loadBalancerHostname`, undefined, "the new load balancer's DNS name");

    const healthCheck =
      args.records === "new" || args.healthCheck === undefined ? undefined : this.healthCheck(name, args, kept, args.healthCheck);
    const oldRecords = args.records === "new" ? [] : kept.map((record) => this.oldRecord(name, args, record, healthCheck));
    const newRecords = args.records === "old" ? [] : this.newSides(args, kept).map((side) => this.newRecord(name, args, side));
    const [oldRecord, newRecord] = [oldRecords[0], newRecords[0]];
    this.nodes = {
      oldRecords,
      newRecords,
      ...(oldRecord === undefined ? {} : { oldRecord }),
      ...(newRecord === undefined ? {} : { newRecord }),
      ...(healthCheck === undefined ? {} : { healthCheck }),
    };
    this.registerOutputs({});
  }

  /** Without a record in the zone it is the addresses that the config names. */
  private keptOf({ kept = [], oldAddresses = [], zoneId, name }: WeightedDnsArgs): KeptRecord[] {
    if (kept.length > 0 || oldAddresses.length === 0) return kept;
    return [{ zoneId: zoneId as string, name, type: "A", records: oldAddresses }];
  }

  /** The new side answers for the same names and types as the old one does; once that is gone, for every name. */
  private newSides(args: WeightedDnsArgs, kept: KeptRecord[]): Pick<KeptRecord, "zoneId" | "name" | "type">[] {
    const names = [{ zoneId: args.zoneId as string, name: args.name }, ...(args.also ?? [])];
    return names.flatMap(({ zoneId, name }) => {
      const types = kept.filter((k) => k.name === name && (!isPlain(zoneId) || k.zoneId === zoneId)).map((k) => k.type);
      return (types.length === 0 ? (["A"] as const) : types).map((type) => ({ zoneId, name, type }));
    });
  }

  /** The A record of the host itself keeps the name that it had when it was the only one. */
  private nodeName(
    base: string,
    { zoneId, name: host, type }: Pick<KeptRecord, "zoneId" | "name" | "type">,
    args: WeightedDnsArgs,
  ): string {
    const parts = [
      ...(type === "A" ? [] : [type.toLowerCase()]),
      ...(host === args.name ? [] : [host.replace("*", "any")]),
      ...(host === args.name && zoneId !== args.zoneId ? [zoneId] : []),
    ];
    return [base, ...parts].join("-");
  }

  private oldRecord(
    name: string,
    args: WeightedDnsArgs,
    record: KeptRecord,
    healthCheck: aws.route53.HealthCheck | undefined,
  ): aws.route53.Record {
    const checked = healthCheck !== undefined && record.type === "A" && record.alias === undefined;
    const healthCheckId = checked ? healthCheck.id : record.healthCheckId;
    return new aws.route53.Record(
      this.nodeName(`${name}-old`, record, args),
      {
        zoneId: record.zoneId,
        name: record.name,
        type: record.type,
        setIdentifier: "old-infra",
        weightedRoutingPolicies: [{ weight: args.weights.old }],
        ...(record.alias === undefined ? { ttl: args.ttlSeconds ?? 60, records: record.records ?? [] } : { aliases: [record.alias] }),
        ...(healthCheckId === undefined ? {} : { healthCheckId }),
        // The plain record was turned into this one before, in a change batch of its own (a plain record cannot stand beside weighted ones).
        allowOverwrite: true,
      },
      // While it is the only record, going back to before it was taken over must not leave the name without an answer.
      { parent: this, retainOnDelete: args.records === "old" },
    );
  }

  private newRecord(name: string, args: WeightedDnsArgs, side: Pick<KeptRecord, "zoneId" | "name" | "type">): aws.route53.Record {
    const target = args.loadBalancerHostname ?? "";
    return new aws.route53.Record(
      this.nodeName(`${name}-new`, side, args),
      {
        zoneId: side.zoneId,
        name: side.name,
        type: side.type,
        setIdentifier: "new-infra",
        weightedRoutingPolicies: [{ weight: args.weights.new }],
        // Beside a CNAME Route 53 allows nothing but another one.
        ...(side.type === "CNAME"
          ? { ttl: ALIAS_TTL_SECONDS, records: [target] }
          : { aliases: [{ name: target, zoneId: this.balancerZone().id, evaluateTargetHealth: true }] }),
      },
      { parent: this },
    );
  }

  private zone: pulumi.Output<aws.lb.GetHostedZoneIdResult> | undefined;

  private balancerZone(): pulumi.Output<aws.lb.GetHostedZoneIdResult> {
    this.zone ??= aws.lb.getHostedZoneIdOutput({ loadBalancerType: "application" }, { parent: this });
    return this.zone;
  }

  private healthCheck(
    name: string,
    args: WeightedDnsArgs,
    kept: KeptRecord[],
    { type, port, path }: NonNullable<WeightedDnsArgs["healthCheck"]>,
  ): aws.route53.HealthCheck | undefined {
    const ipAddress = kept.find((k) => k.type === "A" && k.alias === undefined)?.records?.[0];
    // An alias evaluates the health of its own target.
    if (ipAddress === undefined) return undefined;
    return new aws.route53.HealthCheck(
      `${name}-old`,
      {
        type,
        ipAddress,
        fqdn: args.name,
        port,
        resourcePath: path,
        requestInterval: 30,
        failureThreshold: 3,
        tags: { ...args.tags, Name: `${args.name} old side` },
      },
      { parent: this },
    );
  }
}
