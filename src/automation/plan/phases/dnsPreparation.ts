import type { StackConfig } from "../../../config/schema.js";
import type { Phase, Step } from "../step.js";
import { earlierConfig, gate, need } from "./build.js";

/** Of an alias to a load balancer, which is what the new side's record is. */
export const ALIAS_TTL_SECONDS = 60;

/**
 * Lowering the TTL a week ahead, as the checklist before the database cutover asks; an application without a
 * database does it before its traffic moves. A plain record cannot stand beside weighted ones, so it is turned into
 * a weighted one first.
 */
export function dnsPreparation(config: StackConfig, phase: Phase): Step[] {
  if (config.dns === undefined) return [];
  const { cutoverTtlSeconds, lowTtlForSeconds } = config.dns;
  return [
    {
      id: `${phase}.adopt-record`,
      phase,
      kind: "action",
      title: "Give every DNS record that answers today a weight and leave it otherwise as it is, in one change batch",
      seed: "Weighted Routing During Cutover: SetIdentifier old-infra",
      wayBack: { summary: "The records are given back as they were, without a weight and with their earlier TTL.", loses: "nothing" },
      run: ({ target, effect }) => target.cloud.adoptRecord(effect),
      undo: ({ target, effect, done }) => target.cloud.releaseRecord(effect, done),
      marks: ["dns-adopted"],
      undoMarks: ["dns-released"],
    },
    {
      id: `${phase}.lower-ttl`,
      phase,
      kind: "config",
      title: `Lower the DNS TTL to ${cutoverTtlSeconds} s`,
      seed: "Reduce DNS TTL to 60 seconds",
      wayBack: earlierConfig("The TTL is set back; the record stays."),
      change: (c) => ({ "dns.records": "old", "dns.ttlSeconds": need(c.dns, "dns").cutoverTtlSeconds }),
      gates: [gate("dns-ttl", 0, { expect: cutoverTtlSeconds })],
    },
    {
      id: `${phase}.low-ttl-soak`,
      phase,
      kind: "gate",
      title: "Wait until no resolver can hold the old TTL any more",
      seed: "Reduce TTL to 60s one week before migration",
      wayBack: { summary: "Nothing to undo: it only waits.", loses: "nothing" },
      gates: [gate("dns-ttl", lowTtlForSeconds, { expect: cutoverTtlSeconds }), gate("dns-resolvers")],
    },
  ];
}
