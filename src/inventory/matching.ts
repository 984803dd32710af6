import type { Inventory } from "./csv.js";
import { RDS_ENGINES, serviceNamed } from "./services.js";

/** What was found somewhere, as far as matching needs it. */
export interface Found {
  kind: "instance" | "database" | "load balancer" | "cache" | "queue" | "bucket";
  id: string;
  name: string | undefined;
  tags: Record<string, string>;
  /** What it belongs with: its id, and how that is said. */
  linked: { id: string; how: string }[];
  /** Names in DNS that lead to it. */
  hosts?: string[];
  /** Target groups that it is in. */
  names?: string[];
}

/** What the stack configs say of an application's old side. */
export interface Stated {
  application: string;
  /** Its users' host names. */
  hosts: string[];
  /** Instances, load balancers and databases by id. */
  ids: string[];
}

export interface Match {
  application: string;
  kind: Found["kind"];
  id: string;
  /** `certain`: a tag, a stack config or its users' host name says so. `likely`: its name, or a neighbour that is not just possible. `possible`: its name says part of it. */
  confidence: "certain" | "likely" | "possible";
  evidence: string[];
}

/** Tags that people name an application in, whatever their case. */
const TAGS = [
  "cutover:application",
  "application",
  "app",
  "service",
  "project",
  "app.kubernetes.io/name",
  "applicationname",
  "application name",
  "app-name",
];
/** Tags of AWS's own that hold the name of what made the resource. */
const NAMING = ["aws:autoscaling:groupname", "aws:cloudformation:stack-name", "elasticbeanstalk:environment-name", "aws:ecs:servicename"];
const RANK = { certain: 3, likely: 2, possible: 1 } as const;

/**
 * Which application each resource belongs to, with the evidence, and what belongs to none: nothing is dropped. Pure.
 * A resource that several applications claim equally is given to none, with all of them named.
 */
export function matchResources(
  inventory: Inventory,
  found: Found[],
  stated: Stated[] = [],
): { matches: Match[]; unmatched: { found: Found; why: string }[] } {
  const names = inventory.applications.map((a) => a.name);
  const own = new Map(found.map((f) => [f, [...names.flatMap((name) => claim(name, f) ?? []), ...stated.flatMap((s) => saidOf(s, f))]]));
  const owners = new Map(
    [...own].flatMap(([f, claims]) => claims.filter((c) => c.confidence !== "possible").map((c) => [f.id, c.application] as const)),
  );
  const matches: Match[] = [];
  const unmatched: { found: Found; why: string }[] = [];
  for (const [f, claims] of own) {
    const byNeighbour = f.linked.flatMap(({ id, how }): Match[] => {
      const application = owners.get(id);
      if (application === undefined) return [];
      const evidence = [`${how} ${id}, which belongs to ${application}`];
      return [{ application, kind: f.kind, id: f.id, confidence: "likely", evidence }];
    });
    const merged = mergeClaims([...claims, ...byNeighbour]);
    const strongest = merged.filter((m) => RANK[m.confidence] === Math.max(...merged.map((x) => RANK[x.confidence])));
    const best = longestOf(strongest, f);
    const [only] = best;
    if (only === undefined) unmatched.push({ found: f, why: "no tag, name or neighbour names an application of the inventory" });
    else if (best.length > 1)
      unmatched.push({ found: f, why: `several applications claim it: ${best.map((b) => b.application).join(", ")}` });
    else matches.push(only);
  }
  return { matches, unmatched };
}

/** What the stack configs say is certain. */
function saidOf({ application, hosts, ids }: Stated, { kind, id, hosts: names = [] }: Found): Match[] {
  const certain = (evidence: string): Match => ({ application, kind, id, confidence: "certain", evidence: [evidence] });
  const host = names.find((n) => hosts.includes(n));
  return [
    ...(ids.includes(id) ? [certain("a stack config names it")] : []),
    ...(host === undefined ? [] : [certain(`${host} leads to it`)]),
  ];
}

