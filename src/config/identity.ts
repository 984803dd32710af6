import { z } from "zod";
import { arn } from "./primitives.js";

/** Characters that IAM allows a role's inline policies without white space: IAM and AWS STS quotas. */
const LARGEST_POLICY = 10_240;

const statement = z.strictObject({
  /** `s3:Get*` at the widest: all of a service's actions, or of all services, are more than an application needs. */
  actions: z
    .array(z.string().regex(/^[a-z0-9-]+:[A-Za-z]+\*?$/, "an action by its name, for example s3:GetObject or s3:Get*"))
    .min(1, "at least one action"),
  resources: z
    .array(z.string().regex(/^(\*|arn:aws[a-z-]*:[a-z0-9-]+:[^\s]*)$/, "an ARN, or * for actions that name no resource"))
    .min(1, "at least one resource"),
});

const role = {
  /** A role that is there. Who may assume it is its owner's matter: `cutover doctor` does not look. @default it is made from `statements` */
  roleArn: arn("iam")
    .refine((a) => a.includes(":role/"), "an ARN of an IAM role")
    .optional(),
  /** What the pods may do; a role for them alone is made. */
  statements: z
    .array(statement)
    .min(1, "at least one statement")
    .refine((all) => JSON.stringify(policyOf(all)).length <= LARGEST_POLICY, `a policy of at most ${LARGEST_POLICY} characters`)
    .optional(),
  /** Name of the role that is made, unique in the account. @default APPLICATION-NAMESPACE-pods */
  roleName: z
    .string()
    .regex(/^[\w+=,.@-]{1,64}$/, "1 to 64 letters, digits and _+=,.@-")
    .optional(),
  /** Policy that bounds the role that is made, where the account asks for one. @default none */
  permissionsBoundaryArn: arn("iam").optional(),
};

/** How the pods call AWS, in place of the old instance profile. @default they have no permissions there */
export const identity = z
  .discriminatedUnion(
    "kind",
    [
      /** EKS Pod Identity: the cluster has the add-on eks-pod-identity-agent. */
      z.strictObject({ kind: z.literal("pod-identity"), ...role }),
      /** A role for the ServiceAccount, by the cluster's OIDC provider. */
      z.strictObject({
        kind: z.literal("irsa"),
        ...role,
        /** The cluster's provider in IAM. Needed for a role that is made. */
        oidcProviderArn: z
          .string()
          .regex(/^arn:aws[a-z-]*:iam::\d{12}:oidc-provider\/[^\s/]+(\/[^\s]+)?$/, "an ARN of an OIDC provider in IAM")
          .optional(),
      }),
    ],
    { error: 'an identity of kind "pod-identity" or "irsa"' },
  )
  .optional();

export type Identity = NonNullable<z.output<typeof identity>>;

/** As IAM takes it. */
export const policyOf = (statements: z.output<typeof statement>[]) => ({
  Version: "2012-10-17" as const,
  Statement: statements.map(({ actions, resources }) => ({ Effect: "Allow" as const, Action: actions, Resource: resources })),
});

interface WhoCalls {
  workload: { roleArn?: string | undefined };
  identity?: Identity | undefined;
}

/** What it must have in itself, and beside `workload.roleArn`. */
export function* identityChecks({ workload, identity: of }: WhoCalls): Generator<{ path: string[]; accepted: string }> {
  if (of === undefined) return;
  if (workload.roleArn !== undefined)
    yield {
      path: ["workload", "roleArn"],
      accepted: "one of workload.roleArn and identity: identity has the same as roleArn with kind irsa",
    };
  if ((of.roleArn === undefined) === (of.statements === undefined))
    yield { path: ["identity"], accepted: "either roleArn, a role that is there, or statements, from which one is made" };
  if (of.kind === "irsa" && of.statements !== undefined && of.oidcProviderArn === undefined)
    yield { path: ["identity", "oidcProviderArn"], accepted: "the cluster's OIDC provider, which the role that is made trusts" };
  for (const key of ["roleName", "permissionsBoundaryArn"] as const)
    if (of.roleArn !== undefined && of[key] !== undefined)
      yield { path: ["identity", key], accepted: "only beside statements: the role that roleArn names is not changed" };
}
