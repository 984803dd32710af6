import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { require, requireNumber, requireText } from "./checks.js";
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
  /** Addresses of the old side. */
  oldAddresses: string[];
  /** Seconds, of the old record; an alias has none of its own. @default 60 */
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

/**
 * Old and new side of one name as weighted Route 53 records. The new record is an alias that evaluates the target's
 * health; its hosted zone is looked up for the region of the provider. Clients follow a change of weights within one TTL.
 *
 * @example
 * new WeightedDns("api", { zoneId, name: "api.example.com", records: "both", weights: { old: 90, new: 10 }, oldAddresses: ["1.2.3.4"], loadBalancerHostname });
 *
 * @seed aws route53 change-resource-record-sets, SetIdentifier old-infra and new-infra
 * @cost A health check where one is asked for (0.50 USD a month for an endpoint in AWS, 0.75 USD outside; 1 or 2 USD more over HTTPS); queries to alias records are free.
 */
export class WeightedDns extends pulumi.ComponentResource {
  readonly nodes: { oldRecord?: aws.route53.Record; newRecord?: aws.route53.Record; healthCheck?: aws.route53.HealthCheck };

  constructor(name: string, args: WeightedDnsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:WeightedDns", name, {}, opts);
    const { weights } = args;
    const at = `WeightedDns(${name})`;
    requireText(
      `${at}.name`,
      args.name,
      /^([a-z0-9_]([-a-z0-9]*[a-z0-9])?\.)+[a-z]{2,}$/,
      "a fully qualified lower-case name without a trailing dot",
    );
    requireText(`${at}.zoneId`, args.zoneId, /^Z[A-Z0-9]*$/, "a Route 53 hosted zone id, for example Z1234567890ABC");
    requireNumber(`${at}.ttlSeconds`, args.ttlSeconds, 1, 604_800);
    requireText(`${at}.healthCheck.path`, args.healthCheck?.path, /^\//, "a path that starts with /");
    requireNumber(`${at}.healthCheck.port`, args.healthCheck?.port, 1, 65_535);
    require(args.records === "new" || args.oldAddresses.length > 0, `${at}.oldAddresses`, args.oldAddresses, "at least one address");
    for (const side of ["old", "new"] as const) {
      require(Number.isInteger(weights[side]) && weights[side] >= 0 && weights[side] <= 100, `${at}.weights.${side}`, weights[
        side
      ], "a whole number from 0 to 100");
    }
    require(weights.old + weights.new === 100, `${at}.weights`, weights, "weights that sum to 100");
    require(args.records === "old" ||
      args.loadBalancerHostname !== undefined, `${at}.loadBalancerHostname`, undefined, "the new load balancer's DNS name");

    const healthCheck =
      args.records === "new" || args.healthCheck === undefined ? undefined : this.healthCheck(name, args, args.healthCheck);
    const oldRecord = args.records === "new" ? undefined : this.oldRecord(name, args, healthCheck);
    const newRecord = args.records === "old" ? undefined : this.newRecord(name, args);
    this.nodes = {
      ...(oldRecord === undefined ? {} : { oldRecord }),
      ...(newRecord === undefined ? {} : { newRecord }),
      ...(healthCheck === undefined ? {} : { healthCheck }),
    };
    this.registerOutputs({});
  }

  private oldRecord(name: string, args: WeightedDnsArgs, healthCheck: aws.route53.HealthCheck | undefined): aws.route53.Record {
    return new aws.route53.Record(
      `${name}-old`,
      {
        zoneId: args.zoneId,
        name: args.name,
        type: "A",
        setIdentifier: "old-infra",
        weightedRoutingPolicies: [{ weight: args.weights.old }],
        ttl: args.ttlSeconds ?? 60,
        records: args.oldAddresses,
        ...(healthCheck === undefined ? {} : { healthCheckId: healthCheck.id }),
        // The plain record was turned into this one before, in a change batch of its own (a plain record cannot stand beside weighted ones).
        allowOverwrite: true,
      },
      // While it is the only record, going back to before it was taken over must not leave the name without an answer.
      { parent: this, retainOnDelete: args.records === "old" },
    );
  }

  private newRecord(name: string, args: WeightedDnsArgs): aws.route53.Record {
    const zone = aws.lb.getHostedZoneIdOutput({ loadBalancerType: "application" }, { parent: this });
    return new aws.route53.Record(
      `${name}-new`,
      {
        zoneId: args.zoneId,
        name: args.name,
        type: "A",
        setIdentifier: "new-infra",
        weightedRoutingPolicies: [{ weight: args.weights.new }],
        aliases: [{ name: args.loadBalancerHostname ?? "", zoneId: zone.id, evaluateTargetHealth: true }],
      },
      { parent: this },
    );
  }

  private healthCheck(
    name: string,
    args: WeightedDnsArgs,
    { type, port, path }: NonNullable<WeightedDnsArgs["healthCheck"]>,
  ): aws.route53.HealthCheck {
    return new aws.route53.HealthCheck(
      `${name}-old`,
      {
        type,
        ipAddress: args.oldAddresses[0] ?? "",
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
