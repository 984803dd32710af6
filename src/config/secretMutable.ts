import { UserError } from "../errors.js";

/**
 * The Kubernetes provider's option that lets a Secret change in place. Without it a changed Secret is deleted and made again, and
 * with it the Deployment whose pods read it. Source: forceNewProperties in pulumi-kubernetes, provider/pkg/provider/diff.go.
 */
export const SECRET_MUTABLE = { key: "kubernetes:enableSecretMutable", variable: "PULUMI_K8S_ENABLE_SECRET_MUTABLE" };

/** What a Pulumi.yaml says of it, so that it holds for whoever runs the program. */
export const SECRET_MUTABLE_CONFIG = { [SECRET_MUTABLE.key]: { value: true } };

/**
 * Refuses to go on where the provider would replace Secrets.
 * @param configured of the stack or the project; it beats the variable, as in the provider
 * @throws UserError
 */
export function requireMutableSecrets(configured: string | undefined, variable = process.env[SECRET_MUTABLE.variable]): void {
  const value = configured ?? variable;
  if (value === "true") return;
  throw new UserError(
    {
      path: SECRET_MUTABLE.key,
      got: value ?? "nothing",
      accepted: "true: otherwise a changed secret deletes the Deployment with all its pods",
    },
    { next: `Put it in Pulumi.yaml: config: { "${SECRET_MUTABLE.key}": { value: true } }, and in no stack's file otherwise.` },
  );
}
