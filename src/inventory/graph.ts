import { UserError } from "../errors.js";
import { nearest } from "../lib/nearest.js";
import type { Application, Inventory } from "./csv.js";
import { SERVICE_NAMES, serviceNamed } from "./services.js";

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
        // Two letters of a short word are half of another one: cron is not crm, and S4 is not S3.
        const suggestion = nearest(dependency, [...names, ...SERVICE_NAMES], dependency.length < 4 ? 0 : dependency.length < 6 ? 1 : 2);
        return { application: a.name, line: a.line, dependency, ...(suggestion === undefined ? {} : { suggestion }) };
      }),
  );
}

/**
 * A dependency that is neither an application nor a service known here stands as it is, outside; only what looks like a slip
 * of the pen is refused.
 * @throws UserError naming each and the nearest known name
 */
export function requireKnown(inventory: Inventory): void {
  const unknown = unknownDependencies(inventory).filter((u) => u.suggestion !== undefined);
  if (unknown.length === 0) return;
  throw new UserError(
    unknown.slice(0, 20).map((u) => ({
      path: `${inventory.file} line ${u.line}, column Dependencies`,
      got: JSON.stringify(u.dependency),
      accepted: `an application of the inventory, or a service under its usual name (did you mean ${u.suggestion}?)`,
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
 * has moved never waits for one that has not; applications that need each other move in one wave. Within a wave the least
 * critical come first, then by name.
 */
export function computeWaves(inventory: Inventory): string[][] {
  const graph = needs(inventory.applications);
  const groups = groupsOf(graph);
  const groupOf = new Map(groups.flatMap((group) => group.map((name) => [name, group] as const)));
  const level = new Map<string[], number>();
  // A group stands after all that it needs, so their levels are known.
  for (const group of groups) {
    const needed = group.flatMap((name) => graph.get(name) ?? []).flatMap((d) => [groupOf.get(d) ?? []]);
    level.set(
      group,
      needed.reduce((most, g) => (g === group ? most : Math.max(most, (level.get(g) ?? 0) + 1)), 0),
    );
  }
  const rank = new Map(inventory.applications.map((a) => [a.name, RANK[a.criticality]]));
  const waves: string[][] = [];
  for (const [group, at] of level) {
    const wave = waves[at];
    if (wave === undefined) waves[at] = [...group];
    else wave.push(...group);
  }
  for (const wave of waves) wave.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1));
  return waves;
}

/** Applications that need each other, directly or through others: each such group, by name. */
export function cyclesOf(inventory: Inventory): string[][] {
  return groupsOf(needs(inventory.applications))
    .filter((group) => group.length > 1)
    .map((group) => group.toSorted());
}

/** What to know of the groups that move in one wave, one sentence each. */
export const cycleFindings = (inventory: Inventory): string[] =>
  cyclesOf(inventory).map(
    (group) =>
      `${group.join(", ")} need each other, a cycle: they move in one wave, and calls between the sides go on until all have moved.`,
  );

/** Tarjan's strongly connected components, each after all that it needs; without recursion, for long chains. */
function groupsOf(graph: Map<string, string[]>): string[][] {
  const groups: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  for (const root of graph.keys()) {
    if (index.has(root)) continue;
    const walk: { name: string; next: number }[] = [{ name: root, next: 0 }];
    for (let at = walk.at(-1); at !== undefined; at = walk.at(-1)) {
      const { name } = at;
      if (at.next === 0) {
        index.set(name, index.size);
        low.set(name, index.get(name) ?? 0);
        stack.push(name);
        onStack.add(name);
      }
      const needed = graph.get(name)?.[at.next];
      at.next += 1;
      if (needed !== undefined) {
        if (!index.has(needed)) walk.push({ name: needed, next: 0 });
        else if (onStack.has(needed)) low.set(name, Math.min(low.get(name) ?? 0, index.get(needed) ?? 0));
        continue;
      }
      walk.pop();
      const from = walk.at(-1)?.name;
      if (from !== undefined) low.set(from, Math.min(low.get(from) ?? 0, low.get(name) ?? 0));
      if (low.get(name) !== index.get(name)) continue;
      const group: string[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack.delete(member);
        group.push(member);
        if (member === name) break;
      }
      groups.push(group);
    }
  }
  return groups;
}

/** Applications that consume each one; derived, never typed. */
export function consumedBy(inventory: Inventory, name: string): string[] {
  return inventory.applications.filter((a) => a.dependencies.includes(name)).map((a) => a.name);
}
