import ipaddr from "ipaddr.js";

/** Azure's host agent, in a public network: a metadata service like those of 169.254.0.0/16. */
const AZURE_HOST_AGENT = "168.63.129.16";
/** Of IPv6 only global unicast is public. Source: IANA's IPv6 address space. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** For examples, since 2024. Source: RFC 9637. */
const DOCUMENTATION = ipaddr.IPv6.parseCIDR("3fff::/20");

/** Whether an address is of the public internet: neither private nor loopback, link-local, reserved or a metadata service. */
export function isPublic(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== "unicast") return false;
  if (address instanceof ipaddr.IPv4) return address.toString() !== AZURE_HOST_AGENT;
  return address.match(GLOBAL_UNICAST) && !address.match(DOCUMENTATION);
}
