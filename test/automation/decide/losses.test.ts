import { expect } from "chai";
import { lossesOf } from "../../../src/automation/decide/losses.js";
import type { ResourceChange } from "../../../src/automation/journal/records.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { RAW, STACK } from "../model.js";

const change = (op: ResourceChange["op"], type: string, name = "web-api"): ResourceChange => ({
  urn: `u::${name}`,
  type,
  name,
  op,
  diff: [],
});
const config = (patch: ConfigPatch) => readConfig(patched(RAW, patch), "a config", STACK);
const DEPLOYED: ConfigPatch = {
  "workload.deployed": true,
  "strategy.green": true,
  "strategy.greenWeight": 50,
  "dns.records": "both",
  "database.role": "replica",
};
const GONE: ConfigPatch = { "workload.deployed": false, "dns.records": "old", "strategy.green": false, "strategy.greenWeight": 0 };
const found = (changes: ResourceChange[], before: ConfigPatch = {}, after: ConfigPatch = before) =>
  lossesOf(changes, config({ ...DEPLOYED, ...before }), config({ ...DEPLOYED, ...after })).map((l) => `${l.op} ${l.type}`);

/** One of each that carries users or holds data, and what of the config makes it go. */
const CARRIERS: [type: string, goes: ConfigPatch | undefined, name?: string][] = [
  ["kubernetes:apps/v1:Deployment", { "strategy.blue": false, "strategy.greenWeight": 100 }],
  ["kubernetes:apps/v1:StatefulSet", undefined],
  ["kubernetes:argoproj.io/v1alpha1:Rollout", GONE],
  ["kubernetes:core/v1:Service", GONE],
  ["kubernetes:core/v1:Secret", GONE],
  ["kubernetes:core/v1:PersistentVolumeClaim", undefined],
  ["kubernetes:core/v1:Namespace", undefined],
  ["kubernetes:networking.k8s.io/v1:Ingress", GONE],
  ["kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", { "cluster.provides": ["argo-rollouts"] }],
  ["kubernetes:apps/v1:Deployment", { "cluster.provides": ["argo-rollouts"] }, "argo-rollouts"],
  ["aws:route53/record:Record", { "dns.records": "old" }],
  ["aws:acm/certificate:Certificate", GONE],
  ["aws:rds/instance:Instance", undefined],
  ["aws:ec2/securityGroup:SecurityGroup", { "database.role": "absent" }],
  ["aws:kms/key:Key", undefined],
];

describe("promise 7: what stops a step until it is approved by name", () => {
  for (const [type, goes, name] of CARRIERS) {
    it(`[providers-15] ${name ?? ""} ${type}: replaced always, deleted where ${goes === undefined ? "anything" : "the config does not say that it goes"}`, () => {
      expect(found([change("replace", type, name)])).to.deep.equal([`replace ${type}`]);
      expect(found([change("delete", type, name)])).to.deep.equal([`delete ${type}`]);
      expect(found([change("update", type, name), change("create", type, name)])).to.deep.equal([]);
      if (goes === undefined) return;
      expect(found([change("delete", type, name)], {}, goes), "the step takes it away").to.deep.equal([]);
      expect(found([change("replace", type, name)], {}, goes)).to.deep.equal([`replace ${type}`]);
    });
  }

  it("what neither holds data nor carries users goes as the engine says", () => {
    const types = [
      "kubernetes:policy/v1:PodDisruptionBudget",
      "kubernetes:batch/v1:Job",
      "aws-native:cloudwatch:Alarm",
      "pulumi:pulumi:Stack",
    ];
    expect(found(types.flatMap((t) => [change("replace", t), change("delete", t)]))).to.deep.equal([]);
  });

  it("a change of weights explains no deletion", () => {
    const gone = [change("delete", "kubernetes:apps/v1:Deployment"), change("delete", "aws:route53/record:Record")];
    expect(found(gone, {}, { "strategy.greenWeight": 75, "dns.weights": { old: 90, new: 10 } })).to.have.length(2);
  });
});
