import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { known, type Reading } from "../../ports/observations.js";
import type { Stored, WorldState } from "./state.js";

const SECOND = 1_000;

export const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
export const CRON_JOB = "kubernetes:batch/v1:CronJob";
export const ROLLOUT = "kubernetes:argoproj.io/v1alpha1:Rollout";
export const INGRESS = "kubernetes:networking.k8s.io/v1:Ingress";

/** An object of the application's namespace by its type and what follows the application's name in its own. */
export function find(state: WorldState, type: string, config: StackConfig, suffix = ""): Stored | undefined {
  return state.resources[`${type}|${namespaceOf(config)}/${config.application.name}${suffix}`];
}

/** What runs the application's pods now. */
export function carrier(state: WorldState, config: StackConfig): Stored | undefined {
  const { strategy } = config;
  if (strategy.kind === "canary" && strategy.workload === "rollout") return find(state, ROLLOUT, config);
  const suffix = strategy.kind !== "blue-green" ? "" : strategy.blue ? "-blue" : "-green";
  return find(state, "kubernetes:apps/v1:Deployment", config, suffix);
}

export function readiness(stored: Stored | undefined, now: number): Reading {
  if (stored === undefined) return known(0);
  // Its creation or update waited for the pods; a restart shows at once.
  return known(now >= stored.changedAt ? 1 : 0);
}

export const olderThan = (stored: Stored | undefined, now: number, seconds: number): boolean =>
  stored !== undefined && now - stored.createdAt >= seconds * SECOND;

export const databaseOf = (state: WorldState): Stored | undefined =>
  Object.values(state.resources).find((r) => r.type === "aws:rds/instance:Instance");
export const isReplica = (database: Stored | undefined): boolean => database?.inputs.replicateSourceDb !== undefined;
