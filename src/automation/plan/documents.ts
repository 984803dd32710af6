import { leftToPeople, oldGroupsOf, removedBalancerOf } from "../../config/oldSide.js";
import { namespaceOf } from "../../config/schema.js";
import { type ContainerizeOptions, containerize, listens } from "../../containerize/containerize.js";
import { manifests } from "../../containerize/manifests.js";
import { NotFound, Terminal } from "../../errors.js";
import type { Application } from "../../inventory/csv.js";
import { dependencyMap, parseDependencySupplement, wavesOrCycle } from "../../inventory/dependencyMap.js";
import { consumedBy, unknownDependencies } from "../../inventory/graph.js";
import { assessRisks, riskRegister } from "../../inventory/risks.js";
import { counted } from "../../lib/plural.js";
import type { Evidence } from "../../ports/target.js";
import type { ActionContext } from "./step.js";
import { evidenceOfDisuse } from "./unused.js";

/** The actions that write documents: inventory, dependency map, risks, Dockerfile, cleanup list, architecture. */

async function applicationOf({ project, config }: ActionContext): Promise<Application> {
  const inventory = await project.inventory();
  const found = inventory.applications.find((a) => a.name === config.application.name);
  if (found === undefined)
    throw new NotFound(`${config.application.name} is not in ${inventory.file}.`, {
      next: "Add its row, or name the stack after an application of the inventory.",
    });
  return found;
}

export async function inventoryEntry(context: ActionContext): Promise<Evidence> {
  const { name, technology, dependencies, traffic, dataStore, criticality, owner } = await applicationOf(context);
  const facts = { technology: technology.text, dependencies, traffic: traffic.text, dataStore: dataStore ?? "None", criticality, owner };
  const differs =
    criticality === context.config.application.criticality ? "" : ` The stack config says ${context.config.application.criticality}.`;
  return { summary: `${name}: ${technology.text}, ${traffic.text}, criticality ${criticality}, owned by ${owner}.${differs}`, facts };
}

export async function dependencyMapDocument({ project, config }: ActionContext): Promise<Evidence> {
  const inventory = await project.inventory();
  const text = await project.dependencySupplement();
  const supplement = text === undefined ? {} : parseDependencySupplement(text, "dependencies.yaml");
  const unknown = unknownDependencies(inventory);
  const consumers = consumedBy(inventory, config.application.name);
  const { waves, cycle } = wavesOrCycle(inventory);
  const warning = unknown.length === 0 ? "" : ` Unknown: ${unknown.map((u) => u.dependency).join(", ")}.`;
  return {
    summary: `${counted(inventory.applications.length, "application")} mapped; ${config.application.name} is consumed by ${consumers.join(", ") || "none of them"}.${warning}${cycle === undefined ? "" : ` ${cycle}`}`,
    facts: { consumers, unknown: unknown.map((u) => u.dependency), waves, ...(cycle === undefined ? {} : { cycle }) },
    files: { "dependency-map.md": dependencyMap(inventory, supplement) },
  };
}

/** Column of the inventory that names them, separated by slashes as dependencies are. */
const THIRD_PARTIES = "Third Parties";
export const thirdPartiesOf = ({ extra }: Application): string[] =>
  (extra[THIRD_PARTIES] ?? "")
    .split("/")
    .map((t) => t.trim())
    .filter((t) => t !== "");

export async function riskDocument(context: ActionContext): Promise<Evidence> {
  const { config, target } = context;
  const application = await applicationOf(context);
  const facts = await target.cloud.facts();
  const risks = assessRisks({
    ...facts,
    now: target.clock.now(),
    criticality: application.criticality,
    hasDatabase: config.database !== undefined,
    hasPublicHost: config.dns !== undefined,
    thirdParties: thirdPartiesOf(application),
  });
  const high = risks.filter((r) => r.severity === "high").length;
  return {
    summary: `${risks.length} risks, ${high} of them high, each with the steps that mitigate it.`,
    facts: { ...facts, risks: risks.map((r) => r.id) },
    files: { "risk-register.md": riskRegister(risks) },
  };
}

