import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { require, requireName, requireNumber } from "./checks.js";
import type { RuleCondition } from "./keptRule.js";
import type { Tags } from "./support.js";

export interface WeightedGroupsArgs {
  /** Kubernetes namespace of the Service. */
  namespace: pulumi.Input<string>;
  /** Service whose pods are registered in the new target group. */
  serviceName: pulumi.Input<string>;
  /** Port of the Service. @default 80 */
  servicePort?: number;
  /** Port of the pods. @default 3000 */
  containerPort?: number;
  /** Listener of the load balancer that users keep. */
  listenerArn: string;
  /** The load balancer: its VPC is the new group's, and its security groups may reach the pods. */
  loadBalancerArn: string;
  /** Number of the rule: before the one that serves today, and free. */
  priority: number;
  /** What the rule that serves today asks of a request. */
  conditions: RuleCondition[];
  /** Target group of the old instances. Nothing is ever registered in it. */
  oldTargetGroupArn: string;
  /** Which sides the rule sends to. Both do until the cleanup. */
  records: "both" | "new";
  /** Percent of requests for each side, as whole numbers that sum to 100. */
  weights: { old: number; new: number };
  /** How the load balancer asks the pods. */
  healthCheck: {
    /** Path of the request. */
    path: string;
    /** Answers that count as healthy. @default "200" */
    successCodes?: string;
    /** Seconds between two requests. @default 15 */
    intervalSeconds?: number;
    /** Seconds until a request counts as failed. @default 5 */
    timeoutSeconds?: number;
    /** Good answers in a row until a target is healthy. @default 2 */
    healthyThreshold?: number;
    /** Bad answers in a row until it is not. @default 2 */
    unhealthyThreshold?: number;
  };
  /** How long requests of a pod that leaves may take to end. @default 30 */
  deregistrationSeconds?: number;
  /** How long a client stays with the pod that answered it first. @default not at all */
  stickySeconds?: number;
  /** Tags of the target group and of the rule. @default none */
  tags?: Tags;
}

/**
 * Moves the users of a load balancer that stays: a new target group of the cluster's pods, bound by the AWS Load Balancer Controller,
 * and a rule of its own right before the one that serves today, which sends to the old group and to the new one by weight.
 *
 * @example
 * const groups = new WeightedGroups("web-api", {
 *   namespace: "production", serviceName: "web-api", listenerArn, loadBalancerArn, priority: 9, conditions,
 *   oldTargetGroupArn, records: "both", weights: { old: 90, new: 10 }, healthCheck: { path: "/health" },
 * });
 *
 * The rule of today is never changed, nor is any other: removing this one gives everything back. The controller deregisters
 * whatever else a group holds, so the pods never go into the old one. Where the old group is sticky, so must the rule be: for one
 * second, since nobody may stay on a side that has no weight any more.
 *
 * @seed Weighted Routing During Cutover, over the load balancer in place of DNS
 * @cost None of its own: the load balancer is there already.
 */
export class WeightedGroups extends pulumi.ComponentResource {
  /** ARN of the new target group. */
  readonly targetGroupArn: pulumi.Output<string>;
  readonly nodes: { group: aws.lb.TargetGroup; binding: k8s.apiextensions.CustomResource; rule: aws.lb.ListenerRule };

  constructor(name: string, args: WeightedGroupsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:WeightedGroups", name, {}, opts);
    const at = `WeightedGroups(${name})`;
    const { weights } = args;
    requireName(`${at}.namespace`, args.namespace);
    requireNumber(`${at}.priority`, args.priority, 1, 50_000);
    requireNumber(`${at}.stickySeconds`, args.stickySeconds, 1, 604_800);
    require(weights.old + weights.new === 100, `${at}.weights`, weights, "weights that sum to 100");
    require(args.records === "both" || weights.old === 0, `${at}.weights.old`, weights.old, "0 once the old group has left the rule");
    require(args.conditions.length > 0, `${at}.conditions`, args.conditions, "at least one condition of the rule that serves today");

    const balancer = aws.lb.getLoadBalancerOutput({ arn: args.loadBalancerArn }, { parent: this });
    const group = this.group(name, args, balancer.vpcId);
    // The rule first: until a rule names a group, its targets are not even asked for their health.
    const rule = this.rule(name, args, group);
    const binding = this.binding(name, args, group, balancer, rule);
    this.targetGroupArn = group.arn;
    this.nodes = { group, binding, rule };
    this.registerOutputs({ targetGroupArn: this.targetGroupArn });
  }

