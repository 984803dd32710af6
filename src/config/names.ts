/** Labels of letters, digits and hyphens; a last one of digits too where it is an international one's punycode. */
const LABELS = "([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])";

/** A host as DNS has it: fully qualified, in lower case, without a trailing dot. */
export const HOST_NAME = new RegExp(`^(?=.{1,253}$)${LABELS}$`);
/** The same, or a wildcard. */
export const MOVED_NAME = new RegExp(`^(?=.{1,253}$)(\\*\\.)?${LABELS}$`);
/** What is accepted. */
export const HOST_NAME_IN_WORDS =
  "a fully qualified lower-case host name, for example api.example.com; an international one in punycode, as xn--bcher-kva.example";

/** What a stack config says of them. */
interface Named {
  ingress?: { host: string } | undefined;
  dns?: { zoneId: string; private: boolean; also: { name: string; zoneId?: string | undefined; private: boolean }[] } | undefined;
}

/** A name that clients ask for, and the zone that answers for it. */
export interface ZoneName {
  zoneId: string;
  name: string;
  /** Answers inside VPCs only: nobody can ask it from outside. */
  private: boolean;
}

/** Every name whose answers move: the ingress's host, and what `dns.also` names. */
export function namesOf({ dns, ingress }: Named): ZoneName[] {
  if (dns === undefined || ingress === undefined) return [];
  const first = { zoneId: dns.zoneId, name: ingress.host, private: dns.private };
  return [first, ...dns.also.map(({ name, zoneId = dns.zoneId, private: hidden }) => ({ zoneId, name, private: hidden }))];
}

/** The hosts that the load balancer serves: a name in two zones is one host. */
export const hostsOf = (config: Named): string[] => {
  const host = config.ingress?.host;
  return [...new Set([...(host === undefined ? [] : [host]), ...namesOf(config).map((n) => n.name)])];
};

/** The zone that proves to a certificate authority whose a name is; undefined for one that only private zones have. */
export const publicZoneOf = (config: Named, host: string): string | undefined =>
  namesOf(config).find((n) => n.name === host && !n.private)?.zoneId;
