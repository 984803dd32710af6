import { CutoverFleet } from "./cutover-fleet.js";
import { CutoverMigration } from "./cutover-migration.js";
import { CutoverRehearsals } from "./cutover-rehearsals.js";

/** One module for any page: it defines the elements. docs/embedding.md says what they take and tell. */
export { configure } from "./lib/element.js";
export { CutoverFleet, CutoverMigration, CutoverRehearsals };

const ELEMENTS = { "cutover-fleet": CutoverFleet, "cutover-migration": CutoverMigration, "cutover-rehearsals": CutoverRehearsals };
for (const [name, element] of Object.entries(ELEMENTS)) if (customElements.get(name) === undefined) customElements.define(name, element);
