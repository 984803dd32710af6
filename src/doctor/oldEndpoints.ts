import { stringify } from "yaml";
import { endpointsOf, leftToPeople } from "../config/oldSide.js";
import type { StackConfig } from "../config/schema.js";
import type { Finding } from "./check.js";

const CHECK = "old endpoints";

/** In which form the config names what answers on the old side, and whether more than one load balancer does. */
export function oldEndpoints(stack: string, { old }: StackConfig): Finding[] {
  if (old === undefined) return [];
  const earlier = [
    ...(old.loadBalancerArn === undefined ? [] : ["old.loadBalancerArn"]),
    ...(old.addresses === undefined ? [] : ["old.addresses"]),
  ];
  const endpoints = endpointsOf(old);
  const balancers = endpoints.filter((e) => e.kind === "load-balancer");
  const warned = (detail: string, mend: string): Finding => ({ check: CHECK, of: stack, standing: "warning", detail, mend });
  return [
    ...(earlier.length === 0
      ? []
      : [
          warned(
            `${earlier.join(" and ")} ${earlier.length === 1 ? "is an earlier form" : "are earlier forms"} of old.endpoints, and ${earlier.length === 1 ? "counts" : "count"} as before`,
            `Write in ${earlier.length === 1 ? "its" : "their"} place, under cutover:old:\n${stringify({ endpoints }, { lineWidth: 0 }).trimEnd()}`,
          ),
        ]),
    ...(balancers.length < 2
      ? []
      : [
          warned(
            `the old side has ${balancers.length} load balancers: the first is measured, waited for and removed, and no step removes ${leftToPeople({ old }).join(", ")}`,
            "Name the one that most users come by first, and end the others by hand.",
          ),
        ]),
  ];
}
