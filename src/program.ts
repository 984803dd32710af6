import * as pulumi from "@pulumi/pulumi";
import { keptRecords } from "./components/keptRecords.js";
import { MigratedApp } from "./components/MigratedApp.js";
import { liveOf } from "./config/live.js";
import { namesOf } from "./config/names.js";
import { parseStackConfig, readStackConfig, SECTIONS, type StackConfig, stackName } from "./config/schema.js";
import { requireMutableSecrets } from "./config/secretMutable.js";
import { UserError } from "./errors.js";
import { enforcePolicies } from "./policies/enforce.js";

/**
 * The Pulumi program: one application's target state from its stack config. The service runs it inline, `pulumi up`
 * through src/index.mjs; both read the same config and end in the same state.
 */
export const program = (): Promise<Record<string, unknown>> => targetState(parseStackConfig);

/** The same for a config that a journal holds: it was checked when it came in, and a way back to it is never refused by newer checks. */
export const applied = (): Promise<Record<string, unknown>> => targetState(readStackConfig);

async function targetState(read: (input: Record<string, unknown>, file: string) => StackConfig): Promise<Record<string, unknown>> {
  const settings = new pulumi.Config("cutover");
  const input: Record<string, unknown> = {};
  for (const section of SECTIONS) {
    if (section === "secrets") continue;
    const value = settings.getObject(section);
    if (value !== undefined) input[section] = value;
  }
  const secrets = pulumi.output(settings.getSecretObject<Record<string, string>>("secrets")).apply((s) => s ?? {});
  // For the checks it counts which secrets there are, not what they are.
  input.secrets = Object.fromEntries(
    Object.keys(settings.getObject<Record<string, string>>("secrets") ?? {}).map((key) => [key, "sealed"]),
  );
  const stack = pulumi.getStack();
  const config = read(input, `the config of stack ${stack}`);
  if (stackName(config) !== stack)
    throw new UserError({
      path: "application",
      got: stackName(config),
      accepted: `name and environment that make the stack's name, ${stack}`,
    });

  requireMutableSecrets(new pulumi.Config("kubernetes").get("enableSecretMutable"));
  enforcePolicies(config.policies.waivers);
  const { records = "none" } = config.dns ?? {};
  const kept = records === "none" ? [] : await keptRecords(namesOf(config), records === "new" ? "new" : "old");
  const app = new MigratedApp(config.application.name, { config, secrets, kept });
  return {
    application: config.application.name,
    environment: config.application.environment,
    image: liveOf(config).image,
    ...(app.loadBalancerHostname === undefined ? {} : { loadBalancerHostname: app.loadBalancerHostname }),
    ...(app.databaseAddress === undefined ? {} : { databaseAddress: app.databaseAddress }),
    ...(config.dns === undefined ? {} : { weights: config.dns.weights }),
  };
}
