import type { StackConfig } from "../../../config/schema.js";
import { groupsOf } from "../../../config/shift.js";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import { isActive } from "../../faults.js";
import { ruleIn } from "../balancer.js";
import { find, INGRESS, olderThan } from "../find.js";
import { webAbsent } from "../once.js";
import { DNS_PROPAGATION, resolversFollowing } from "../share.js";
import { valueAt, type WorldState } from "../state.js";
import { SECOND, type Signals, yes } from "./signal.js";

/** Until the load balancer's rule shows a weight that the Ingress asks for. */
const RULE_DELAY = 15 * SECOND;

export const trafficSignals = {
  "load-balancer-ready": ({ state, config }) => yes(find(state, INGRESS, config) !== undefined),
  "targets-healthy": ({ state, config }) => targets(state, config),
  "old-targets-healthy": ({ state }) =>
    state.old.loadBalancer && state.old.instances.length > 0 ? known(1) : unknown("there is no old load balancer with targets"),
  "green-weight": ({ state }) => known(valueAt(state.green, state.now - RULE_DELAY) ?? 0),
  "rollout-share": ({ state }) => known(valueAt(state.rolloutShare, state.now - RULE_DELAY) ?? 0),
  "dns-weight-new": ({ state }) => known(valueAt(state.dns, state.now - DNS_PROPAGATION) ?? 0),
  "group-weight-new": ({ state }) => known(valueAt(state.dns, state.now) ?? 0),
  "dns-ttl": ({ state }) => {
    const ttl = valueAt(state.ttl, state.now - DNS_PROPAGATION);
    return ttl === undefined ? unknown("the name has no record yet") : known(ttl);
  },
  "dns-resolvers": ({ state }) => known(resolversFollowing(state, state.now)),
} satisfies Signals;

function targets(state: WorldState, config: StackConfig): Reading {
  if (webAbsent(state.once, config, "new")) return unknown("the target group has no target: the web process does not run here");
  if ((groupsOf(config)?.records ?? "none") !== "none") return groupTargets(state, config);
  const ingress = find(state, INGRESS, config);
  if (ingress === undefined) return unknown("there is no load balancer");
  if (!olderThan(ingress, state.now, 30)) return known(0);
  return known(isActive(state.faults, "unhealthy-target") ? 0.67 : 1);
}

/** Pods are registered by their binding, and are asked for their health once a rule names their group. */
function groupTargets(state: WorldState, config: StackConfig): Reading {
  const binding = find(state, "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding", config);
  if (ruleIn(state) === undefined) return unknown("cutover's rule names no target group of that side");
  if (!olderThan(binding, state.now, 30)) return known(0);
  return known(isActive(state.faults, "unhealthy-target") ? 0.67 : 1);
}
