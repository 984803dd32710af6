import { lockPlace } from "../engine/lockPlaces.js";
import type { ProviderFacts } from "../ports/providers.js";

/**
 * What a bridged provider notes beside a resource's outputs: the version of their schema. Without it they count as those of the
 * first version, whose upgrade takes an id from where there is none. Source: SchemaVersion in terraform-provider-aws v6.47,
 * internal/service/rds/instance.go.
 */
const VERSIONED: Record<string, object> = { "aws:rds/instance:Instance": { __meta: JSON.stringify({ schema_version: "2" }) } };

/** Of the providers for AWS and Kubernetes, and of the engine's own backends. */
export const PROVIDERS: ProviderFacts = {
  lockPlace,
  weighed: { "cutover:dns": "**$aws:route53/record:Record::**", "cutover:traffic": "**$aws:lb/listenerRule:ListenerRule::**" },
  isApplied: (type) => type.startsWith("kubernetes:"),
  besideOutputs: (type) => VERSIONED[type],
};
