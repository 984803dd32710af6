import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { UserError } from "../errors.js";
import { rememberSecret } from "../lib/secrets.js";

/** A secret of the stack's config, decrypted by the engine each time: it is kept nowhere else. */
export async function secretOf(
  { root, env = {} }: { root: string; env?: Record<string, string> },
  stack: string,
  key: string,
): Promise<string> {
  const workspace = await LocalWorkspace.create({ workDir: root, envVars: env });
  const { value } = await workspace.getConfig(stack, `cutover:secrets.${key}`, true).catch((cause: Error) => {
    throw new UserError(
      { path: `cutover:secrets.${key}`, accepted: "a secret that the engine can decrypt" },
      { cause, next: `Set it: pulumi config set --secret --path 'cutover:secrets.${key}' --stack ${stack}` },
    );
  });
  rememberSecret(value);
  return value;
}
