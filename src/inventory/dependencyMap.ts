import { parseDocument } from "yaml";
import { z } from "zod";
import { issuesOf } from "../config/schema.js";
import { UserError } from "../errors.js";
import type { Inventory } from "./csv.js";
import { consumedBy } from "./graph.js";

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

/** The map as Markdown in the seed's form, with a Mermaid graph. */
export function dependencyMap(inventory: Inventory, supplement: DependencySupplement = {}): string {
  const sections = inventory.applications.map(({ name, dependencies }) => {
    const more = supplement[name] ?? {};
    const on = more.dependsOn ?? dependencies;
    const by = [...new Set([...consumedBy(inventory, name), ...(more.consumedBy ?? [])])];
    return [`## ${name}`, "- **Depends on:**", ...bullets(on), "- **Consumed by:**", ...bullets(by)].join("\n");
  });
  return `# Application Dependency Map\n\n${sections.join("\n\n")}\n\n## Graph\n\n\`\`\`mermaid\n${mermaid(inventory)}\n\`\`\`\n`;
}

const bullets = (items: string[]): string[] => (items.length === 0 ? ["  - nothing known"] : items.map((i) => `  - ${i}`));

function mermaid(inventory: Inventory): string {
  const id = (name: string): string => name.replace(/[^A-Za-z0-9]/g, "_");
  const edges = inventory.applications.flatMap((a) =>
    a.dependencies.map((d) => `  ${id(a.name)}["${a.name}"] --> ${id(d)}["${d.replaceAll('"', "'")}"]`),
  );
  return ["graph LR", ...edges].join("\n");
}
