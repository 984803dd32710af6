import { parseDocument } from "yaml";
import { z } from "zod";
import { issuesOf } from "../config/schema.js";
import { UserError } from "../errors.js";
import type { Inventory } from "./csv.js";
import { computeWaves, consumedBy, cycleFindings } from "./graph.js";

/** What the inventory's columns cannot say: descriptions, and consumers that are no application of it. */
const supplementSchema = z.record(
  z.string(),
  z.strictObject({ dependsOn: z.array(z.string()).optional(), consumedBy: z.array(z.string()).optional() }),
);
export type DependencySupplement = z.output<typeof supplementSchema>;

/** @throws UserError naming what is wrong */
export function parseDependencySupplement(text: string, file: string): DependencySupplement {
  const document = parseDocument(text);
  const broken = document.errors[0];
  if (broken !== undefined)
    throw new UserError({ path: file, got: broken.message.split("\n")[0] ?? "", accepted: "YAML: application → dependsOn, consumedBy" });
  const input = document.toJS() ?? {};
  const result = supplementSchema.safeParse(input);
  if (!result.success) throw new UserError(issuesOf(result.error, input), { summary: `${file} is not a valid supplement.` });
  return result.data;
}

/** The map as Markdown in the seed's form, with a Mermaid graph and the waves that follow from it. */
export function dependencyMap(inventory: Inventory, supplement: DependencySupplement = {}): string {
  const sections = inventory.applications.map(({ name, dependencies }) => {
    const on = supplement[name]?.dependsOn ?? dependencies;
    return [
      `## ${name}`,
      "- **Depends on:**",
      ...bullets(on),
      "- **Consumed by:**",
      ...bullets(consumersOf(inventory, supplement, name)),
    ].join("\n");
  });
  const graph = `## Graph\n\n\`\`\`mermaid\n${mermaid(inventory, supplement)}\n\`\`\``;
  return `# Application Dependency Map\n\n${[...sections, graph, `## Waves\n\n${wavesText(inventory)}`].join("\n\n")}\n`;
}

/** Those of the inventory are derived; the supplement adds those that are no application of it. */
const consumersOf = (inventory: Inventory, supplement: DependencySupplement, name: string): string[] => [
  ...new Set([...consumedBy(inventory, name), ...(supplement[name]?.consumedBy ?? [])]),
];

const bullets = (items: string[]): string[] => (items.length === 0 ? ["  - nothing known"] : items.map((i) => `  - ${i}`));

/** Arrows go from who needs to what is needed. Every application stands in it, also one that needs nothing. */
function mermaid(inventory: Inventory, supplement: DependencySupplement): string {
  const ids = new Map<string, string>();
  const idOf = (name: string): string => {
    const known = ids.get(name);
    if (known !== undefined) return known;
    // Words of Mermaid's own, such as "end", are no ids; two names may differ in nothing but their punctuation.
    const id = `${name.replace(/[^A-Za-z0-9]/g, "_")}_${ids.size}`;
    ids.set(name, id);
    return id;
  };
  const node = (name: string): string => `${idOf(name)}["${name.replaceAll('"', "#quot;")}"]`;
  const names = new Set(inventory.applications.map((a) => a.name));
  const applications = inventory.applications.map((a) => `  ${node(a.name)}`);
  const needs = inventory.applications.flatMap((a) =>
    a.dependencies.map((d) => `  ${idOf(a.name)} --> ${names.has(d) ? idOf(d) : node(d)}`),
  );
  const outside = inventory.applications.flatMap((a) =>
    consumersOf(inventory, supplement, a.name).flatMap((c) => (names.has(c) ? [] : [`  ${node(c)} --> ${idOf(a.name)}`])),
  );
  return ["graph LR", ...applications, ...needs, ...outside].join("\n");
}

function wavesText(inventory: Inventory): string {
  const { waves, cycle } = wavesOrCycle(inventory);
  return [...waves.map((names, i) => `${i + 1}. ${names.join(", ")}`), ...(cycle === undefined ? [] : ["", cycle])].join("\n");
}

/** The waves, and the sentences about those that can only move together. */
export function wavesOrCycle(inventory: Inventory): { waves: string[][]; cycle?: string } {
  const findings = cycleFindings(inventory);
  return { waves: computeWaves(inventory), ...(findings.length === 0 ? {} : { cycle: findings.join(" ") }) };
}
