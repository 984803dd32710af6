import { join } from "node:path";
import { awsClients } from "../adapters/aws/clients.js";
import type { NameServer } from "../adapters/dns/answers.js";
import { clusterClients } from "../adapters/kubernetes/clients.js";
import type { StackConfig } from "../config/schema.js";
import type { OtherStack } from "../config/shared.js";
import { StackFile } from "../config/stackFile.js";
import { readTarget, type TargetConfig } from "../config/targets.js";
import { projectRoot } from "../engine/engine.js";
import type { Side } from "../ports/observations.js";
import { clock, credentials, permissions } from "./aws.js";
import { examine, type Finding, unknownOf } from "./check.js";
import { readinessGates, rights } from "./cluster.js";
import { readinessFindings, readinessOfStack } from "./database.js";
import { durability } from "./durability.js";
import { listenerRule } from "./listenerRule.js";
import { backend, engine, fleet, secrets, stackConfig, staleLocks } from "./local.js";
import { oldEndpoints } from "./oldEndpoints.js";
import { oldSide } from "./oldSide.js";
import { database, metrics } from "./reach.js";
import { records } from "./records.js";
import { alertsLoaded, answers, draining, gates, ownGates, shared } from "./sources.js";
import { zones } from "./zones.js";

export interface DoctorOptions {
  /** The project, with Pulumi.yaml. */
  root: string;
  stacks: string;
  /** Stacks to look at. */
  chosen: string[];
  /** File that says how real environments are reached; without it only this machine is looked at. */
  targets?: string;
  /** Asked about delegations. @default the first of the target's resolvers */
  resolver?: NameServer;
  /** Where the journals lie, as `DATABASE_URL`. @default a folder */
  journals?: string | undefined;
  /** Told each finding as it comes. */
  onFinding?: (finding: Finding) => void;
}

interface Stack {
  name: string;
  config: StackConfig;
  region: string;
}

/** Looks at everything that a migration will need, changes nothing, and says of each thing that is broken how to mend it. */
export async function examineAll(options: DoctorOptions): Promise<Finding[]> {
  const { root, stacks, chosen, targets, journals, onFinding } = options;
  const all: Finding[] = [];
  const found = (...findings: Finding[]): void => {
    all.push(...findings);
    for (const finding of findings) onFinding?.(finding);
  };
  const hasEngine = await engine();
  found(hasEngine);
  for (const stack of chosen) found(await stackConfig(stacks, stack));
  if (hasEngine.standing === "ok") {
    found(...(await backend(root, chosen)));
    found(await staleLocks());
    for (const stack of chosen) found(await secrets(root, stacks, stack));
  }
  const readable = await readableStacks(stacks, chosen);
  for (const { name, config } of readable) found(...oldEndpoints(name, config));
  found(...(await durability(journals)));
  if (targets === undefined) {
    found(unknownOf("environments", "all", "no targets file is named: --targets stacks/targets.yaml (docs/targets.md shows one)"));
    return all;
  }
  for (const environment of new Set(readable.map((s) => s.config.application.environment))) {
    const of = readable.filter((s) => s.config.application.environment === environment);
    let target: TargetConfig | undefined;
    const read = await examine("targets file", environment, `Write ${targets}; docs/targets.md shows one.`, async () => {
      target = await readTarget(targets, environment);
      return `${targets} says how it is reached`;
    });
    found(read);
    if (target !== undefined) await examineEnvironment(environment, target, of, options, found);
  }
  return all;
}

/** The other stacks of the folder, but for those whose config cannot be read. */
async function otherStacks(folder: string, stack: string): Promise<OtherStack[]> {
  const names = (await StackFile.list(folder)).filter((name) => name !== stack);
  return (await readableStacks(folder, names)).map(({ name, config }) => ({ stack: name, config }));
}

