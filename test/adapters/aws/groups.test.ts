import {
  DeleteRuleCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { type AwsReading, awsObservation } from "../../../src/adapters/aws/observations.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { listenerRule } from "../../../src/doctor/listenerRule.js";
import { STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { instances, network } from "./account.js";
import { HOST, type Listeners, listenersIn } from "./listeners.js";

describe("[traffic-7] weighted target groups of the load balancer that serves today, on AWS", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let made: Listeners;
  type Listener = Awaited<ReturnType<Listeners["listener"]>>;
  const group: Listeners["group"] = (...of) => made.group(...of);
  const listener: Listeners["listener"] = (...of) => made.listener(...of);
  const rule: Listeners["rule"] = (...of) => made.rule(...of);
  const ownRule: Listeners["ownRule"] = (...of) => made.ownRule(...of);
  const configOf: Listeners["configOf"] = (...of) => made.configOf(...of);
  const rulesOf: Listeners["rulesOf"] = (...of) => made.rulesOf(...of);

  before(async () => {
    clients = moto.clients();
    made = listenersIn(clients, await network(clients));
  });

  let effects = 0;
  const effect = () => {
    effects += 1;
    return { key: `effect ${effects}`, fence: 1 };
  };
  const value = async (config: StackConfig, name: AwsReading) => {
    const reading = await awsObservation(clients, config, name);
    return reading.known ? reading.value : reading.reason;
  };
  it("are looked at by the doctor beforehand, rule by rule, and nothing is changed", async () => {
    const at = await listener();
    const before = await rulesOf(at);
    const [fine, ...others] = await listenerRule(STACK, configOf(at), clients);
    expect([fine?.standing, others.length]).to.deep.equal(["ok", 0]);
    expect(fine?.detail).to.contain("Rule 10 sends");
    const late = await listenerRule(STACK, configOf(at, { priority: 11 }), clients);
    expect(late.map((f) => f.standing)).to.deep.equal(["failed"]);
    expect(late[0]?.detail).to.contain("comes after the rule that serves today");
    expect(late[0]?.mend).to.contain("hoose a free number");
    const gone = await listenerRule(STACK, configOf(at, { ruleArn: `${at.ruleArn.slice(0, -4)}0000` }), clients);
    expect(gone.map((f) => f.standing)).to.deep.equal(["failed"]);
    expect(await rulesOf(at)).to.deep.equal(before);
  });

  it("are set in one call at cutover's own rule, shown by it, and touch no other rule", async () => {
    const at = await listener();
    const fresh = await group();
    const config = configOf(at);
    const cloud = awsCloudPort(clients, () => config);
    const looked = await cloud.adoptRecord(effect());
    expect(looked.summary).to.contain("Rule 10 sends").and.contain("stays as it is");
    expect(await value(config, "group-weight-new")).to.equal(0);
    const before = await rulesOf(at);
    const own = await ownRule(at, fresh);
    for (const weight of [25, 100, 0]) {
      await cloud.setWeights({ old: 100 - weight, new: weight }, effect());
      expect(await value(config, "group-weight-new")).to.equal(weight);
    }
    const after = await rulesOf(at);
    expect(after.get(own)).to.contain('"DurationSeconds":1');
    after.delete(own);
    expect([...after]).to.deep.equal([...before]);
  });

  it("leave everybody where they are when cutover's rule does not stand, and send nobody to a side that the rule does not have", async () => {
    const at = await listener();
    const fresh = await group();
    const config = configOf(at);
    const cloud = awsCloudPort(clients, () => config);
    const failed = (weights: { old: number; new: number }) =>
      cloud.setWeights(weights, effect()).then(
        (e) => e.summary,
        (e: Error) => e.message,
      );
    expect(await failed({ old: 100, new: 0 })).to.contain("the rule of today sends everybody to the old side");
    expect(await failed({ old: 0, new: 100 })).to.contain("nothing to set weights of");
    // Somebody else's rule in its place is not cutover's.
    const foreign = await rule(at.listenerArn, 9, HOST, [{ Type: "forward", TargetGroupArn: at.other }]);
    expect(await failed({ old: 0, new: 100 })).to.contain("nothing to set weights of");
    await clients.elb.send(new DeleteRuleCommand({ RuleArn: foreign }));
    // Sent back by hand, to the old group alone.
    const own = await ownRule(at, fresh);
    await clients.elb.send(new ModifyRuleCommand({ RuleArn: own, Actions: [{ Type: "forward", TargetGroupArn: at.old }] }));
    expect(await value(config, "group-weight-new")).to.equal(0);
    expect(await failed({ old: 0, new: 100 }))
      .to.contain("promise 2")
      .and.contain("no target group of the new side");
  });

  it("are found wherever somebody has put cutover's rule, and are unknown once the rule of today asks for other requests", async () => {
    const at = await listener();
    const fresh = await group();
    const config = configOf(at);
    const cloud = awsCloudPort(clients, () => config);
    await ownRule(at, fresh, 7);
    await cloud.setWeights({ old: 50, new: 50 }, effect());
    expect(await value(config, "group-weight-new")).to.equal(50);
    const Conditions = [{ Field: "host-header", HostHeaderConfig: { Values: [HOST, "www.example.com"] } }];
    await clients.elb.send(new ModifyRuleCommand({ RuleArn: at.ruleArn, Conditions }));
    expect(await value(config, "group-weight-new"))
      .to.contain("asks for other requests")
      .and.contain("www.example.com");
    // And still the way back waits for nothing.
    await cloud.setWeights({ old: 100, new: 0 }, effect());
    expect([...(await rulesOf(at)).values()].join()).to.contain("www.example.com");
  });

  it("stand before a default action too", async () => {
    const at = await listener();
    await clients.elb.send(new DeleteRuleCommand({ RuleArn: at.ruleArn }));
    const config = configOf({ ...at, old: at.other }, { ruleArn: undefined, priority: 40_000 });
    const cloud = awsCloudPort(clients, () => config);
    expect((await cloud.adoptRecord(effect())).summary).to.contain("Rule default sends");
    await ownRule({ ...at, old: at.other }, await group(), 40_000, "*");
    await cloud.setWeights({ old: 10, new: 90 }, effect());
    expect(await value(config, "group-weight-new")).to.equal(90);
  });

  it("are refused by name where the rule does more than send to the old group, or where others' rules come between", async () => {
    const said = async (at: Listener, more: Record<string, unknown> = {}) => {
      const config = configOf(at, more);
      return awsCloudPort(clients, () => config)
        .adoptRecord(effect())
        .then(
          (e) => e.summary,
          (e: Error) => e.message,
        );
    };
    const at = await listener();
    expect(await said(at, { priority: 11 })).to.contain("comes after the rule that serves today (10)");
    expect(await said(at, { priority: 5 }))
      .to.contain("Rules of others stand between")
      .and.contain("Choose a free number above 5");
    expect(await said(at, { oldTargetGroupArn: at.other }))
      .to.contain(`name that one in traffic.oldTargetGroupArn`)
      .and.contain(at.old);
    expect(await said(at, { ruleArn: `${at.ruleArn.slice(0, -4)}0000` })).to.contain("There is no rule");
    expect(await said(await listener({ Type: "fixed-response", FixedResponseConfig: { StatusCode: "503" } }))).to.contain("fixed-response");
    const [a, b] = [await group(), await group()];
    const two = await listener({
      Type: "forward",
      ForwardConfig: { TargetGroups: [a, b].map((TargetGroupArn) => ({ TargetGroupArn, Weight: 1 })) },
    });
    expect(await said({ ...two, old: a })).to.contain("sends to 2 target groups");
  });

  it("say of sticky and slowly starting targets what is done about them", async () => {
    const at = await listener();
    await clients.elb.send(
      new ModifyTargetGroupAttributesCommand({
        TargetGroupArn: at.old,
        Attributes: [
          { Key: "stickiness.enabled", Value: "true" },
          { Key: "slow_start.duration_seconds", Value: "60" },
        ],
      }),
    );
    const config = configOf(at);
    const { summary } = await awsCloudPort(clients, () => config).adoptRecord(effect());
    expect(summary).to.contain("its targets are sticky").and.contain("for one second").and.contain("starts targets slowly (60 s)");
  });

  it("have healthy targets where each side's own group has them", async () => {
    const at = await listener();
    const fresh = await group();
    const config = configOf(at);
    await ownRule(at, fresh);
    const [instance = ""] = await instances(clients, 1, { Name: "old" });
    expect(await value(config, "targets-healthy")).to.equal(0);
    await clients.elb.send(new RegisterTargetsCommand({ TargetGroupArn: at.old, Targets: [{ Id: instance }] }));
    expect(await value(config, "old-targets-healthy")).to.equal(1);
    // The pods that the binding would have registered are not there.
    expect(await value(config, "targets-healthy")).to.equal(0);
    await clients.elb.send(new RegisterTargetsCommand({ TargetGroupArn: fresh, Targets: [{ Id: instance }] }));
    expect(await value(config, "targets-healthy")).to.equal(1);
  });
});
