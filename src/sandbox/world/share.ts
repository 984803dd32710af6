import { valueAt, type WorldState } from "./state.js";

const SECOND = 1_000;
/** Until a change in Route 53 is served by every authoritative server. */
export const DNS_PROPAGATION = 60 * SECOND;

/** The share of users on the new side: it follows a change of weights as resolvers' caches run out. */
export function newShare(state: WorldState, at: number): number {
  let share = 0;
  let target = 0;
  let since = state.dns[0]?.at ?? at;
  const towards = (until: number): number => {
    const ttl = (valueAt(state.ttl, since) ?? 60) * SECOND;
    return target + (share - target) * Math.exp((-3 * Math.max(0, until - since)) / ttl);
  };
  for (const change of state.dns) {
    if (change.at > at) break;
    share = towards(change.at);
    target = change.value / 100;
    since = change.at;
  }
  return Math.round(towards(at) * 10_000) / 10_000;
}

/** Three resolvers let go of an earlier answer one after the other, the last when its TTL has run out. */
export function resolversFollowing(state: WorldState, now: number): number {
  const changes = [...state.dns, ...state.ttl].filter((c) => c.at <= now).map((c) => c.at);
  const changed = Math.max(...changes);
  const ttl = (valueAt(state.ttl, changed - 1) ?? 60) * SECOND;
  const part = (now - changed) / (ttl + DNS_PROPAGATION);
  return changes.length === 0 || part >= 1 ? 1 : Math.floor(part * 3) / 3;
}
