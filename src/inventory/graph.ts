import { UserError } from "../errors.js";
import type { Application, Inventory } from "./csv.js";

/** Services that applications depend on, by the words people use for them. */
const SERVICES: Record<string, string[]> = {
  PostgreSQL: ["postgres", "postgresql", "rds", "aurora"],
  MySQL: ["mysql", "mariadb"],
  Redis: ["redis", "elasticache", "valkey"],
  S3: ["s3"],
  SQS: ["sqs"],
  SNS: ["sns"],
  SES: ["ses"],
  CloudFront: ["cloudfront"],
  DynamoDB: ["dynamodb"],
  Kafka: ["kafka", "msk"],
  Memcached: ["memcached"],
};
const SERVICE_BY_WORD = new Map(Object.entries(SERVICES).flatMap(([service, words]) => words.map((w) => [w, service])));

/** The service that a dependency's text names, or undefined. */
export function serviceNamed(text: string): string | undefined {
  for (const word of text.toLowerCase().split(/[^a-z0-9]+/)) {
    const service = SERVICE_BY_WORD.get(word);
    if (service !== undefined) return service;
  }
  return undefined;
}

export interface UnknownDependency {
  application: string;
  line: number;
  dependency: string;
  /** The nearest known name, when one is close. */
  suggestion?: string;
}

/** Dependencies that are neither an application of the inventory nor a known service. */
export function unknownDependencies(inventory: Inventory): UnknownDependency[] {
  const names = new Set(inventory.applications.map((a) => a.name));
  return inventory.applications.flatMap((a) =>
    a.dependencies
      .filter((d) => !names.has(d) && serviceNamed(d) === undefined)
      .map((dependency) => {
        const suggestion = nearest(dependency, [...names, ...Object.keys(SERVICES)]);
        return { application: a.name, line: a.line, dependency, ...(suggestion === undefined ? {} : { suggestion }) };
      }),
  );
}

/** @throws UserError naming each unknown dependency and the nearest known name */
export function requireKnown(inventory: Inventory): void {
  const unknown = unknownDependencies(inventory);
  if (unknown.length === 0) return;
  throw new UserError(
    unknown.slice(0, 20).map((u) => ({
      path: `${inventory.file} line ${u.line}, column Dependencies`,
      got: JSON.stringify(u.dependency),
      accepted: `an application of the inventory or one of ${Object.keys(SERVICES).join(", ")}${u.suggestion === undefined ? "" : ` (did you mean ${u.suggestion}?)`}`,
    })),
  );
}

/** Applications that each one needs, by name; services left out. */
function needs(applications: Application[]): Map<string, string[]> {
  const names = new Set(applications.map((a) => a.name));
  return new Map(applications.map((a) => [a.name, [...new Set(a.dependencies.filter((d) => names.has(d)))]]));
}

const RANK = { low: 0, medium: 1, high: 2 } as const;

/**
 * Waves of applications that may move together. What is consumed moves before its consumers, so that a consumer that
 * has moved never waits for one that has not; within a wave the least critical come first, then by name.
 * @throws UserError naming the path of a cycle
 */
export function computeWaves(inventory: Inventory): string[][] {
  const graph = needs(inventory.applications);
  const consumers = new Map<string, string[]>();
  const open = new Map<string, number>();
  for (const [name, list] of graph) {
    open.set(name, list.length);
    for (const d of list) {
      const known = consumers.get(d);
      if (known === undefined) consumers.set(d, [name]);
      else known.push(name);
    }
  }
  const rank = new Map(inventory.applications.map((a) => [a.name, RANK[a.criticality]]));
  const waves: string[][] = [];
  let ready = [...open].filter(([, count]) => count === 0).map(([name]) => name);
  let left = graph.size;
  while (ready.length > 0) {
    ready.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1));
    waves.push(ready);
    left -= ready.length;
    const next: string[] = [];
    for (const name of ready) {
      for (const consumer of consumers.get(name) ?? []) {
        const count = (open.get(consumer) ?? 0) - 1;
        open.set(consumer, count);
        if (count === 0) next.push(consumer);
      }
    }
    ready = next;
  }
  if (left > 0) throw cycleError(graph, open, inventory.file);
  return waves;
}

function cycleError(graph: Map<string, string[]>, open: Map<string, number>, file: string): UserError {
  const stuck = new Set([...open].filter(([, count]) => count > 0).map(([name]) => name));
  const path: string[] = [];
  let at = [...stuck][0];
  // Every stuck application needs another stuck one, so the walk must come round.
  while (at !== undefined && !path.includes(at)) {
    path.push(at);
    at = graph.get(at)?.find((d) => stuck.has(d));
  }
  const cycle = at === undefined ? path : [...path.slice(path.indexOf(at)), at];
  return new UserError({
    path: `${file}, column Dependencies`,
    got: `a cycle: ${cycle.join(" -> ")}`,
    accepted: "dependencies without a cycle; remove one of them, or move the applications together as one",
  });
}

/** Applications that consume each one; derived, never typed. */
export function consumedBy(inventory: Inventory, name: string): string[] {
  return inventory.applications.filter((a) => a.dependencies.includes(name)).map((a) => a.name);
}

/** The nearest name within two edits. */
function nearest(word: string, names: string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    const distance = edits(word.toLowerCase(), name.toLowerCase());
    if (distance <= 2 && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
