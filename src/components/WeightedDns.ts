import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { isPlain, require } from "./support.js";

export interface WeightedDnsArgs {
  /** Route 53 hosted zone. */
  zoneId: pulumi.Input<string>;
  /** The name that clients ask for. */
  name: string;
  /** Which records exist. Both do until the cleanup. */
  records: "old" | "both" | "new";
  /** Whole percent; sums to 100. */
  weights: { old: number; new: number };
  /** Addresses of the old side. */
  oldAddresses: string[];
  /** Seconds, of the old record; an alias has none of its own. @default 60 */
  ttlSeconds?: number;
  /** DNS name of the new load balancer; needed unless `records` is `old`. */
  loadBalancerHostname?: pulumi.Input<string>;
  /** Path that health checks of the old side ask for. Absent: no health check. */
  healthCheckPath?: string;
}

/**
 * Old and new side of one name as weighted Route 53 records (seed: old-infra, new-infra). The new record is an alias
 * that evaluates the target's health; its hosted zone is looked up for the stack's region.
 *
 * @example
 * new WeightedDns("api", { zoneId, name: "api.example.com", records: "both", weights: { old: 90, new: 10 }, oldAddresses: ["1.2.3.4"], loadBalancerHostname });
 */
export class WeightedDns extends pulumi.ComponentResource {
  readonly nodes: { oldRecord?: aws.route53.Record; newRecord?: aws.route53.Record; healthCheck?: aws.route53.HealthCheck };

  constructor(name: string, args: WeightedDnsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:WeightedDns", name, {}, opts);
    const { weights } = args;
    for (const side of ["old", "new"] as const) {
      require(Number.isInteger(weights[side]) &&
        weights[side] >= 0 &&
        weights[side] <= 100, `WeightedDns(${name}).weights.${side}`, weights[side], "a whole number from 0 to 100");
    }
    require(weights.old + weights.new === 100, `WeightedDns(${name}).weights`, weights, "weights that sum to 100");
    require(args.records === "old" ||
      args.loadBalancerHostname !== undefined, `WeightedDns(${name}).loadBalancerHostname`, undefined, "the new load balancer's DNS name");

    const healthCheck =
      args.records === "new" || args.healthCheckPath === undefined ? undefined : this.healthCheck(name, args, args.healthCheckPath);
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

  private healthCheck(name: string, args: WeightedDnsArgs, path: string): aws.route53.HealthCheck {
    const address = args.oldAddresses[0];
    require(address !== undefined && isPlain(address), `WeightedDns(${name}).oldAddresses`, args.oldAddresses, "at least one address");
    return new aws.route53.HealthCheck(
      `${name}-old`,
      {
        type: "HTTP",
        ipAddress: address ?? "",
        fqdn: args.name,
        port: 80,
        resourcePath: path,
        requestInterval: 30,
        failureThreshold: 3,
        tags: { Name: `${args.name} old side` },
      },
      { parent: this },
    );
  }
}
