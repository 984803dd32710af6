import { COLUMNS, parseInventory } from "../../inventory/csv.js";
import type { Described } from "./described.js";
import type { Known } from "./draft.js";

/**
 * A project's inventory with a row for an application that a file described, and what its row says already.
 * @param before the inventory that is there
 * @returns no text where it has the row
 * @throws UserError for an inventory that cannot be read
 */
export function inventoryWith(
  before: Buffer | undefined,
  file: string,
  application: string,
  described: Described,
): { text?: string; known: Known } {
  if (before === undefined) return { text: `${[...COLUMNS].join(",")}\n${rowOf(application, described)}`, known: {} };
  const inventory = parseInventory(before, file);
  const row = inventory.applications.find((a) => a.name === application);
  if (row !== undefined) return { known: { criticality: row.criticality, owner: row.owner } };
  // In the columns' own order, whatever it is, only a plain inventory can be added to.
  const text = before.toString();
  const header = text.split(/\r?\n/)[0] ?? "";
  const joined = `${text}${text.endsWith("\n") ? "" : "\n"}${rowOf(application, described, header.split(","))}`;
  parseInventory(joined, file);
  return { text: joined, known: {} };
}

/** What is not known says so, and stays asked. */
function rowOf(application: string, { stores, database }: Described, columns: readonly string[] = COLUMNS): string {
  const data = [...(database === undefined ? [] : ["PostgreSQL"]), ...stores.map((s) => (s.kind === "files" ? "files on disk" : s.kind))];
  const cells: Record<string, string> = {
    Application: application,
    Technology: "unknown",
    Dependencies: "?",
    Traffic: "unknown",
    "Data Store": [...new Set(data)].join(";") || "unknown",
    Critical: "High",
    Owner: "unknown",
  };
  return `${columns.map((c) => cells[c.trim()] ?? "").join(",")}\n`;
}
