import {
  CreateListenerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { expect } from "chai";
import { balancerOf } from "../../../src/adapters/aws/balancer.js";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { type AwsReading, awsObservation } from "../../../src/adapters/aws/observations.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { instances, loadBalancer, network } from "./account.js";

const CONFIG = readConfig(RAW, "test", STACK);
const STACK_TAG = "ingress.k8s.aws/stack";

describe("the load balancer of an Ingress", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let net: Awaited<ReturnType<typeof network>>;
  let targets: string[];
  let groups = 0;

  before(async () => {
    clients = moto.clients();
    net = await network(clients);
    targets = await instances(clients, 2, { Name: "target" });
  });

  /** A target group as the controller makes one, for a Service of an Ingress. */
  async function group(resource: string, of: string[], family = "ingress.k8s.aws"): Promise<string> {
    groups += 1;
    const { TargetGroups = [] } = await clients.elb.send(
      new CreateTargetGroupCommand({
        Name: `group-${groups}`,
        Protocol: "HTTP",
        Port: 3000,
        VpcId: net.vpcId,
        Tags: [{ Key: `${family}/resource`, Value: resource }],
      }),
    );
    const TargetGroupArn = TargetGroups[0]?.TargetGroupArn ?? "";
    if (of.length > 0) await clients.elb.send(new RegisterTargetsCommand({ TargetGroupArn, Targets: of.map((Id) => ({ Id })) }));
    return TargetGroupArn;
  }

  /** A listener whose rules forward by host, as the controller writes them; anything else is a 404. */
  async function rules(LoadBalancerArn: string, byHost: Record<string, [arn: string, weight: number][]>): Promise<void> {
    const DefaultActions = [{ Type: "fixed-response" as const, FixedResponseConfig: { StatusCode: "404" } }];
    const { Listeners = [] } = await clients.elb.send(
      new CreateListenerCommand({ LoadBalancerArn, Protocol: "HTTP", Port: 80, DefaultActions }),
    );
    for (const [i, [host, weights]] of Object.entries(byHost).entries())
      await clients.elb.send(
        new CreateRuleCommand({
          ListenerArn: Listeners[0]?.ListenerArn,
          Priority: i + 1,
          Conditions: [{ Field: "host-header", HostHeaderConfig: { Values: [host] } }],
          Actions: [
            {
              Type: "forward",
              ForwardConfig: { TargetGroups: weights.map(([TargetGroupArn, Weight]) => ({ TargetGroupArn, Weight })) },
            },
          ],
        }),
      );
  }

  const read = async (name: AwsReading, config: StackConfig, host?: string) => {
    const reading = await awsObservation(clients, config, name, async () => host);
    return reading.known ? reading.value : reading.reason;
  };

  it("[traffic-16] one that several applications share is found by the Ingress's host name, and read by the application's own rules", async () => {
    const arn = await loadBalancer(clients, "k8s-shared", net.subnetIds, { [STACK_TAG]: "everybody" });
    const mine = [await group("production/web-api-web-api-blue:80", targets), await group("production/web-api-web-api-green:80", targets)];
    const theirs = [await group("production/shop-shop-blue:80", []), await group("production/shop-shop-green:80", targets)];
    await rules(arn, {
      "shop.example.com": [
        [theirs[0] as string, 100],
        [theirs[1] as string, 0],
      ],
      "api.example.com": [
        [mine[0] as string, 25],
        [mine[1] as string, 75],
      ],
    });
    expect(await balancerOf(clients, CONFIG)).to.equal(undefined);
    const shared = await balancerOf(clients, CONFIG, async () => "k8s-shared-1.us-east-2.elb.amazonaws.com");
    expect(shared?.arn).to.equal(arn);
    const host = `dualstack.${shared?.dnsName.toUpperCase()}`;
    expect(await read("green-weight", CONFIG, host)).to.equal(75);
    // The other application's group without targets is not this one's.
    expect(await read("targets-healthy", CONFIG, host)).to.equal(1);
  });

  it("[traffic-16] two clusters with one namespace and name: each finds its own, in both families of tags", async () => {
    const other = await loadBalancer(clients, "other", net.subnetIds, {
      [STACK_TAG]: "production/web-api",
      "elbv2.k8s.aws/cluster": "blue",
    });
    const own = await loadBalancer(clients, "own", net.subnetIds, {
      "ingress.eks.amazonaws.com/stack": "production/web-api",
      "eks:eks-cluster-name": CONFIG.cluster.name,
    });
    expect((await balancerOf(clients, CONFIG))?.arn).to.equal(own);
    expect((await balancerOf(clients, { ...CONFIG, cluster: { ...CONFIG.cluster, name: "blue" } }))?.arn).to.equal(other);
  });

  it("[traffic-16] an application named web-canary is no canary; the Rollout's Services count by whole names", async () => {
    const application = { ...CONFIG.application, name: "web-canary" };
    const config = { ...CONFIG, application };
    const arn = await loadBalancer(clients, "canary", net.subnetIds, {});
    const root = await group("production/web-canary-web-canary:80", targets);
    const ping = await group("production/web-canary-web-canary-ping:80", targets);
    await rules(arn, {
      "api.example.com": [
        [root, 60],
        [ping, 40],
      ],
    });
    expect(await read("rollout-share", config, "canary-1.us-east-2.elb.amazonaws.com")).to.equal(40);
  });

  it("[traffic-17] pods that are ready and that the load balancer does not know are not healthy targets", async () => {
    const arn = await loadBalancer(clients, "closed", net.subnetIds, {});
    const blue = await group("production/web-api-web-api-blue:80", targets);
    const green = await group("production/web-api-web-api-green:80", []);
    await rules(arn, {
      "api.example.com": [
        [blue, 100],
        [green, 0],
      ],
    });
    const host = "closed-1.us-east-2.elb.amazonaws.com";
    expect(await read("targets-healthy", CONFIG, host)).to.be.closeTo(2 / 3, 0.001);
    await clients.elb.send(new RegisterTargetsCommand({ TargetGroupArn: green, Targets: targets.map((Id) => ({ Id })) }));
    expect(await read("targets-healthy", CONFIG, host)).to.equal(1);
  });
});
