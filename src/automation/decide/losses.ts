import { canonical } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import { shiftOf } from "../../config/shift.js";
import { type Role, roleOf } from "../../resources/roles.js";
import type { ResourceChange } from "../journal/records.js";

/**
 * Promise 7: what holds data or carries users, by what it is. Replacing one always stops the step, and deleting one where
 * the step's own config does not say that it goes; both until it is approved by name.
 */
export type Loss = ResourceChange & { op: "replace" | "delete" };

/** What the config says of whether a resource exists: while that stays the same, nobody wanted it deleted. */
type Decides = (config: StackConfig) => unknown;

const workload: Decides = ({ workload: { deployed }, strategy }) =>
  strategy.kind === "blue-green"
    ? [deployed, strategy.kind, strategy.blue, strategy.green]
    : [deployed, strategy.kind, strategy.kind === "canary" && strategy.workload];
const groups: Decides = ({ workload: { deployed }, traffic, ingress }) => [
  deployed,
  traffic?.kind === "target-groups" && traffic.records,
  ingress,
];
const entrance: Decides = ({ workload: { deployed }, ingress, dns }) => [deployed, ingress, dns?.zoneId];
const names: Decides = ({ workload: { deployed }, dns, ingress }) => [deployed, dns?.records, dns?.zoneId, ingress];
const wall: Decides = ({ database, old, dns, traffic }) => [database?.role, database?.target, old, shiftOf({ dns, traffic })?.records];
const secrets: Decides = ({ workload: { deployed, secretEnv }, database }) => [
  deployed,
  database === undefined,
  Object.keys(secretEnv).length === 0,
];

const permissions: Decides = ({ workload: { deployed }, identity }) => [deployed, identity];

/** Absent where deleting it stops every step. */
const DECIDES: Partial<Record<Role, Decides>> = {
  cluster: ({ cluster }) => cluster,
  nodes: ({ spot, cluster }) => [spot, cluster],
  workload,
  secrets,
  groups,
  entrance,
  names,
  wall,
  permissions,
};

/** Objects that another part of the config decides about too, by their names. */
const OTHERS: { name: RegExp; decides: Decides[] }[] = [
  { name: /(^|-)(argo-rollouts|vpa)(-|$)|\.argoproj\.io$/, decides: [({ cluster }) => cluster] },
  { name: /-(synthetic|verification)/, decides: [({ verification }) => verification] },
];

/**
 * What of these changes stops a step.
 * @param before config in force
 * @param after config that the changes lead to
 */
export function lossesOf(changes: readonly ResourceChange[], before: StackConfig, after: StackConfig): Loss[] {
  return changes.filter((change): change is Loss => {
    if (change.op !== "replace" && change.op !== "delete") return false;
    const role = roleOf(change.type);
    if (role === undefined) return false;
    const reasons = [DECIDES[role] ?? [], OTHERS.find((o) => o.name.test(change.name))?.decides ?? []].flat();
    return change.op === "replace" || reasons.every((decides) => canonical(decides(before) ?? null) === canonical(decides(after) ?? null));
  });
}
