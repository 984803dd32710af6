import { balancerName, oldBalancerOf, oldGroupsOf } from "./oldSide.js";
import type { StackConfig } from "./schema.js";

/** Another stack of this service whose migration has not ended, by its config as it is now. */
export interface OtherStack {
  stack: string;
  config: StackConfig;
}

/** A resource of the old side that another stack names too. */
export interface SharedResource {
  kind: "instance" | "load balancer" | "database" | "security group" | "auto scaling group";
  id: string;
  stack: string;
}

/** What a stack's old side consists of, as kind and id. */
function resourcesOf({ old, database }: StackConfig): Omit<SharedResource, "stack">[] {
  const databases = [old?.databaseIdentifier, database?.source.identifier];
  const all: [SharedResource["kind"], (string | undefined)[]][] = [
    ["instance", old?.instanceIds ?? []],
    ["load balancer", [oldBalancerOf({ old })]],
    ["database", [...new Set(databases)]],
    ["security group", old?.securityGroupIds ?? []],
    ["auto scaling group", oldGroupsOf({ old })],
  ];
  return all.flatMap(([kind, ids]) => ids.flatMap((id) => (id === undefined ? [] : [{ kind, id }])));
}

/** Resources of the old side that other stacks name too: whoever removes one takes it from the others' users. */
export function sharedResources(config: StackConfig, others: readonly OtherStack[]): SharedResource[] {
  const mine = new Set(resourcesOf(config).map(({ kind, id }) => `${kind} ${id}`));
  return others.flatMap(({ stack, config: theirs }) =>
    resourcesOf(theirs)
      .filter(({ kind, id }) => mine.has(`${kind} ${id}`))
      .map((r) => ({ ...r, stack })),
  );
}

/** For people: `the load balancer app/shop/1 (shop-production)`. */
export const sharedInWords = (shared: readonly SharedResource[]): string =>
  shared.map(({ kind, id, stack }) => `the ${kind} ${balancerName(id)} (${stack})`).join(", ");
