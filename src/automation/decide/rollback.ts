import type { StackConfig } from "../../config/schema.js";
import { CutoverError } from "../../errors.js";
import type { Entry, PathItem } from "../journal/entries.js";
import type { Plan } from "../plan/plan.js";
import { currentConfig, MAX_TRIES, type MigrationState, promotes } from "../state/state.js";
import { type Decision, effectKey, goBack, hold, pauseBefore, refuse, retryPause } from "./decision.js";
import { beyondOf } from "./editions.js";
import { actionViolations, configViolations } from "./promises.js";
import { configOf, emergencyWay, keepingPrimary, wayBackTo } from "./wayBack.js";

/** A person's rollback or abort, answered with its path. */
export function answerRequest(
  plan: Plan,
  state: MigrationState,
  { to, why, who, abort }: NonNullable<MigrationState["requested"]>,
): Decision {
  try {
    const way = to === "safety" ? emergencyWay(plan, state) : wayBackTo(plan, state, to);
    return goBack(way, { why, who, automatic: false, ...(abort ? { abort } : {}) });
  } catch (error) {
    if (error instanceof CutoverError) return hold(error.message);
    throw error;
  }
}

/** The next item of the way back that is under way. */
export function decideReturn(plan: Plan, state: MigrationState): Decision {
  const { returning } = state;
  if (returning === undefined) return hold("a rollback without a path");
  const item = returning.path[returning.done];
  if (item === undefined) {
    const entries: Entry[] = [{ type: "rollback.completed", revision: returning.revision }];
    if (returning.abort) entries.push({ type: "migration.aborted" });
    return { do: "record", entries };
  }
  const beyond = beyondOf(plan, state);
  if (beyond !== undefined) return { do: "idle", why: `${beyond}.` };
  if (returning.failures >= MAX_TRIES)
    return hold(`the way back failed ${returning.failures} times at: ${item.summary} ${returning.error ?? ""}`.trim());
  const decision = returnItem(plan, state, item, returning.done);
  const pause = returning.failures > 0 ? retryPause(returning.failures) : item.kind === "config" ? (item.afterSeconds ?? 0) * 1_000 : 0;
  return pause === 0 || decision.do === "record" ? decision : pauseBefore(decision, state, pause);
}

function returnItem(plan: Plan, state: MigrationState, item: PathItem, index: number): Decision {
  const { returning } = state;
  const begun = returning?.id ?? 0;
  const key = effectKey(state, `back-to-${returning?.revision}`, begun, `${index}-${item.kind}`);
  if (item.kind === "config") {
    // Whether the database was promoted decides which config it can go back to: neither may be taken for granted.
    // The weights have nothing to do with it, and wait for nobody.
    const promotion = item.dnsOnly ? undefined : state.unsettled?.find((u) => promotes(state, u));
    if (promotion !== undefined) return { do: "settle", of: promotion.step ?? "" };
    const now = currentConfig(state);
    const [before, next] = state.promoted === true ? [asPrimary(now), keepingPrimary(item)] : [now, item];
    const violations = configViolations(state, before, configOf(next, state.stack), undefined);
    if (violations.length > 0) return refuse(violations);
    const why = `back to revision ${returning?.revision}: ${returning?.why}`;
    return {
      do: "update",
      key,
      config: next.config,
      why,
      ...(returning === undefined ? {} : { restores: returning.revision }),
      kept: next.kept,
      dnsOnly: next.dnsOnly,
    };
  }
  const step = plan.find((s) => s.id === item.step);
  if (step?.kind !== "action" && step?.kind !== "config") return hold(`the way back names ${item.step}, which this plan cannot undo`);
  const violations = actionViolations(state, step, true);
  if (violations.length > 0) return refuse(violations);
  const attempt = state.steps[step.id]?.attempt ?? 0;
  // The emergency exit is undone again and again without being run again.
  const part = `undo-${begun}-${index}`;
  return { do: "act", key: effectKey(state, step.id, attempt, part), step, undo: true, config: currentConfig(state) };
}

/** The config with the database as it really is, where an update that failed or was lost had promoted it. */
export const asPrimary = (config: StackConfig): StackConfig =>
  config.database === undefined ? config : { ...config, database: { ...config.database, role: "primary" } };
