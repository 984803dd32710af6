import type { StackConfig } from "../../config/schema.js";
import type { Properties } from "../backend.js";
import type { WorldState } from "../world/state.js";
import { plainAnswer } from "./cloud.js";

/** A stack's records as the provider's function for a zone's records shows them. */
export function shownRecords(state: WorldState, config: StackConfig): Properties[] {
  const plain = { zoneId: config.dns?.zoneId, name: config.ingress?.host, type: "A", ...plainAnswer(config) };
  const weighted = Object.values(state.resources).filter(
    (r) => r.type === "aws:route53/record:Record" && r.inputs.setIdentifier !== undefined,
  );
  return [...(state.old.plainRecord ? [plain] : []), ...weighted.map((r) => r.inputs)].map(shown);
}

function shown({ name, type, setIdentifier, ttl, records, aliases, healthCheckId, weightedRoutingPolicies }: Properties): Properties {
  const [alias] = (aliases ?? []) as { name: string; zoneId: string; evaluateTargetHealth: boolean }[];
  const [policy] = (weightedRoutingPolicies ?? []) as { weight: number }[];
  return {
    name: `${name}.`,
    type,
    setIdentifier: setIdentifier ?? "",
    ttl: ttl ?? 0,
    weight: policy?.weight ?? 0,
    healthCheckId: typeof healthCheckId === "string" ? healthCheckId : "",
    resourceRecords: ((records ?? []) as string[]).map((value) => ({ value })),
    ...(alias === undefined
      ? {}
      : { aliasTarget: { dnsName: `${alias.name}.`, hostedZoneId: alias.zoneId, evaluateTargetHealth: alias.evaluateTargetHealth } }),
  };
}