  private group(name: string, args: WeightedGroupsArgs, vpcId: pulumi.Input<string>): aws.lb.TargetGroup {
    const { healthCheck: h } = args;
    return new aws.lb.TargetGroup(
      name,
      {
        // A name is 32 characters at most, and a replacement stands beside what it replaces.
        namePrefix: `${name.replaceAll("-", "").slice(0, 5)}-`,
        targetType: "ip",
        port: args.containerPort ?? 3_000,
        protocol: "HTTP",
        vpcId,
        deregistrationDelay: args.deregistrationSeconds ?? 30,
        ...(args.stickySeconds === undefined
          ? {}
          : { stickiness: { type: "lb_cookie", enabled: true, cookieDuration: args.stickySeconds } }),
        healthCheck: {
          path: h.path,
          matcher: h.successCodes ?? "200",
          interval: h.intervalSeconds ?? 15,
          timeout: h.timeoutSeconds ?? 5,
          healthyThreshold: h.healthyThreshold ?? 2,
          unhealthyThreshold: h.unhealthyThreshold ?? 2,
        },
        tags: args.tags ?? {},
      },
      { parent: this },
    );
  }

  private rule(name: string, args: WeightedGroupsArgs, group: aws.lb.TargetGroup): aws.lb.ListenerRule {
    const old = { arn: args.oldTargetGroupArn, weight: args.weights.old };
    return new aws.lb.ListenerRule(
      name,
      {
        listenerArn: args.listenerArn,
        priority: args.priority,
        conditions: args.conditions,
        actions: [
          {
            type: "forward",
            forward: {
              targetGroups: [...(args.records === "both" ? [old] : []), { arn: group.arn, weight: args.weights.new }],
              ...(args.records === "both" ? { stickiness: this.stickiness(args) } : {}),
            },
          },
        ],
        tags: args.tags ?? {},
      },
      { parent: this },
    );
  }

  /** Elastic Load Balancing asks for it as soon as the targets of one of the groups are sticky; one second keeps nobody. */
  private stickiness({ oldTargetGroupArn, stickySeconds }: WeightedGroupsArgs): pulumi.Output<{ enabled: boolean; duration: number }> {
    const old = aws.lb.getTargetGroupOutput({ arn: oldTargetGroupArn }, { parent: this });
    return old.stickiness.apply(({ enabled }) => ({ enabled: enabled || stickySeconds !== undefined, duration: 1 }));
  }

  private binding(
    name: string,
    args: WeightedGroupsArgs,
    group: aws.lb.TargetGroup,
    balancer: pulumi.Output<aws.lb.GetLoadBalancerResult>,
    rule: aws.lb.ListenerRule,
  ): k8s.apiextensions.CustomResource {
    return new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "elbv2.k8s.aws/v1beta1",
        kind: "TargetGroupBinding",
        metadata: { name, namespace: args.namespace },
        spec: {
          targetGroupARN: group.arn,
          targetType: "ip",
          vpcID: balancer.vpcId,
          serviceRef: { name: args.serviceName, port: args.servicePort ?? 80 },
          networking: {
            ingress: [
              {
                from: balancer.securityGroups.apply((ids) => ids.map((groupID) => ({ securityGroup: { groupID } }))),
                ports: [{ protocol: "TCP", port: args.containerPort ?? 3_000 }],
              },
            ],
          },
        },
      },
      { parent: this, dependsOn: [rule] },
    );
  }
}
