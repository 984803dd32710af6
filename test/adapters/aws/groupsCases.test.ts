import { StopInstancesCommand } from "@aws-sdk/client-ec2";
import { CreateListenerCommand, ModifyRuleCommand, RegisterTargetsCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { awsObservation } from "../../../src/adapters/aws/observations.js";
import { instanceUses } from "../../../src/adapters/aws/uses.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { listenerRule } from "../../../src/doctor/listenerRule.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { instances, network } from "./account.js";
import { HOST, type Listeners, listenersIn } from "./listeners.js";

describe("[traffic-7] further listeners and rules", function () {
  this.timeout(180_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let made: Listeners;
  type Listener = Awaited<ReturnType<Listeners["listener"]>>;

  before(async () => {
    clients = moto.clients();
    made = listenersIn(clients, await network(clients));
  });

  const effect = { key: "effect", fence: 1 };
  const cloud = (config: StackConfig) => awsCloudPort(clients, () => config);
  const failed = (config: StackConfig, weights: { old: number; new: number }) =>
    cloud(config)
      .setWeights(weights, effect)
      .then(
        (e) => ({ message: e.summary, next: undefined }),
        (e: Error & { next?: string }) => ({ message: e.message, next: e.next }),
      );
  const weight = async (config: StackConfig) => {
    const reading = await awsObservation(clients, config, "group-weight-new");
    return reading.known ? reading.value : reading.reason;
  };

  /** Refused by the doctor and by the step, in the same words, with nothing changed. */
  async function refused(at: Listener, why: RegExp, mend: RegExp, more: Record<string, unknown> = {}) {
    const config = made.configOf(at, more);
    const before = await made.rulesOf(at);
    const said = (await listenerRule(STACK, config, clients)).find((f) => why.test(f.detail));
    expect(said, String(why)).to.include({ standing: "failed" });
    expect(said?.mend).to.match(mend);
    const error = await cloud(config)
      .adoptRecord(effect)
      .then(
        (e) => `not refused: ${e.summary}`,
        (e: Error) => e.message,
      );
    expect(error).to.contain(said?.detail);
    expect(await made.rulesOf(at)).to.deep.equal(before);
  }

  it("a rule that signs users in, or redirects them, is refused", async () => {
    const at = await made.listener();
    const UserPoolArn = "arn:aws:cognito-idp:us-east-2:123456789012:userpool/us-east-2_1";
    const Actions = [
      {
        Type: "authenticate-cognito" as const,
        Order: 1,
        AuthenticateCognitoConfig: { UserPoolArn, UserPoolClientId: "client", UserPoolDomain: "users" },
      },
      { Type: "forward" as const, Order: 2, TargetGroupArn: at.old },
    ];
    await clients.elb.send(new ModifyRuleCommand({ RuleArn: at.ruleArn, Actions }));
    await refused(at, /signs users in before it forwards \(authenticate-cognito\)/, /^Move by the name instead/);
    const redirect = await made.listener({ Type: "redirect", RedirectConfig: { StatusCode: "HTTP_301", Protocol: "HTTPS", Port: "443" } });
    await refused(redirect, /The rule's action is redirect/, /^Name the rule that forwards/);
  });

  it("a rule of three groups, one whose group has no weight, and one for another host are refused", async () => {
    const groups = await Promise.all([made.group(), made.group(), made.group()]);
    const tuples = (weights: number[]) =>
      groups.slice(0, weights.length).map((TargetGroupArn, i) => ({ TargetGroupArn, Weight: weights[i] }));
    const forward = (weights: number[]) => ({ Type: "forward", ForwardConfig: { TargetGroups: tuples(weights) } });
    const [first = ""] = groups;
    await refused({ ...(await made.listener(forward([5, 3, 0]))), old: first }, /sends to 3 target groups/, /^Give all of its weight/);
    await refused({ ...(await made.listener(forward([0, 0]))), old: first }, /sends to 2 target groups/, /^Give all of its weight/);
    await refused({ ...(await made.listener(forward([0]))), old: first }, /no weight, so nobody is served/, /^Give it a weight/);
    const at = await made.listener();
    const theirs = await made.rule(at.listenerArn, 20, "*.example.org", [{ Type: "forward", TargetGroupArn: at.old }]);
    await refused({ ...at, ruleArn: theirs }, /and not for api\.example\.com/, /^Name the rule that serves it/, { priority: 19 });
    await refused({ ...at, old: at.other }, /default action serves nobody who asks for api\.example\.com/, /^Name that one/, {
      ruleArn: undefined,
      priority: 40_000,
    });
  });

  it("a rule by a pattern of hosts serves the application's host too", async () => {
    const at = await made.listener();
    const Conditions = [{ Field: "host-header", HostHeaderConfig: { Values: ["*.EXAMPLE.com"] } }];
    await clients.elb.send(new ModifyRuleCommand({ RuleArn: at.ruleArn, Conditions }));
    expect((await listenerRule(STACK, made.configOf(at), clients)).map((f) => f.standing)).to.deep.equal(["ok"]);
  });

  it("a load balancer without room for another rule is refused by the account's quota", async () => {
    const at = await made.listener();
    // The last 98 of 100, after the one that serves today.
    for (let i = 0; i < 98; i += 1)
      await made.rule(at.listenerArn, 100 + i, `n${i}.example.org`, [{ Type: "forward", TargetGroupArn: at.other }]);
    await refused(at, /has 100 rules, and the account's quota is 100/, /^Ask for more/);
  });

  it("a cookie of the rule's own that holds users with a group is said", async () => {
    const group = await made.group();
    const TargetGroupStickinessConfig = { Enabled: true, DurationSeconds: 86_400 };
    const TargetGroups = [{ TargetGroupArn: group, Weight: 1 }];
    const at = await made.listener({ Type: "forward", ForwardConfig: { TargetGroups, TargetGroupStickinessConfig } });
    const { summary } = await cloud(made.configOf({ ...at, old: group })).adoptRecord(effect);
    expect(summary).to.contain("AWSALBTG").and.contain("86400 s");
  });

  it("[traffic-7] promise 4: other rules and listeners that send to the old group are named beforehand, and keep its instances from being ended", async () => {
    const at = await made.listener();
    const [instance = ""] = await instances(clients, 1, { Name: "old" });
    await clients.elb.send(new RegisterTargetsCommand({ TargetGroupArn: at.old, Targets: [{ Id: instance }] }));
    // moto's CloudWatch has measured nothing, and of one that does not run there is nothing to measure.
    await clients.ec2.send(new StopInstancesCommand({ InstanceIds: [instance] }));
    const alone = await listenerRule(STACK, made.configOf(at), clients);
    expect(alone.map((f) => f.standing)).to.deep.equal(["ok"]);
    await made.rule(at.listenerArn, 20, "www.example.com", [{ Type: "forward", TargetGroupArn: at.old }]);
    await clients.elb.send(
      new CreateListenerCommand({
        LoadBalancerArn: at.arn,
        Protocol: "HTTP",
        Port: 8080,
        DefaultActions: [{ Type: "forward", TargetGroupArn: at.old }],
      }),
    );
    const config = made.configOf(at);
    const [, warned] = await listenerRule(STACK, config, clients);
    expect(warned).to.include({ standing: "warning" });
    expect(warned?.detail).to.contain('rule 20 [["host-header","www.example.com"]] of port 80').and.contain("of port 8080");
    const old = { ...(config.old as NonNullable<StackConfig["old"]>), instanceIds: [instance], endpoints: [] };
    const uses = await instanceUses(clients, { ...config, old }, 3_600, Date.now());
    expect(uses.detail.split("; ").filter((u) => u.includes("sends to the old target group"))).to.have.length(2);
    expect(uses.detail).to.contain("www.example.com");
  });

  it("promise 11: a rule of cutover's that comes after the one of today, or has a group more, shows no weight; the way back stays open", async () => {
    const at = await made.listener();
    const [fresh, third] = await Promise.all([made.group(), made.group()]);
    const config = made.configOf(at);
    const own = await made.ownRule(at, fresh, 11);
    expect(await weight(config)).to.contain("comes after the rule that serves today (10)");
    const elsewhere = await made.listener();
    const moved = made.configOf(elsewhere);
    const theirs = await made.ownRule(elsewhere, fresh);
    const groups = [elsewhere.old, fresh, third].map((TargetGroupArn, i) => ({ TargetGroupArn, Weight: [80, 20, 0][i] }));
    const put = (TargetGroups: object[]) =>
      clients.elb.send(new ModifyRuleCommand({ RuleArn: theirs, Actions: [{ Type: "forward", ForwardConfig: { TargetGroups } }] }));
    await put(groups);
    expect(await weight(moved)).to.contain("sends to 2 target groups beside the old one");
    expect((await failed(moved, { old: 50, new: 50 })).message).to.contain("take out those that it was not made with");
    expect((await failed(moved, { old: 100, new: 0 })).message).to.contain("old target group 100, new target group 0");
    // A page that somebody put there by hand: what to do is said.
    const page = { Type: "fixed-response" as const, FixedResponseConfig: { StatusCode: "503" } };
    await clients.elb.send(new ModifyRuleCommand({ RuleArn: own, Actions: [page] }));
    const stuck = await failed(config, { old: 100, new: 0 });
    expect(stuck.message).to.contain("no target group of the old side");
    expect(stuck.next).to.contain(`aws elbv2 delete-rule --rule-arn ${own}`);
  });

  it("names at a listener of another kind, paths to other processes and other protocols are refused in the stack config", async () => {
    const at = await made.listener();
    const { "cutover:dns": _, ...raw } = RAW;
    const { arn, listenerArn, ruleArn, old } = at;
    const traffic = { kind: "target-groups", listenerArn, ruleArn, priority: 9, oldTargetGroupArn: old };
    const read = (changes: Record<string, unknown>, more: object = {}) => {
      try {
        readConfig(patched({ ...raw, "cutover:traffic": { ...traffic, ...more } }, changes), "test", STACK);
        return "accepted";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(read({})).to.equal("accepted");
    expect(read({}, { listenerArn: listenerArn.replace("/app/", "/net/") })).to.contain("a listener of an Application Load Balancer");
    expect(read({}, { listenerArn: arn })).to.contain("a listener of an Application Load Balancer");
    expect(read({ "ingress.protocolVersion": "GRPC" })).to.contain("HTTP1 beside traffic.kind target-groups");
    const services = { api: { kind: "service", image: "ghcr.io/your-org/api:1.0.0", containerPort: 8080 } };
    expect(read({ processes: services, "ingress.routes": [{ path: "/api", process: "api" }] })).to.contain("no routes beside traffic.kind");
    expect(read({}, { kind: "both" })).to.contain("move by target groups first, then the name by a migration of its own");
    expect(HOST).to.equal((raw["cutover:ingress"] as { host: string }).host);
  });
});
