import type { Inventory } from "../inventory/csv.js";
import type { DependencySupplement } from "../inventory/dependencyMap.js";
import { computeWaves, consumedBy } from "../inventory/graph.js";
import { serviceNamed } from "../inventory/services.js";

export interface GraphNode {
  id: string;
  label: string;
  kind: "application" | "service" | "consumer";
  /** Of an application: the number of its wave, from 1. */
  wave?: number;
}

/** `from` needs `to`. */
export interface GraphEdge {
  from: string;
  to: string;
}

export interface InventoryView {
  applications: {
    name: string;
    technology: string;
    traffic: string;
    dataStore?: string;
    criticality: string;
    owner: string;
    wave: number;
  }[];
  graph: { nodes: GraphNode[]; edges: GraphEdge[] };
}

/** The inventory as the portal shows it: who moves when, and who needs whom. Pure. */
export function inventoryView(inventory: Inventory, supplement: DependencySupplement): InventoryView {
  const waves = computeWaves(inventory);
  const waveOf = (name: string): number => waves.findIndex((w) => w.includes(name)) + 1;
  return {
    applications: inventory.applications.map(({ name, technology, traffic, dataStore, criticality, owner }) => ({
      name,
      technology: technology.text,
      traffic: traffic.text,
      ...(dataStore === undefined ? {} : { dataStore }),
      criticality,
      owner,
      wave: waveOf(name),
    })),
    graph: graphOf(inventory, supplement, waveOf),
  };
}

/** What somebody sees who may see some applications only: those, and what they need and what needs them. Pure. */
export function partOf({ applications, graph }: InventoryView, isSeen: (application: string) => boolean): InventoryView {
  const seen = new Set(applications.map((a) => a.name).filter(isSeen));
  const edges = graph.edges.filter((e) => seen.has(e.from) || seen.has(e.to));
  const touched = new Set([...seen, ...edges.flatMap((e) => [e.from, e.to])]);
  return {
    applications: applications.filter((a) => seen.has(a.name)),
    graph: { nodes: graph.nodes.filter((n) => touched.has(n.id)), edges },
  };
}

function graphOf(inventory: Inventory, supplement: DependencySupplement, waveOf: (name: string) => number): InventoryView["graph"] {
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  const applications = new Set(inventory.applications.map((a) => a.name));
  const node = (label: string, kind: "service" | "consumer"): string => {
    const service = serviceNamed(label);
    const id = applications.has(label) ? label : (service ?? label);
    if (!nodes.has(id)) nodes.set(id, { id, label: id, kind });
    return id;
  };
  const edge = (from: string, to: string): void => void edges.set(`${from}\n${to}`, { from, to });
  for (const { name } of inventory.applications) nodes.set(name, { id: name, label: name, kind: "application", wave: waveOf(name) });
  for (const { name, dependencies } of inventory.applications) {
    const more = supplement[name] ?? {};
    for (const needed of [...dependencies, ...(more.dependsOn ?? [])]) edge(name, node(needed, "service"));
    for (const consumer of [...consumedBy(inventory, name), ...(more.consumedBy ?? [])]) edge(node(consumer, "consumer"), name);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}
