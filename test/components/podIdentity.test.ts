import { expect } from "chai";
import { PodIdentity } from "../../src/components/index.js";
import type { StackConfig } from "../../src/config/schema.js";
import { type ConfigPatch, patched, readConfig } from "../../src/config/stackFile.js";
import { UserError } from "../../src/errors.js";
import { RAW, STACK } from "../automation/model.js";
import { programOf } from "../support/samples.js";
import { only, registered } from "./harness.js";

const PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
const STATEMENTS = [
  { actions: ["s3:GetObject", "s3:PutObject"], resources: ["arn:aws:s3:::reports/*"] },
  { actions: ["ses:SendEmail"], resources: ["*"] },
];
const config = (patch: ConfigPatch): StackConfig => readConfig(patched(RAW, patch), "test", STACK);
const app = (identity: object) => programOf(config({ identity, "workload.deployed": true }));

describe("how pods call AWS", () => {
  it("[applications-13] makes a role that trusts the one ServiceAccount, and associates it before the pods are made", async () => {
    const all = await app({ kind: "pod-identity", statements: STATEMENTS });
    const role = only(all, "iam/role:Role");
    expect(role.name).to.equal("web-api-production-pods");
    expect(JSON.parse(role.assumeRolePolicy).Statement).to.deep.equal([
      {
        Effect: "Allow",
        Principal: { Service: "pods.eks.amazonaws.com" },
        Action: ["sts:AssumeRole", "sts:TagSession"],
        Condition: {
          StringEquals: {
            "aws:RequestTag/eks-cluster-name": "production",
            "aws:RequestTag/kubernetes-namespace": "production",
            "aws:RequestTag/kubernetes-service-account": "web-api",
          },
        },
      },
    ]);
    expect(JSON.parse(only(all, "rolePolicy:RolePolicy").policy).Statement).to.deep.equal([
      { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: ["arn:aws:s3:::reports/*"] },
      { Effect: "Allow", Action: ["ses:SendEmail"], Resource: ["*"] },
    ]);
    const association = only(all, "PodIdentityAssociation");
    const roleArn = "arn:aws:iam::123456789012:role/web-api-production-pods";
    expect(association).to.include({ clusterName: "production", namespace: "production", serviceAccount: "web-api", roleArn });
    expect(association.tags).to.include({ "cutover:stack": STACK });
    expect(only(all, "core/v1:ServiceAccount").metadata.annotations ?? {}).not.to.have.property("eks.amazonaws.com/role-arn");
    const order = all.map((r) => r.type);
    expect(order.findIndex((t) => t.endsWith("PodIdentityAssociation"))).to.be.below(order.findIndex((t) => t.endsWith(":Deployment")));
  });

  it("[applications-13] by the cluster's OIDC provider the ServiceAccount's annotation names the role", async () => {
    const all = await app({ kind: "irsa", statements: STATEMENTS, oidcProviderArn: PROVIDER });
    const issuer = PROVIDER.slice(PROVIDER.indexOf("/") + 1);
    expect(JSON.parse(only(all, "iam/role:Role").assumeRolePolicy).Statement[0]).to.deep.include({
      Principal: { Federated: PROVIDER },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: {
        StringEquals: { [`${issuer}:sub`]: "system:serviceaccount:production:web-api", [`${issuer}:aud`]: "sts.amazonaws.com" },
      },
    });
    expect(only(all, "core/v1:ServiceAccount").metadata.annotations).to.include({
      "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/web-api-production-pods",
    });
    expect(all.filter((r) => r.type.endsWith("PodIdentityAssociation"))).to.have.length(0);
  });

  it("[applications-13] takes a role that is there and makes none, in either way", async () => {
    const roleArn = "arn:aws:iam::123456789012:role/theirs";
    const associated = await app({ kind: "pod-identity", roleArn });
    expect(only(associated, "PodIdentityAssociation")).to.include({ roleArn });
    const annotated = await app({ kind: "irsa", roleArn });
    expect(only(annotated, "core/v1:ServiceAccount").metadata.annotations).to.include({ "eks.amazonaws.com/role-arn": roleArn });
    for (const all of [associated, annotated]) expect(all.filter((r) => r.type.includes("iam/"))).to.have.length(0);
  });

  for (const [what, identity, path, accepted] of [
    ["neither a role nor statements", { kind: "pod-identity" }, "identity", "either roleArn"],
    ["both", { kind: "pod-identity", roleArn: "arn:aws:iam::1:role/x", statements: STATEMENTS }, "identity", "either roleArn"],
    ["a role that is made without its provider", { kind: "irsa", statements: STATEMENTS }, "identity.oidcProviderArn", "OIDC provider"],
    [
      "all actions of a service",
      { kind: "pod-identity", statements: [{ actions: ["s3:*"], resources: ["*"] }] },
      "identity.statements.0.actions.0",
      "s3:Get*",
    ],
    [
      "a bucket's name for an ARN",
      { kind: "pod-identity", statements: [{ actions: ["s3:GetObject"], resources: ["reports"] }] },
      "identity.statements.0.resources.0",
      "an ARN",
    ],
    [
      "a policy that IAM would not take",
      { kind: "pod-identity", statements: [{ actions: ["s3:GetObject"], resources: [`arn:aws:s3:::${"x".repeat(10_300)}`] }] },
      "identity.statements",
      "10240 characters",
    ],
    [
      "a name for a role that is there",
      { kind: "pod-identity", roleArn: "arn:aws:iam::123456789012:role/x", roleName: "y" },
      "identity.roleName",
      "only beside statements",
    ],
    ["another kind", { kind: "instance-profile" }, "identity", "pod-identity"],
  ] as const)
    it(`refuses ${what}, by the field`, () => {
      expect(() => config({ identity }))
        .to.throw(UserError)
        .with.property("message")
        .that.contains(path)
        .and.contains(accepted);
    });

  it("refuses a second role beside workload.roleArn", () => {
    const roleArn = "arn:aws:iam::123456789012:role/x";
    expect(() => config({ identity: { kind: "irsa", roleArn }, "workload.roleArn": roleArn }))
      .to.throw()
      .with.property("message")
      .that.contains("workload.roleArn");
  });

  it("refuses a name that IAM would not take, as a component too", async () => {
    const make = () =>
      new PodIdentity("a".repeat(40), {
        kind: "pod-identity",
        namespace: "a".repeat(40),
        clusterName: "c",
        policy: { Version: "2012-10-17", Statement: [] },
      });
    expect(
      await registered(make).then(
        () => "made",
        (e: Error) => e.message,
      ),
    ).to.contain("at most 64 characters");
  });
});
