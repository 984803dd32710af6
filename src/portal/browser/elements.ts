import { CutoverFleet } from "./cutover-fleet.js";
import { CutoverMigration } from "./cutover-migration.js";

/** One module for any page: it defines both elements. docs/embedding.md says what they take and tell. */
export { configure } from "./lib/element.js";
export { CutoverFleet, CutoverMigration };

if (customElements.get("cutover-fleet") === undefined) customElements.define("cutover-fleet", CutoverFleet);
if (customElements.get("cutover-migration") === undefined) customElements.define("cutover-migration", CutoverMigration);
