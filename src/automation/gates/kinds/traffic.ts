import { allReady, EVERY_MINUTE, type GateDefinitions, reached, seconds, weightShown } from "../definition.js";

/** Where users are sent, as load balancers, name servers and resolvers show it. */
export const trafficGates = {
  "load-balancer-ready": reached("load-balancer-ready", "the ingress has an address"),
  "targets-healthy": { ...allReady("targets-healthy", "all targets of the load balancer healthy"), everySeconds: EVERY_MINUTE },
  "green-weight": weightShown("green-weight", "the load balancer's rule"),
  "rollout-share": weightShown("rollout-share", "the load balancer's rule"),
  "dns-weight": weightShown("dns-weight-new", "the authoritative name servers"),
  "group-weight": weightShown("group-weight-new", "the load balancer's rule"),
  "dns-ttl": {
    observation: "dns-ttl",
    accepts: (_, expect) => `a TTL of at most ${expect} s at the authoritative name servers`,
    // An alias has the TTL of its target, 60 s for a load balancer, whatever one would like it to be.
    judge: (value, _, expect = 0) => (value <= expect ? "pass" : "pending"),
    format: seconds,
  },
  "dns-resolvers": allReady("dns-resolvers", "every resolver asked has let go of earlier answers"),
} satisfies GateDefinitions;
