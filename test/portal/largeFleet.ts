import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { patched } from "../../src/config/stackFile.js";
import { type Inventory, parseInventory } from "../../src/inventory/csv.js";
import type { InventoryView } from "../../src/portal/browser/lib/types.js";
import { inventoryView } from "../../src/readModels/dependencies.js";
import { modelProject, RAW } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";

/** A hundred applications, as a company has them: 44 that only need services, 36 above them, 20 that users see. */

const FIELDS = ["orders", "payments", "billing", "catalog", "search", "shipping", "returns", "loyalty", "pricing", "identity", "media"];
const PARTS = ["api", "worker", "events-ingest", "export"];
const SERVICES = ["Redis", "S3", "Kafka", "RabbitMQ", "Elasticsearch", "SQS"];
const LEAVES = FIELDS.flatMap((field) => PARTS.map((part) => `${field}-${part}`));
const MIDDLE = Array.from(
  { length: 36 },
  (_, i) => `${FIELDS[i % FIELDS.length]}-${["backoffice", "gateway", "scheduler", "reporting"][i % 4]}-${1 + (i >> 2)}`,
);
const TOP = Array.from({ length: 20 }, (_, i) => `${FIELDS[(i * 3) % FIELDS.length]}-storefront-${i + 1}`);

/** Some of a list, the same each time. */
const some = (of: readonly string[], seed: number, count: number): string[] => [
  ...new Set(Array.from({ length: count }, (_, i) => of[(seed * 7 + i * 11 + seed * i) % of.length] ?? "")),
];

const ROWS: [string, string[]][] = [
  ...LEAVES.map((name, i): [string, string[]] => [name, i % 9 === 8 ? [] : some(SERVICES, i % 5, 1 + (i % 3))]),
  ...MIDDLE.map((name, i): [string, string[]] => [name, [...some(LEAVES, i, 2 + (i % 3)), ...some(SERVICES, i, 1)]]),
  ...TOP.map((name, i): [string, string[]] => [name, [...some(MIDDLE, i, 3), ...some(LEAVES, i + 3, 1)]]),
];

const inventory = (): Inventory =>
  parseInventory(
    [
      "Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner",
      ...ROWS.map(
        ([name, needs], i) =>
          `${name},Node.js 20,"${needs.join(", ")}",10k req/day,None,${["High", "Medium", "Low"][i % 3]},Team ${1 + (i % 7)}`,
      ),
    ].join("\n"),
    "applications.csv",
  );

export const largeInventory = (): InventoryView => inventoryView(inventory(), {}) as InventoryView;

/** The model's service with that inventory; each application has a stack config, and none has begun. */
export async function largeFleet() {
  const project = { ...modelProject, inventory: async () => inventory() };
  const parts = modelService({ project });
  for (const [i, [name]] of ROWS.entries()) {
    const application = { name, environment: "production", criticality: ["high", "medium", "low"][i % 3], owner: `Team ${1 + (i % 7)}` };
    await writeFile(
      join(parts.folder, `Pulumi.${name}-production.yaml`),
      stringify({ config: { ...patched(RAW, { "ingress.host": `${name}.example.com` }), "cutover:application": application } }),
    );
  }
  return { parts, stacks: ROWS.map(([name]) => `${name}-production`) };
}
