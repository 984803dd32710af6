import { isOwn, type OwnName } from "../../ports/observations.js";
import type { GateDefinition } from "./definition.js";
import { cleanupGates } from "./kinds/cleanup.js";
import { databaseGates } from "./kinds/database.js";
import { handoverGates } from "./kinds/handover.js";
import { requestGates } from "./kinds/requests.js";
import { trafficGates } from "./kinds/traffic.js";
import { workloadGates } from "./kinds/workload.js";
import { ownGate } from "./own.js";

/** Every gate of cutover's own: a new one is added to its file in `kinds/`. */
const CATALOGUE = { ...requestGates, ...databaseGates, ...workloadGates, ...trafficGates, ...handoverGates, ...cleanupGates };

export type BuiltInGate = keyof typeof CATALOGUE;
export const GATE_NAMES = Object.keys(CATALOGUE) as BuiltInGate[];
/** One of those, or one of the user's own (`gates.own`). */
export type GateName = BuiltInGate | OwnName;
export type Gate = GateDefinition & { name: GateName };

const BY_NAME = new Map<string, Gate>(Object.entries(CATALOGUE).map(([name, gate]) => [name, { name: name as GateName, ...gate }]));

export const isKnownGate = (name: string): boolean => BY_NAME.has(name) || isOwn(name);

/** A gate by name. One of another version's plan is never measured, and so never passes. */
export const gateNamed = (name: GateName): Gate => (isOwn(name) ? { name, ...ownGate(name) } : (BY_NAME.get(name) ?? stranger(name)));

const stranger = (name: GateName): Gate => ({
  name,
  observation: name as unknown as Gate["observation"],
  accepts: () => "what another version of cutover knows",
  judge: () => "pending",
  format: (value) => `${value}`,
});
