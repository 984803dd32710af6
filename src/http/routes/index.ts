import { alertRoutes } from "./alerts.js";
import { commandRoutes } from "./commands.js";
import { descriptionRoutes } from "./description.js";
import { editRoutes } from "./edits.js";
import { eventRoutes } from "./events.js";
import { healthRoutes } from "./health.js";
import { historyRoutes } from "./history.js";
import { meRoutes } from "./me.js";
import { migrationRoutes } from "./migrations.js";
import { operationsRoutes } from "./operations.js";
import { portalRoutes } from "./portal.js";
import { rehearsalRoutes } from "./rehearsals.js";
import { reportRoutes } from "./reports.js";
import type { Route } from "./route.js";

/**
 * Every route of the service, in the order in which the OpenAPI document has them. A new one is a `route({…})` in the file
 * of its resource, with schemas for what it takes and answers; `npm run docs` then brings docs/openapi.json up to date.
 */
export const routes: readonly Route[] = [
  ...healthRoutes,
  ...operationsRoutes,
  ...descriptionRoutes,
  ...meRoutes,
  ...eventRoutes,
  ...migrationRoutes,
  ...historyRoutes,
  ...reportRoutes,
  ...rehearsalRoutes,
  ...portalRoutes,
  ...commandRoutes,
  ...editRoutes,
  ...alertRoutes,
];
