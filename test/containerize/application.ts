import type { Application } from "../../src/inventory/csv.js";
import { readTechnology } from "../../src/inventory/technology.js";

/** An application of which the inventory says its technology alone. */
export const application = (technology: string): Application => ({
  name: "app",
  technology: readTechnology(technology).technology,
  dependencies: [],
  traffic: { text: "", from: "unknown" },
  stores: [],
  readings: [],
  criticality: "low",
  owner: "o",
  line: 2,
  extra: {},
});
