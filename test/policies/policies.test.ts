import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { parseStackConfig } from "../../src/config/schema.js";
import { UserError } from "../../src/errors.js";
import { enforcePolicies, explained, violationsOf, type Waiver } from "../../src/policies/enforce.js";
import { type Declared, POLICIES } from "../../src/policies/policies.js";
import { SEALED, UNKNOWN } from "../../src/policies/resource.js";
import { registered } from "../components/harness.js";
import { expectGenerated, markdownTable } from "../support/generated.js";

const container = (change: object = {}) => ({
  name: "web-api",
  image: "ghcr.io/your-org/web-api:1.0.0",
  resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "512Mi" } },
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
  ...change,
});
const pod = (change: object = {}, of: object = {}): Declared => ({
  type: "kubernetes:apps/v1:Deployment",
  props: { spec: { template: { spec: { securityContext: { runAsNonRoot: true }, containers: [container(of)], ...change } } } },
});
const database = (change: object): Declared => ({
  type: "aws:rds/instance:Instance",
  props: {
    publiclyAccessible: false,
    storageEncrypted: true,
    deletionProtection: true,
    skipFinalSnapshot: false,
    backupRetentionPeriod: 7,
    ...change,
  },
});
const group = (rule: object): Declared => ({
  type: "aws:ec2/securityGroup:SecurityGroup",
  props: { ingress: [{ protocol: "tcp", fromPort: 5432, toPort: 5432, securityGroups: ["sg-1"], ...rule }] },
});
const ingress = (annotations: object): Declared => ({
  type: "kubernetes:networking.k8s.io/v1:Ingress",
  props: { metadata: { annotations } },
});
const binding = (spec: object): Declared => ({ type: "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding", props: { spec } });
const ALB = "alb.ingress.kubernetes.io";
const role = (rule: object): Declared => ({
  type: "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
  props: { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"], ...rule }] },
});

/** By policy: resources that break it, each with the path that the message must name. */
const BREAKS: Record<string, [Declared, string][]> = {
  "no-public-database": [
    [database({ publiclyAccessible: true }), "publiclyAccessible"],
    [database({ publiclyAccessible: undefined }), "publiclyAccessible"],
  ],
  "no-plain-text-secret": [
    [{ type: "kubernetes:core/v1:Secret", props: { stringData: { "database-url": "postgresql://u:p@h/d" } } }, "stringData.database-url"],
    [{ type: "kubernetes:core/v1:ConfigMap", props: { data: { API_TOKEN: "abc" } } }, "data.API_TOKEN"],
    [pod({}, { env: [{ name: "DATABASE_URL", value: "postgresql://u:p@h/d" }] }), "spec.template.spec.containers[0].env[0]"],
    [database({ password: "hunter2" }), "password"],
  ],
  "encryption-at-rest": [
    [database({ storageEncrypted: false }), "storageEncrypted"],
    [{ type: "aws:ebs/volume:Volume", props: {} }, "encrypted"],
    [{ type: "aws:efs/fileSystem:FileSystem", props: { encrypted: false } }, "encrypted"],
    [{ type: "aws:elasticache/replicationGroup:ReplicationGroup", props: {} }, "atRestEncryptionEnabled"],
  ],
  "encryption-in-transit": [
    [ingress({ [`${ALB}/ssl-redirect`]: "443" }), `metadata.annotations["${ALB}/certificate-arn"]`],
    [ingress({ [`${ALB}/certificate-arn`]: "arn:c" }), `metadata.annotations["${ALB}/ssl-redirect"]`],
  ],
  "modern-tls": [
    [ingress({ [`${ALB}/ssl-redirect`]: "443" }), `metadata.annotations["${ALB}/ssl-policy"]`],
    [ingress({ [`${ALB}/ssl-policy`]: "ELBSecurityPolicy-2016-08" }), `metadata.annotations["${ALB}/ssl-policy"]`],
    [ingress({ [`${ALB}/ssl-policy`]: "ELBSecurityPolicy-TLS13-1-0-2021-06" }), `metadata.annotations["${ALB}/ssl-policy"]`],
  ],
  "pause-before-stop": [
    [
      pod({ terminationGracePeriodSeconds: 40 }, { lifecycle: { preStop: { sleep: { seconds: 40 } } } }),
      "spec.template.spec.terminationGracePeriodSeconds",
    ],
    // Kubernetes' own default is 30 s.
    [pod({}, { lifecycle: { preStop: { sleep: { seconds: 40 } } } }), "spec.template.spec.terminationGracePeriodSeconds"],
  ],
  "own-target-groups": [
    [binding({ targetGroupARN: "arn:theirs", targetType: "ip" }), "spec.multiClusterTargetGroup"],
    [binding({ targetGroupARN: UNKNOWN, targetType: "instance" }), "spec.targetType"],
  ],
  "deletion-protection": [
    [database({ deletionProtection: false }), "deletionProtection"],
    [database({ skipFinalSnapshot: true }), "skipFinalSnapshot"],
  ],
  backups: [
    [database({ backupRetentionPeriod: 1 }), "backupRetentionPeriod"],
    [database({ backupRetentionPeriod: undefined }), "backupRetentionPeriod"],
  ],
  "least-privilege-security-groups": [
    [group({ cidrBlocks: ["0.0.0.0/0"] }), "ingress[0].cidrBlocks"],
    [group({ ipv6CidrBlocks: ["::/0"] }), "ingress[0].cidrBlocks"],
    [group({ protocol: "-1" }), "ingress[0].protocol"],
    [group({ fromPort: 0, toPort: 65_535 }), "ingress[0].fromPort"],
    [
      { type: "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", props: { ipProtocol: "tcp", cidrIpv4: "0.0.0.0/0" } },
      "cidrBlocks",
    ],
  ],
  "least-privilege-rbac": [
    [role({ verbs: ["*"] }), "rules[0].verbs"],
    [role({ apiGroups: ["*"] }), "rules[0].apiGroups"],
  ],
  "pinned-images": [
    [pod({}, { image: "nginx" }), "spec.template.spec.containers[0].image"],
    [pod({}, { image: "nginx:latest" }), "spec.template.spec.containers[0].image"],
  ],
  "restricted-pods": [
    [pod({ securityContext: {} }), "spec.template.spec.securityContext.runAsNonRoot"],
    [pod({ hostNetwork: true }), "spec.template.spec.hostNetwork"],
    [pod({}, { securityContext: { allowPrivilegeEscalation: true, readOnlyRootFilesystem: true } }), "allowPrivilegeEscalation"],
    [pod({}, { securityContext: { allowPrivilegeEscalation: false } }), "readOnlyRootFilesystem"],
    [
      pod({}, { securityContext: { privileged: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true } }),
      "securityContext.privileged",
    ],
    [pod({ initContainers: [container({ securityContext: {} })] }), "spec.template.spec.initContainers[0]"],
    [
      pod({}, { securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { add: ["SYS_ADMIN"] } } }),
      "securityContext.capabilities.add",
    ],
    [pod({ securityContext: { runAsNonRoot: true, runAsUser: 0 } }), "spec.template.spec.securityContext.runAsUser"],
  ],
  "bounded-resources": [[pod({}, { resources: { requests: { cpu: "1", memory: "1Gi" } } }), "containers[0].resources.limits.memory"]],
};