export async function containerizeApplication(context: ActionContext): Promise<Evidence> {
  const application = await applicationOf(context);
  const { files, findings } = containerize(application, await imageOptions(context, application));
  const { by, findings: broken } =
    files.Dockerfile === undefined ? { by: undefined, findings: [] } : await context.project.lintDockerfile(files.Dockerfile);
  if (broken.length > 0)
    throw new Terminal(`The Dockerfile breaks ${broken.map((b) => `${b.rule} on line ${b.line} (${b.what})`).join(", ")}.`);
  // Names that begin with a dot are kept without it.
  const kept = Object.fromEntries(Object.entries(files).map(([name, content]) => [name.replace(/^\./, ""), content]));
  const objects = Object.entries(manifests(context.config)).map(([name, text]) => [`k8s/base/${name}`, text] as const);
  return {
    summary: [...(by === undefined ? [] : [`The Dockerfile passes ${by}.`]), ...findings].join(" "),
    facts: { findings },
    files: { ...kept, ...Object.fromEntries(objects) },
  };
}

/** Column of the inventory with the folder of an application's sources. */
const REPOSITORY = "Repository";

async function imageOptions({ project, config }: ActionContext, { extra }: Application): Promise<ContainerizeOptions> {
  const folder = extra[REPOSITORY];
  return { ...listens(config), sources: folder === undefined || folder === "" ? undefined : await project.readSources(folder) };
}

export async function verifyContainer(context: ActionContext): Promise<Evidence> {
  const application = await applicationOf(context);
  const options = await imageOptions(context, application);
  const { port = 0, healthPath = "" } = options;
  const { testStage } = containerize(application, options);
  const result = await context.project.verifyImage(application.name, application.extra[REPOSITORY], { port, healthPath, testStage });
  if (result.verified) return { summary: `Built, run, healthy and tested: ${result.steps.join(", ")}.`, facts: { verified: true } };
  return { summary: `Unverified: ${result.reason}.`, facts: { verified: false, reason: result.reason } };
}

/** Exactly what the clean-up's steps will remove, by id, and what of it is there. */
export async function cleanupList(context: ActionContext): Promise<Evidence> {
  const { target, config } = context;
  const disuse = await evidenceOfDisuse(context);
  const { old } = config;
  const [instances, balancers, databases] = await Promise.all([
    target.cloud.instances(),
    target.cloud.loadBalancers(),
    target.cloud.databases(),
  ]);
  const balancer = removedBalancerOf(config);
  const there = new Set([
    ...instances.filter((i) => i.state !== "terminated").map((i) => i.id),
    ...balancers.map((b) => b.arn),
    ...databases.map((d) => d.identifier),
  ]);
  const named = [
    ...(old?.instanceIds ?? []),
    ...(balancer === undefined ? [] : [balancer]),
    ...(old?.databaseIdentifier === undefined ? [] : [old.databaseIdentifier]),
  ];
  const gone = named.filter((id) => !there.has(id));
  const ids = [...oldGroupsOf(config), ...named.filter((id) => there.has(id)), ...(old?.securityGroupIds ?? [])];
  const left = leftToPeople(config);
  const stays = left.length === 0 ? "" : ` No step removes ${left.join(", ")}.`;
  const missing = gone.length === 0 ? "" : ` Not there any more: ${gone.join(", ")}.`;
  return {
    summary: `${counted(ids.length, "resource")} would be removed: ${ids.join(", ")}.${missing}${stays} ${disuse.summary}`,
    facts: { resources: ids, gone, ...(left.length === 0 ? {} : { left }), ...disuse.facts },
  };
}

export async function architectureDocument({ config }: ActionContext): Promise<Evidence> {
  const { application, strategy, ingress, database, cluster } = config;
  const lines = [
    `# ${application.name} in ${application.environment}`,
    "",
    `Runs on the EKS cluster ${cluster.name}, namespace ${namespaceOf(config)}, as ${strategy.image}; ${config.workload.replicas} pods at least.`,
    ...(ingress === undefined ? [] : ["", `Users reach it as ${ingress.host} through an Application Load Balancer.`]),
    ...(database === undefined
      ? []
      : ["", `Its database is ${database.target.identifier}, backed up for ${database.backup.retentionDays} days.`]),
    ...(config.autoscaling.hpa.enabled
      ? [
          "",
          `It scales between ${config.autoscaling.hpa.minReplicas} and ${config.autoscaling.hpa.maxReplicas} pods at ${config.autoscaling.hpa.cpuPercent} % CPU.`,
        ]
      : []),
    "",
  ];
  return { summary: "The architecture as it is now was written down.", files: { "architecture.md": lines.join("\n") } };
}
