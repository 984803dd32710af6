import { Document } from "yaml";
import { WEB } from "../../config/processes.js";
import { REPLACE } from "../placeholders.js";
import { type Answers, type Draft, databaseOf, hasOld, providers, strategyKind, ZONE } from "../skeleton.js";
import { withoutCredentials } from "./credentials.js";
import type { Described, DescribedProcess, Findings, Pod } from "./described.js";

/** What an inventory says of the application, where there is one. */
export interface Known {
  criticality?: "high" | "medium" | "low";
  owner?: string;
}

/** What only one kind of process has. */
const FOR_KINDS: Record<string, readonly string[]> = {
  replicas: ["web", "service", "worker"],
  containerPort: ["web", "service", "worker", "singleton"],
  servicePort: ["web", "service"],
  probes: ["web", "service", "worker", "singleton"],
};
/** How long a pod that leaves goes on serving before it is told to stop: `workload.preStopSeconds`. */
const PRE_STOP = 40;
const FULL_GRACE = 7_200;

/** A stack config for an application in each environment, as ready as its files allow. @param known of the inventory */
export function draftDescribed(name: string, told: Described, known: Known, answers: Answers, findings: Findings): Draft[] {
  const described = { ...told, processes: withoutCredentials(told.processes, findings) };
  const web = described.processes.find((p) => p.role === "web");
  askForTheRest(name, described, web, known, findings);
  const questions = findings.all().flatMap(({ at, what, asks }) => (asks ? [`${at}: ${what}`] : []));
  return answers.environments.map((environment) => {
    const config = { ...providers(answers), ...sections(name, described, environment, { known, answers, questions, web }) };
    const document = new Document(JSON.parse(JSON.stringify({ config })));
    document.commentBefore = ` ${name} in ${environment}, made by cutover init.\n What reads replaceme is still to be filled in; cutover doctor lists it.`;
    return { stack: `${name}-${environment}`, text: document.toString({ lineWidth: 140 }) };
  });
}

/** What no file of these kinds says, and what the new side needs to know. */
function askForTheRest(name: string, { processes }: Described, web: DescribedProcess | undefined, known: Known, findings: Findings): void {
  if (known.criticality === undefined)
    findings.ask("application", "how critical is it (high, the most careful, was taken), and who owns it?");
  if (processes.some((p) => p.image !== undefined || p.pod.runAsUser === undefined))
    findings.ask(
      `workload of ${name}`,
      "as which user do its images run, and into which folders do they write (runAsUser, writablePaths)? 1001 and /tmp are taken",
    );
  if (web === undefined) {
    findings.ask("workload.web", "no process was found that users reach: is that so?");
    return;
  }
  if (web.pod.replicas === undefined)
    findings.ask("workload.replicas", "one runs today: may several run at once? 1 was taken; where it may only ever be one, workload.once");
  if (web.pod.containerPort === undefined) findings.ask("workload.containerPort", "on which port does it listen? 3000 is taken");
  if (web.pod.probes === undefined)
    findings.ask("workload.probes", "which address answers whether it lives and is ready? /health and /ready are asked");
}

interface Part {
  known: Known;
  answers: Answers;
  questions: string[];
  web: DescribedProcess | undefined;
}

function sections(
  name: string,
  described: Described,
  environment: string,
  { known, answers, questions, web }: Part,
): Record<string, unknown> {
  const { processes, database } = described;
  const criticality = known.criticality ?? "high";
  const old = hasOld(environment);
  const host =
    web === undefined ? undefined : (described.hosts[0] ?? (answers.domain === undefined ? undefined : `${name}.${answers.domain}`));
  const own = `${answers.registry}/${name}`;
  const image = (web ?? processes.find((p) => p.image !== undefined))?.image ?? `${own}:${REPLACE}`;
  const others = processes.filter((p) => p !== web);
  const isReached = host !== undefined && old;
  return {
    "cutover:application": { name, environment, criticality, owner: known.owner ?? "unassigned" },
    "cutover:cluster": { name: environment },
    "cutover:workload": {
      image,
      ...(web === undefined ? { web: false, env: {} } : { replicas: 1, ...podOf(web), metrics: { scrape: false } }),
    },
    ...(others.length === 0 ? {} : { "cutover:processes": Object.fromEntries(others.map((p) => [p.name, processOf(p, image, own)])) }),
    ...(described.volumes.length === 0
      ? {}
      : { "cutover:volumes": Object.fromEntries(described.volumes.map((v) => [v, { kind: "efs", fileSystemId: `fs-${REPLACE}` }])) }),
    ...(isReached ? { "cutover:ingress": { host, ...healthPathOf(web) } } : {}),
    ...(database !== undefined && old
      ? {
          "cutover:database": {
            ...databaseOf(name, { name: REPLACE, user: REPLACE, ...database }),
            ...(Object.keys(database.forms).length === 0 ? {} : { forms: database.forms }),
          },
        }
      : {}),
    ...(described.stores.length === 0 ? {} : { "cutover:stores": described.stores.map((s) => ({ ...s, handling: "undecided" })) }),
    ...(questions.length === 0 ? {} : { "cutover:questions": questions }),
    ...(old
      ? {
          "cutover:old": {
            instanceIds: [`i-${REPLACE}`],
            ...(database === undefined ? {} : { databaseIdentifier: databaseOf(name, database).source.identifier }),
          },
        }
      : {}),
    "cutover:strategy": { kind: strategyKind(criticality, isReached), image: nextOf(image) },
    ...(isReached ? { "cutover:dns": { zoneId: ZONE } } : {}),
  };
}

/** The version that comes next, which nobody can know. */
const nextOf = (image: string): string => `${image.replace(/@.*$/, "").replace(/:[^/:]*$/, "")}:${REPLACE}`;

function processOf(process: DescribedProcess, image: string, registry: string): Record<string, unknown> {
  const { role, schedule, builtAs } = process;
  const its = builtAs === undefined ? process.image : `${registry}-${builtAs}:${REPLACE}`;
  return { kind: role, ...schedule, ...(its === undefined || its === image ? {} : { image: its }), ...podOf(process) };
}

/** What fits the process's kind, without what is empty. */
function podOf({ role, pod }: DescribedProcess): Record<string, unknown> {
  const fits = Object.entries(pod).filter(([key, value]) => value !== undefined && (FOR_KINDS[key]?.includes(role) ?? true));
  const told = Object.fromEntries(
    fits.filter(
      ([key, value]) => (role === WEB && key === "env") || !["env", "secretEnv"].includes(key) || Object.keys(value as object).length > 0,
    ),
  ) as Pod;
  // Pods that users reach go on serving for a while first, and the pause counts as a part of the time.
  if (role !== WEB || told.terminationGraceSeconds === undefined) return told as Record<string, unknown>;
  return { ...told, terminationGraceSeconds: Math.min(FULL_GRACE, told.terminationGraceSeconds + PRE_STOP) };
}

/** Where the load balancer asks, if the web's health is an address on its own port. */
function healthPathOf(web: DescribedProcess | undefined): { healthCheckPath?: string } {
  const probe = web?.pod.probes?.readiness;
  return probe?.path === undefined || probe.port !== undefined ? {} : { healthCheckPath: probe.path };
}
