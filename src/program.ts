import * as pulumi from "@pulumi/pulumi";
import { keptRecords } from "./components/keptRecords.js";
import { keptConditions } from "./components/keptRule.js";
import { MigratedApp } from "./components/MigratedApp.js";
import { nodeGroupNameOf, nodeGroupSizes } from "./components/nodeGroupSizes.js";
import { liveOf } from "./config/live.js";
import { namesOf } from "./config/names.js";
import { parseStackConfig, readStackConfig, SECTIONS, STACK_TAG, type StackConfig, stackName } from "./config/schema.js";
import { requireMutableSecrets } from "./config/secretMutable.js";
import { groupsOf, shiftOf } from "./config/shift.js";
import { UserError } from "./errors.js";
import { enforcePolicies } from "./policies/enforce.js";

/**
 * The Pulumi program: one application's target state from its stack config. The service runs it inline, `pulumi up`
 * through src/index.mjs; both read the same config and end in the same state.
 */
export const program = (): Promise<Record<string, unknown>> => targetState(parseStackConfig);

/**
 * As `pulumi up` from a shell runs it: the same, and a word where the config asks for nothing to run, since an update that
 * makes an empty component looks like one that worked.
 */
export async function fromShell(): Promise<Record<string, unknown>> {
  const outputs = await program();
  const { deployed = false } = new pulumi.Config("cutover").getObject<{ deployed?: boolean }>("workload") ?? {};
  if (!deployed) {
    const stack = pulumi.getStack();
    await pulumi.log.warn(
      `${stack} deploys no workload yet: its config says workload.deployed: false, and a migration's steps change that. ` +
        `Let it take them (cutover serve, then cutover advance ${stack}), or deploy from here: ` +
        `pulumi config set --path 'cutover:workload.deployed' true --stack ${stack}`,
    );
  }
  return outputs;
}

/** The same for a config that a journal holds: it was checked when it came in, and a way back to it is never refused by newer checks. */
export const applied = (): Promise<Record<string, unknown>> => targetState(readStackConfig);

/** Of an update of the weighted records alone: it asks nothing but Route 53, so that a way back waits for nothing else. */
export const records = (): Promise<Record<string, unknown>> => targetState(readStackConfig, true);

async function targetState(
  read: (input: Record<string, unknown>, file: string) => StackConfig,
  recordsOnly = false,
): Promise<Record<string, unknown>> {
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
  const { name } = config.application;
  const { records: stand = "none" } = config.dns ?? {};
  const kept = stand === "none" ? [] : await keptRecords(namesOf(config), stand === "new" ? "new" : "old");
  const nodes = config.spot?.enabled !== true || recordsOnly ? undefined : await nodeGroupSizes(config.cluster.name, nodeGroupNameOf(name));
  const groups = groupsOf(config);
  const conditions =
    groups === undefined || groups.records === "none" ? [] : await keptConditions(groups, (tags) => tags[STACK_TAG] === stackName(config));
  const app = new MigratedApp(name, { config, secrets, kept, conditions, recordsOnly, ...(nodes === undefined ? {} : { nodes }) });
  const shift = shiftOf(config);
  return {
    application: config.application.name,
    environment: config.application.environment,
    image: liveOf(config).image,
    ...(app.loadBalancerHostname === undefined ? {} : { loadBalancerHostname: app.loadBalancerHostname }),
    ...(app.databaseAddress === undefined ? {} : { databaseAddress: app.databaseAddress }),
    ...(shift === undefined ? {} : { weights: shift.weights }),
  };
}
