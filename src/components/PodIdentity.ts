import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { require, requireName } from "./checks.js";
import type { Tags } from "./support.js";

export interface PodIdentityArgs {
  /** `pod-identity` associates the role with the ServiceAccount in EKS; of `irsa` the ServiceAccount's annotation names it. */
  kind: "pod-identity" | "irsa";
  /** Namespace of the ServiceAccount. */
  namespace: string;
  /** The ServiceAccount that the pods run as. @default the component's name */
  serviceAccount?: string;
  /** The EKS cluster, for `pod-identity`. */
  clusterName: string;
  /** A role that is there. @default one is made from `policy` */
  roleArn?: string | undefined;
  /** What the role that is made may do: an IAM policy document. */
  policy?: aws.iam.PolicyDocument;
  /** Name of the role that is made, unique in the account. @default NAME-NAMESPACE-pods */
  roleName?: string | undefined;
  /** ARN of the cluster's OIDC provider, which the role that is made trusts; for `irsa`. */
  oidcProviderArn?: string | undefined;
  /** Policy that bounds the role that is made. @default none */
  permissionsBoundaryArn?: string | undefined;
  /** Tags of the role and the association. @default none */
  tags?: Tags;
}

/** Longest name of a role: IAM and AWS STS quotas. */
const LONGEST_NAME = 64;

/**
 * How an application's pods call AWS, in place of the old instance profile: EKS Pod Identity, or IRSA, with a role of their own that
 * trusts this one ServiceAccount alone, or with one that is there. Pods get credentials when they are made: whatever runs them depends
 * on this component.
 *
 * @example
 * new PodIdentity("web-api", { kind: "pod-identity", clusterName: "production", namespace: "production", policy: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::reports/*"] }] } });
 *
 * @seed S3 for file storage
 * @cost None: IAM and Pod Identity cost nothing.
 */
export class PodIdentity extends pulumi.ComponentResource {
  /** The pods' role. */
  readonly roleArn: pulumi.Output<string>;
  readonly nodes: { role?: aws.iam.Role; policy?: aws.iam.RolePolicy; association?: aws.eks.PodIdentityAssociation };

  constructor(name: string, args: PodIdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:PodIdentity", name, {}, opts);
    const at = `PodIdentity(${name})`;
    requireName(`${at}.namespace`, args.namespace);
    const { roleArn, policy, kind } = args;
    require((roleArn === undefined) !== (policy === undefined), `${at}.policy`, policy, "a policy for a role that is made, or roleArn");
    require(kind !== "irsa" ||
      policy === undefined ||
      args.oidcProviderArn !== undefined, `${at}.oidcProviderArn`, undefined, "the cluster's OIDC provider");
    const account = { namespace: args.namespace, serviceAccount: args.serviceAccount ?? name };
    const made = policy === undefined ? undefined : this.role(name, args, account, policy);
    this.roleArn = made?.role.arn ?? pulumi.output(roleArn ?? "");
    const association =
      kind === "irsa"
        ? undefined
        : new aws.eks.PodIdentityAssociation(
            name,
            { ...account, clusterName: args.clusterName, roleArn: this.roleArn, tags: args.tags ?? {} },
            // The role may do what the pods need before they get it.
            { parent: this, ...(made === undefined ? {} : { dependsOn: [made.policy] }) },
          );
    this.nodes = { ...made, ...(association === undefined ? {} : { association }) };
    this.registerOutputs({ roleArn: this.roleArn });
  }

  private role(name: string, args: PodIdentityArgs, account: Account, policy: aws.iam.PolicyDocument) {
    const roleName = args.roleName ?? `${name}-${args.namespace}-pods`;
    require(roleName.length <= LONGEST_NAME, `PodIdentity(${name}).roleName`, roleName, `at most ${LONGEST_NAME} characters`);
    const role = new aws.iam.Role(
      name,
      {
        name: roleName,
        description: `Pods of ${name} in ${args.namespace}`,
        assumeRolePolicy: JSON.stringify(trust(args, account)),
        ...(args.permissionsBoundaryArn === undefined ? {} : { permissionsBoundary: args.permissionsBoundaryArn }),
        tags: args.tags ?? {},
      },
      { parent: this },
    );
    return {
      role,
      policy: new aws.iam.RolePolicy(name, { name: "pods", role: role.name, policy: JSON.stringify(policy) }, { parent: this }),
    };
  }
}

interface Account {
  namespace: string;
  serviceAccount: string;
}

/**
 * Who may assume it: the one ServiceAccount.
 * https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html and …/associate-service-account-role.html; Pod Identity's session
 * tags say which ServiceAccount of which cluster asks (…/pod-id-abac.html).
 */
function trust({ kind, oidcProviderArn = "", clusterName }: PodIdentityArgs, { namespace, serviceAccount }: Account) {
  if (kind === "pod-identity")
    return {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "pods.eks.amazonaws.com" },
          Action: ["sts:AssumeRole", "sts:TagSession"],
          Condition: {
            StringEquals: {
              "aws:RequestTag/eks-cluster-name": clusterName,
              "aws:RequestTag/kubernetes-namespace": namespace,
              "aws:RequestTag/kubernetes-service-account": serviceAccount,
            },
          },
        },
      ],
    };
  const issuer = oidcProviderArn.slice(oidcProviderArn.indexOf("/") + 1);
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: oidcProviderArn },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: {
          StringEquals: {
            [`${issuer}:sub`]: `system:serviceaccount:${namespace}:${serviceAccount}`,
            [`${issuer}:aud`]: "sts.amazonaws.com",
          },
        },
      },
    ],
  };
}
