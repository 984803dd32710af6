import {
  CreateListenerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DescribeRulesCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { STACK_TAG, type StackConfig } from "../../../src/config/schema.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { RAW, STACK } from "../../automation/model.js";
import { loadBalancer, type network } from "./account.js";

export const HOST = "api.example.com";

/** Listeners, rules and target groups of one account, with names of their own, and the stack config that moves by them. */
export function listenersIn(clients: AwsClients, net: Awaited<ReturnType<typeof network>>) {
  let names = 0;

  async function group(more: { ProtocolVersion?: string } = {}): Promise<string> {
    names += 1;
    const { TargetGroups = [] } = await clients.elb.send(
      new CreateTargetGroupCommand({ Name: `group-${names}`, Protocol: "HTTP", Port: 80, VpcId: net.vpcId, ...more }),
    );
    return TargetGroups[0]?.TargetGroupArn ?? "";
  }

  /** A load balancer of several applications: another one's rule 5, the application's rule 10 by its host, a default. */
  async function listener(forward?: object) {
    names += 1;
    const arn = await loadBalancer(clients, `shared-${names}`, net.subnetIds);
    const [old, other] = [await group(), await group()];
    const { Listeners = [] } = await clients.elb.send(
      new CreateListenerCommand({
        LoadBalancerArn: arn,
        Protocol: "HTTP",
        Port: 80,
        DefaultActions: [{ Type: "forward", TargetGroupArn: other }],
      }),
    );
    const listenerArn = Listeners[0]?.ListenerArn ?? "";
    await rule(listenerArn, 5, "other.example.com", [{ Type: "forward", TargetGroupArn: other }]);
    const ruleArn = await rule(listenerArn, 10, HOST, [(forward as undefined) ?? { Type: "forward", TargetGroupArn: old }]);
    return { arn, listenerArn, ruleArn, old, other };
  }

  async function rule(listenerArn: string, priority: number, host: string, actions: object[], tags: Record<string, string> = {}) {
    const { Rules = [] } = await clients.elb.send(
      new CreateRuleCommand({
        ListenerArn: listenerArn,
        Priority: priority,
        Conditions:
          host === "*"
            ? [{ Field: "path-pattern", PathPatternConfig: { Values: ["*"] } }]
            : [{ Field: "host-header", HostHeaderConfig: { Values: [host] } }],
        Actions: actions as { Type: "forward" }[],
        ...(Object.keys(tags).length === 0 ? {} : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
      }),
    );
    return Rules[0]?.RuleArn ?? "";
  }

  /** Cutover's own, as its program makes it. */
  const ownRule = (at: Awaited<ReturnType<typeof listener>>, fresh: string, priority = 9, host = HOST) =>
    rule(
      at.listenerArn,
      priority,
      host,
      [
        {
          Type: "forward",
          ForwardConfig: {
            TargetGroups: [
              { TargetGroupArn: at.old, Weight: 100 },
              { TargetGroupArn: fresh, Weight: 0 },
            ],
            TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 1 },
          },
        },
      ],
      { [STACK_TAG]: STACK },
    );

  function configOf(at: Awaited<ReturnType<typeof listener>>, more: Record<string, unknown> = {}): StackConfig {
    const { "cutover:dns": _, ...raw } = RAW;
    const traffic = {
      kind: "target-groups",
      listenerArn: at.listenerArn,
      ruleArn: at.ruleArn,
      priority: 9,
      oldTargetGroupArn: at.old,
      records: "both",
      ...more,
    };
    return readConfig(patched({ ...raw, "cutover:traffic": traffic }, { "workload.deployed": true }), "test", STACK);
  }

  const rulesOf = async ({ listenerArn }: { listenerArn: string }) => {
    const { Rules = [] } = await clients.elb.send(new DescribeRulesCommand({ ListenerArn: listenerArn }));
    return new Map(Rules.map((r) => [r.RuleArn ?? "", JSON.stringify(r)]));
  };
  return { group, listener, rule, ownRule, configOf, rulesOf };
}
export type Listeners = ReturnType<typeof listenersIn>;
