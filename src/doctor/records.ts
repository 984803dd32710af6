import type { AwsClients } from "../adapters/aws/clients.js";
import { ALIAS_TTL_SECONDS, standingsOf, unfitOf } from "../adapters/aws/records.js";
import { answerOf, type NameSet, plainName } from "../adapters/aws/zone.js";
import { oldAddressesOf } from "../config/oldSide.js";
import type { StackConfig } from "../config/schema.js";
import { examine, type Finding } from "./check.js";

const CHECK = "DNS records";

/** What stands at every name of a stack, record by record, and what will be done with it; nothing is changed. */
export async function records(stack: string, config: StackConfig, { route53 }: AwsClients): Promise<Finding[]> {
  if (config.dns === undefined || config.ingress === undefined) return [];
  let found: Finding[] = [];
  const read = await examine(CHECK, stack, "See that the zone of dns.zoneId is there and may be read.", async () => {
    const standings = await standingsOf(route53, config);
    const sets = standings.flatMap((s) => s.sets);
    const refused = standings.flatMap((s) => s.refused);
    found = [
      ...refused.map((why) => refusal(stack, why)),
      ...sets.flatMap((s) => unfitOf(config, s) ?? []).map((why) => refusal(stack, why)),
      ...sets.filter((s) => s.plain !== undefined || s.old !== undefined).map((set) => one(stack, set, config)),
      ...ttl(stack, config),
    ];
    return `${sets.length} records answer for ${standings.length} name${standings.length === 1 ? "" : "s"}`;
  });
  return read.standing === "ok" ? found : [read];
}

/** "This cannot be: do that." */
function refusal(stack: string, why: string): Finding {
  const at = why.lastIndexOf(": ");
  const mend = why.slice(why.lastIndexOf(". ", why.length - 2) + 1).trim() || why.slice(at + 2);
  return { check: CHECK, of: stack, standing: "failed", detail: why, mend };
}

function one(stack: string, set: NameSet, config: StackConfig): Finding {
  const { name, type, zoneId, plain, old, copied } = set;
  const record = plain ?? old;
  const done =
    old !== undefined
      ? "weighted already"
      : copied === true
        ? "the wildcard stays; the name gets a record of its own with this answer and a weight"
        : "kept as it is and given a weight; the way back gives it back without one";
  const detail = `${name} ${type} in ${zoneId}: ${answerOf(record)}: ${done}`;
  const stated = oldAddressesOf(config);
  const values = (record?.ResourceRecords ?? []).map((r) => plainName(r.Value));
  const differs = type === "A" && stated.length > 0 && (record?.AliasTarget !== undefined || values.some((v) => !stated.includes(v)));
  if (!differs) return { check: CHECK, of: stack, standing: "ok", detail };
  return {
    check: CHECK,
    of: stack,
    standing: "warning",
    detail: `${detail}. The stack config says ${stated.join(", ")} (old.addresses); what the zone says is used`,
    mend: "Name what answers today in old.endpoints, and remove old.addresses.",
  };
}

function ttl(stack: string, { dns }: StackConfig): Finding[] {
  if (dns === undefined || dns.cutoverTtlSeconds <= ALIAS_TTL_SECONDS) return [];
  return [
    {
      check: CHECK,
      of: stack,
      standing: "warning",
      detail: `dns.cutoverTtlSeconds is ${dns.cutoverTtlSeconds}, and the new side's record is an alias of ${ALIAS_TTL_SECONDS} s: ${ALIAS_TTL_SECONDS} s is used while both answer, or the weights would be skewed`,
      mend: `Set dns.cutoverTtlSeconds to ${ALIAS_TTL_SECONDS}.`,
    },
  ];
}
