import { namespaceOf } from "../config/schema.js";
import { lintDockerfile } from "../containerize/check.js";
import { containerize } from "../containerize/containerize.js";
import { manifests } from "../containerize/manifests.js";
import { verifyImage } from "../containerize/verify.js";
import { NotFound, Terminal } from "../errors.js";
import type { Application } from "../inventory/csv.js";
import { dependencyMap, parseDependencySupplement } from "../inventory/dependencyMap.js";
import { consumedBy, unknownDependencies } from "../inventory/graph.js";
import { assessRisks, riskRegister } from "../inventory/risks.js";
import type { Evidence } from "../ports/target.js";
import type { ActionContext } from "./types.js";

/** The actions that write documents: inventory, dependency map, risks, Dockerfile, cost, cleanup list, architecture. */

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
  const warning = unknown.length === 0 ? "" : ` Unknown: ${unknown.map((u) => u.dependency).join(", ")}.`;
  return {
    summary: `${inventory.applications.length} applications mapped; ${config.application.name} is consumed by ${consumers.join(", ") || "none of them"}.${warning}`,
    facts: { consumers, unknown: unknown.map((u) => u.dependency) },
    files: { "dependency-map.md": dependencyMap(inventory, supplement) },
  };
}

export async function riskDocument(context: ActionContext): Promise<Evidence> {
  const { config } = context;
  const application = await applicationOf(context);
  const risks = assessRisks({
    criticality: application.criticality,
    hasDatabase: config.database !== undefined,
    hasPublicHost: config.dns !== undefined,
    thirdParties: [],
    ...(config.database === undefined ? {} : { databaseSizeGb: config.database.source.sizeGb }),
    ...(config.dns === undefined ? {} : { dnsTtlSeconds: config.dns.ttlSeconds }),
  });
  const high = risks.filter((r) => r.severity === "high").length;
  return {
    summary: `${risks.length} risks, ${high} of them high, each with the steps that mitigate it.`,
    facts: { risks: risks.map((r) => r.id) },
    files: { "risk-register.md": riskRegister(risks) },
  };
}

export async function containerizeApplication(context: ActionContext): Promise<Evidence> {
  const application = await applicationOf(context);
  const { files, findings } = containerize(application);
  const { by, findings: broken } = await lintDockerfile(files.Dockerfile ?? "");
  if (broken.length > 0)
    throw new Terminal(`The Dockerfile breaks ${broken.map((b) => `${b.rule} on line ${b.line} (${b.what})`).join(", ")}.`);
  // Names that begin with a dot are kept without it.
  const kept = Object.fromEntries(Object.entries(files).map(([name, content]) => [name.replace(/^\./, ""), content]));
  const objects = Object.entries(manifests(context.config)).map(([name, text]) => [`k8s/base/${name}`, text] as const);
  return {
    summary: [`The Dockerfile passes ${by}.`, ...findings].join(" "),
    facts: { findings },
    files: { ...kept, ...Object.fromEntries(objects) },
  };
}

export async function verifyContainer(context: ActionContext): Promise<Evidence> {
  const application = await applicationOf(context);
  const result = await verifyImage(application.name, application.extra.Repository);
  if (result.verified) return { summary: `Built, run, healthy and tested: ${result.steps.join(", ")}.`, facts: { verified: true } };
  return { summary: `Unverified: ${result.reason}.`, facts: { verified: false, reason: result.reason } };
}

export async function costDocument({ target }: ActionContext): Promise<Evidence> {
  const now = new Date(target.clock.now());
  const month = (offset: number): string =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString().slice(0, 7);
  const rows = await target.cloud.costs({ start: month(-2), end: month(0) });
  const sum = (m: string): number => Math.round(rows.filter((r) => r.month === m).reduce((s, r) => s + r.amount, 0) * 100) / 100;
  const currency = rows[0]?.currency ?? "USD";
  const table = [
    "| Month | Service | Amount |",
    "|---|---|---|",
    ...rows.map((r) => `| ${r.month} | ${r.service} | ${r.amount.toFixed(2)} ${r.currency} |`),
  ].join("\n");
  return {
    summary: `${sum(month(-2))} ${currency} in ${month(-2)}, ${sum(month(0))} ${currency} in ${month(0)}.`,
    facts: { before: sum(month(-2)), after: sum(month(0)), currency },
    files: { "cost.md": `# Cost by service\n\n${table}\n` },
  };
}

export async function cleanupList({ target, config }: ActionContext): Promise<Evidence> {
  const instances = await target.cloud.instances();
  const balancers = await target.cloud.loadBalancers();
  const databases = await target.cloud.databases();
  const groups = config.old?.securityGroupIds ?? [];
  const ids = [...instances.map((i) => i.id), ...balancers.map((b) => b.name), ...databases.map((d) => d.identifier), ...groups];
  return { summary: `${ids.length} resources would be removed: ${ids.join(", ")}.`, facts: { resources: ids } };
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