/** The cases that a policy is there for. */
const CASES: Record<string, string> = {
  "modern-tls": "[traffic-18] ",
  "pause-before-stop": "[traffic-8] ",
  "own-target-groups": "[traffic-15] ",
};

const judged = (resource: Declared, waivers: Waiver[] = []) => violationsOf("thing", resource, waivers);

describe("the policies", () => {
  it("have each a resource that breaks it here", () => {
    expect(Object.keys(BREAKS).sort()).to.deep.equal(POLICIES.map((p) => p.name).sort());
  });

  for (const [policy, broken] of Object.entries(BREAKS)) {
    it(`${CASES[policy] ?? ""}${policy} finds what breaks it, names the path, and can be waived by name`, () => {
      for (const [resource, path] of broken) {
        const found = judged(resource).filter((v) => v.policy === policy);
        expect(
          found.map((f) => f.path),
          JSON.stringify(resource),
        ).to.satisfy((paths: string[]) => paths.length > 0 && paths.every((p) => p.includes(path)));
        const reason = "accepted for a test";
        expect(judged(resource, [{ policy, reason }]).filter((v) => v.policy === policy)).to.deep.equal([]);
        expect(judged(resource, [{ policy, resource: "thing", reason }]).filter((v) => v.policy === policy)).to.deep.equal([]);
        expect(judged(resource, [{ policy, resource: "other", reason }]).filter((v) => v.policy === policy)).to.have.length(found.length);
      }
    });
  }

  it("[traffic-15] [traffic-18] find nothing in what is right, in a replica, and in what is not known yet", () => {
    const { deletionProtection: _, backupRetentionPeriod: __, ...replica } = database({ replicateSourceDb: "arn:x" }).props;
    for (const resource of [
      database({}),
      { type: "aws:rds/instance:Instance", props: { ...replica, skipFinalSnapshot: true } },
      group({}),
      pod(),
      { type: "kubernetes:core/v1:Secret", props: { stringData: { "database-url": SEALED } } },
      { type: "kubernetes:core/v1:Secret", props: { stringData: SEALED } },
      ingress({
        [`${ALB}/certificate-arn`]: UNKNOWN,
        [`${ALB}/ssl-redirect`]: "443",
        [`${ALB}/ssl-policy`]: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      }),
      pod({ terminationGracePeriodSeconds: 75 }, { lifecycle: { preStop: { sleep: { seconds: 40 } } } }),
      binding({ targetGroupARN: "arn:theirs", targetType: "ip", multiClusterTargetGroup: true }),
      binding({ targetGroupARN: UNKNOWN, targetType: "ip" }),
      { type: "kubernetes:networking.k8s.io/v1:Ingress", props: { metadata: UNKNOWN } },
      database({ storageEncrypted: UNKNOWN, publiclyAccessible: UNKNOWN }),
    ])
      expect(judged(resource), JSON.stringify(resource.props)).to.deep.equal([]);
  });

  it("never show a secret in a message", () => {
    for (const [resource] of BREAKS["no-plain-text-secret"] ?? [])
      for (const violated of judged(resource)) expect(explained(violated)).to.not.match(/hunter2|:p@h|abc/);
  });

  it("keep a resource from being registered, also when the value comes from another one", async () => {
    const count = async (publiclyAccessible: pulumi.Input<boolean>, waivers: Waiver[] = []) => {
      const all = await registered(() => {
        enforcePolicies(waivers);
        const args = { ...database({}).props, publiclyAccessible, instanceClass: "db.t4g.small" };
        new aws.rds.Instance("db", args as aws.rds.InstanceArgs);
      });
      return all.length;
    };
    expect(await count(true)).to.equal(0);
    expect(await count(pulumi.output(Promise.resolve(true)))).to.equal(0);
    expect(await count(false)).to.equal(1);
    expect(await count(true, [{ policy: "no-public-database", reason: "a public sandbox" }])).to.equal(1);
  });

  it("are waived in the stack config by a name that exists, with a reason", () => {
    const base = {
      application: { name: "a", environment: "staging", criticality: "low" },
      cluster: { name: "c" },
      workload: { image: "a/b:1" },
      strategy: { kind: "rolling", image: "a/b:2" },
    };
    const parse = (waivers: object[]) => () => parseStackConfig({ ...base, policies: { waivers } }, "test");
    expect(parse([{ policy: "backups", reason: "test data, made again every night" }])().policies.waivers).to.have.length(1);
    expect(parse([{ policy: "no-such-policy", reason: "because of that" }])).to.throw(UserError, "one of no-public-database, ");
    expect(parse([{ policy: "backups" }])).to.throw(UserError, "policies.waivers.0.reason");
    expect(parse([{ policy: "backups", reason: "short" }])).to.throw(UserError, "a reason of at least 10 characters");
  });

  it("stand in docs/policies.md", () =>
    expectGenerated(
      "docs/policies.md",
      `${[
        "<!-- Made by test/policies/policies.test.ts; CUTOVER_WRITE_DOCS=1 writes it again. -->",
        "# Policies",
        "Every resource of the program is checked before the engine hears of it, in previews as in updates, from the service as from the shell. A violation stops the step with the policy's name and the property's path.",
        markdownTable(
          ["policy", "what it makes sure of"],
          POLICIES.map((p) => [`\`${p.name}\``, p.title]),
        ),
        "A policy is waived by name in the stack config, for one resource (its name in the program) or for all. The reason is part of the config, so it stands in the journal with the person who began the migration, and in the report:",
        "```yaml\ncutover:policies:\n  waivers:\n    - policy: backups\n      resource: web-api\n      reason: a copy for load tests, made again every night\n```",
      ].join("\n\n")}\n`,
    ));
});