/** Stacks whose config can be read at all; what is wrong with the others has been told. */
async function readableStacks(folder: string, chosen: string[]): Promise<Stack[]> {
  const read = chosen.map(async (name): Promise<Stack[]> => {
    const file = await StackFile.read(folder, name);
    const region = file.raw()["aws:region"];
    return [{ name, config: file.shape(), region: typeof region === "string" ? region : "us-east-1" }];
  });
  return (await Promise.all(read.map((r) => r.catch(() => [])))).flat();
}

async function examineEnvironment(
  environment: string,
  target: TargetConfig,
  stacks: Stack[],
  { root, resolver, stacks: folder, targets }: DoctorOptions,
  found: (...findings: Finding[]) => void,
): Promise<void> {
  const { costTag: _, ...account } = target.aws;
  const given = Object.fromEntries(Object.entries(account).filter(([, v]) => v !== undefined));
  const region = stacks[0]?.region ?? "us-east-1";
  // Nobody waits for eight attempts at a prompt.
  const clients = awsClients({ region, ...given }, { attempts: 2 });
  const { url, tokenFile } = target.prometheus;
  const prometheus = { url, ...(tokenFile === undefined ? {} : { tokenFile }) };
  const names = await StackFile.list(folder);
  for (const { name, config } of stacks) found(await gates(name, config, { target, stacks: names }));
  try {
    const known = await credentials(environment, clients);
    found(known, await clock(environment, target.aws.endpoint ?? `https://sts.${region}.amazonaws.com/`));
    if (known.standing === "ok") found(...(await permissions(environment, clients)));
    else found(unknownOf("permissions", environment, "without credentials there are none"));
    const [first] = target.dns.resolvers;
    const asked = resolver ?? (first === undefined ? undefined : { address: first });
    for (const { name, config } of stacks) {
      if (known.standing !== "ok") found(unknownOf("DNS delegation", name, "without credentials the zone cannot be read"));
      else
        found(
          ...(await zones(name, config, clients, asked)),
          ...(await records(name, config, clients)),
          ...(await listenerRule(name, config, clients)),
        );
    }
    for (const { name, config } of stacks) {
      if (known.standing !== "ok") continue;
      const sides: Side[] = config.old === undefined ? ["new"] : ["old", "new"];
      const asked = { clients, prometheus };
      found(...(await oldSide(name, config, clients)));
      found(...(await Promise.all(sides.map((side) => answers(name, config, side, asked)))), await draining(name, config, asked));
      found(...(await ownGates(name, config, asked)));
    }
  } finally {
    clients.close();
  }
  await examineCluster(environment, target, stacks, found);
  const measured = await metrics(environment, prometheus);
  found(measured);
  for (const { name, config } of stacks) {
    if (measured.standing !== "failed") found(await alertsLoaded(name, config, prometheus));
    found(await shared(name, config, await otherStacks(folder, name)));
    const reached = await database(name, config);
    found(reached);
    if (config.database === undefined) continue;
    if (reached.standing !== "ok") found(unknownOf("database readiness", name, "the database cannot be reached"));
    else if (targets !== undefined)
      found(...readinessFindings(name, await readinessOfStack({ root, stacks: folder, stack: name, targets })));
  }
  found(await fleet(environment, target, stacks));
}

async function examineCluster(
  environment: string,
  target: TargetConfig,
  stacks: Stack[],
  found: (...findings: Finding[]) => void,
): Promise<void> {
  const { kubeconfig, context } = target.cluster;
  let clients: ReturnType<typeof clusterClients> | undefined;
  const opened = await examine("kubeconfig", environment, "Name one under cluster: aws eks update-kubeconfig --name CLUSTER", async () => {
    clients = clusterClients({
      deadlineMs: 10_000,
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
    return clients.server;
  });
  found(opened);
  if (clients === undefined) return;
  const role = join(projectRoot(), "deploy", "kubernetes-rbac.yaml");
  for (const { name, config } of stacks) found(await rights(name, config, clients, role), await readinessGates(name, config, clients));
}