/**
 * Of applications that claim a resource by its name alone, those whose name is part of another claimant's that stands in it
 * too step back: `web-api-prod-1` is web-api's, though web and api stand in it.
 */
function longestOf(claims: Match[], found: Found): Match[] {
  if (claims.some((c) => c.confidence !== "likely" || c.evidence.some((e) => !e.includes("names it")))) return claims;
  const words = wordsOf(found);
  const covers = (long: string, short: string): boolean =>
    long !== short &&
    long.includes(short) &&
    words.every((w) => !new RegExp(`(^|[^a-z0-9])${escaped(short)}([^a-z0-9]|$)`).test(w.replaceAll(long, " ")));
  return claims.filter((c) => !claims.some((other) => covers(other.application.toLowerCase(), c.application.toLowerCase())));
}

const plainly = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-");

/** Names that a resource has: its own, its target groups' and of what made it; `web_api` is web-api. Other tags name other things. */
const wordsOf = ({ id, name, tags, names = [] }: Found): string[] =>
  [name, id, ...names, ...Object.keys(tags).flatMap((k) => (NAMING.includes(k.toLowerCase()) ? [tags[k]] : []))].flatMap((text) =>
    text === undefined ? [] : [plainly(text)],
  );

function claim(application: string, found: Found): Match | undefined {
  const { kind, id, tags } = found;
  const keys = Object.keys(tags);
  const tag = keys.find((k) => TAGS.includes(k.toLowerCase()) && plainly(tags[k] ?? "") === application.toLowerCase());
  if (tag !== undefined) return { application, kind, id, confidence: "certain", evidence: [`tag ${tag} is ${tags[tag]}`] };
  const words = wordsOf(found);
  const whole = words.find((w) => new RegExp(`(^|[^a-z0-9])${escaped(application)}([^a-z0-9]|$)`).test(w));
  if (whole !== undefined) return { application, kind, id, confidence: "likely", evidence: [`its name ${whole} names it`] };
  const [first = ""] = application.split("-");
  const part = first.length >= 4 ? words.find((w) => w.includes(first)) : undefined;
  return part === undefined
    ? undefined
    : { application, kind, id, confidence: "possible", evidence: [`its name ${part} has "${first}" in it`] };
}

const escaped = (text: string): string => text.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** One claim an application, with the strongest confidence and all evidence. */
function mergeClaims(claims: Match[]): Match[] {
  const merged = new Map<string, Match>();
  for (const c of claims) {
    const before = merged.get(c.application);
    if (before === undefined) merged.set(c.application, c);
    else
      merged.set(c.application, {
        ...before,
        confidence: RANK[c.confidence] > RANK[before.confidence] ? c.confidence : before.confidence,
        evidence: [...new Set([...before.evidence, ...c.evidence])],
      });
  }
  return [...merged.values()];
}

/** What an application depends on, and the resources of that kind that were found to be its. */
export interface DependencyMatch {
  application: string;
  dependency: string;
  service: string;
  /** Empty: none of those found names the application. */
  resources: string[];
}

/**
 * Each dependency on a service with the resources that belong to its application. Pure.
 * @param services what each found resource is, by id, as dependencies call it
 */
export function matchDependencies(inventory: Inventory, matches: Match[], services: Map<string, string>): DependencyMatch[] {
  return inventory.applications.flatMap(({ name, dependencies }) =>
    dependencies.flatMap((dependency) => {
      const service = serviceNamed(dependency);
      if (service === undefined) return [];
      const resources = matches.filter((m) => m.application === name && isOf(service, services.get(m.id))).map((m) => m.id);
      return [{ application: name, dependency, service, resources }];
    }),
  );
}

/** A bare "RDS" may be any engine that RDS runs. */
const isOf = (service: string, found: string | undefined): boolean =>
  found === service || (service === "RDS" && found !== undefined && RDS_ENGINES.includes(found));
