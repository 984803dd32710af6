import { createComponentExtension, createPlugin, createRoutableExtension, createRouteRef } from "@backstage/core-plugin-api";

const fleetRoute = createRouteRef({ id: "cutover" });
const entityRoute = createRouteRef({ id: "cutover-entity" });

export const cutoverPlugin = createPlugin({ id: "cutover", routes: { root: fleetRoute, entity: entityRoute } });

/** All applications: `<Route path="/cutover" element={<CutoverFleetPage />} />`. */
export const CutoverFleetPage = cutoverPlugin.provide(
  createRoutableExtension({
    name: "CutoverFleetPage",
    component: () => import("./FleetPage").then((m) => m.FleetPage),
    mountPoint: fleetRoute,
  }),
);

/** A tab of an entity: `<EntityLayout.Route path="/cutover" title="Migration" if={isCutoverAvailable}>`. */
export const EntityCutoverContent = cutoverPlugin.provide(
  createRoutableExtension({
    name: "EntityCutoverContent",
    component: () => import("./EntityCutoverContent").then((m) => m.EntityCutoverContent),
    mountPoint: entityRoute,
  }),
);

/** A card of an entity's overview. */
export const EntityCutoverCard = cutoverPlugin.provide(
  createComponentExtension({
    name: "EntityCutoverCard",
    component: { lazy: () => import("./EntityCutoverCard").then((m) => m.EntityCutoverCard) },
  }),
);
