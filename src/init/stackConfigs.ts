import { Document } from "yaml";
import type { Application, Inventory } from "../inventory/csv.js";
import { serviceNamed } from "../inventory/services.js";
import type { FoundSide } from "./found.js";
import { REPLACE } from "./placeholders.js";
import { type Answers, type Draft, databaseOf, hasOld, providers, strategyKind, ZONE } from "./skeleton.js";

/**
 * A stack config for each application in each environment, as ready as the inventory allows. Pure.
 * @param found what accounts show of each application's old side. @default nothing was looked at
 */
export function draftStackConfigs(
  { applications }: Inventory,
  answers: Answers,
  found: ReadonlyMap<string, FoundSide> = new Map(),
): Draft[] {
  return applications.flatMap((application) =>
    answers.environments.map((environment) => {
      const stack = `${application.name}-${environment}`;
      const config = { ...providers(answers), ...sections(application, environment, answers, found.get(application.name)) };
      const document = new Document({ config });
      const likely = application.readings
        .filter((r) => r.confidence === "likely")
        .map((r) => `\n ${r.column} ${JSON.stringify(r.text)} was read as ${r.as}. ${r.question ?? ""}`);
      document.commentBefore = ` ${application.name} in ${environment}: ${application.technology.text}, ${application.traffic.text}, made by cutover init.\n What reads replaceme is still to be filled in; cutover doctor lists it.${likely.join("")}`;
      return { stack, text: document.toString({ lineWidth: 140 }) };
    }),
  );
}

/** PostgreSQL on RDS: anything else is never taken for it. */
const usesRelational = ({ stores }: Application): boolean => stores.some((s) => s.movable);
/** Services of the region that every network of it reaches. */
const STAYING = ["S3", "DynamoDB"];
/** People or systems ask it; what runs by the clock or from a queue has no host. */
const isPublic = ({ traffic, technology }: Application): boolean =>
  traffic.from === "users" || (traffic.from === "unknown" && technology.kind === "static");
const hasNoUsers = ({ traffic: { from } }: Application): boolean => from === "clock" || from === "queue" || from === "nobody";

/** The name that an application's users ask for. */
export const hostOf = (application: Application, { domain }: Answers): string | undefined =>
  domain !== undefined && isPublic(application) ? `${application.name}.${domain}` : undefined;

function sections(application: Application, environment: string, answers: Answers, found?: FoundSide): Record<string, unknown> {
  const { name, criticality, owner } = application;
  const host = hostOf(application, answers);
  const old = hasOld(environment);
  const moves = old && usesRelational(application);
  return {
    "cutover:application": { name, environment, criticality, owner },
    "cutover:cluster": { name: environment },
    "cutover:workload": workload(application, environment, answers),
    ...(host === undefined || !old ? {} : { "cutover:ingress": { host } }),
    ...(moves ? { "cutover:database": databaseOf(name) } : {}),
    ...notMoved(application),
    ...open(application, old ? found : undefined),
    ...(old
      ? {
          "cutover:old": {
            instanceIds: found === undefined || found.instanceIds.length === 0 ? [`i-${REPLACE}`] : found.instanceIds,
            ...(found === undefined || found.endpoints.length === 0 ? {} : { endpoints: found.endpoints }),
            ...(hasNoUsers(application) ? { users: "none" } : {}),
            ...(moves ? { databaseIdentifier: databaseOf(name).source.identifier } : {}),
          },
        }
      : {}),
    "cutover:strategy": strategy(application, host !== undefined && old, answers),
    ...(host === undefined || !old ? {} : { "cutover:dns": { zoneId: found?.zoneId ?? ZONE } }),
  };
}

function notMoved({ stores }: Application) {
  const kinds = [...new Set(stores.filter((s) => !s.movable && s.kind !== "unknown").map((s) => s.kind))];
  const handled = kinds.map((kind) => ({ kind, handling: STAYING.includes(kind) ? "stays" : "undecided" }));
  return handled.length === 0 ? {} : { "cutover:stores": handled };
}

/** What was not understood stands in the config until somebody answers it. */
function open({ readings }: Application, found?: FoundSide) {
  const cells = readings.filter((r) => r.confidence === "unsure");
  const asked = [...cells.map((r) => `${r.column} ${JSON.stringify(r.text)}: ${r.question ?? "what is it?"}`), ...(found?.questions ?? [])];
  return asked.length === 0 ? {} : { "cutover:questions": asked };
}

function workload(application: Application, environment: string, { registry }: Answers) {
  const { name, technology, dependencies } = application;
  const services = [...dependencies.map(serviceNamed), ...application.stores.map((s) => s.kind)];
  const secretEnv = {
    ...(usesRelational(application) || services.includes("PostgreSQL") ? { DATABASE_URL: "database-url" } : {}),
    ...(services.includes("Redis") ? { REDIS_URL: "redis-url" } : {}),
  };
  return {
    image: `${registry}/${name}:1.0.0`,
    ...(environment === "staging" ? { replicas: 2 } : {}),
    env: technology.kind === "nodejs" ? { NODE_ENV: environment } : {},
    ...(Object.keys(secretEnv).length === 0 ? {} : { secretEnv }),
  };
}

const strategy = ({ name, criticality }: Application, isReached: boolean, { registry }: Answers) => ({
  kind: strategyKind(criticality, isReached),
  image: `${registry}/${name}:1.1.0`,
});
