import { type Shown, shownByDns, shownByResolvers } from "../dns/shown.js";
import type { Measure, SourceParts } from "./source.js";

/** What name servers and resolvers answer, whatever Route 53 was told (promise 11). */
export const dnsSource = ({ clients, target, nameServers, resolvers }: SourceParts) => {
  const shown = (config: Shown["config"]): Shown => ({
    config,
    target,
    route53: clients.route53,
    ...(nameServers === undefined ? {} : { nameServers }),
    ...(resolvers === undefined ? {} : { resolvers }),
  });
  const byServers =
    (name: "dns-weight-new" | "dns-ttl"): Measure =>
    async ({ config }) => ({
      reading: await shownByDns(
        name,
        shown(() => config),
      ),
      source: "authoritative name servers",
    });
  const byResolvers: Measure = async ({ config }) => ({ reading: await shownByResolvers(shown(() => config)), source: "resolvers" });
  return { "dns-weight-new": byServers("dns-weight-new"), "dns-ttl": byServers("dns-ttl"), "dns-resolvers": byResolvers };
};
