import type { AwsClients } from "../adapters/aws/clients.js";
import { lookedAt, unfitOf } from "../adapters/aws/records.js";
import { ALIAS_TTL_SECONDS, answerOf, type NameSet, plainName } from "../adapters/aws/zone.js";
import { oldAddressesOf } from "../config/oldSide.js";
import type { StackConfig } from "../config/schema.js";
import { examine, type Finding, refusalOf } from "./check.js";

const CHECK = "DNS records";

/** What stands at every name of a stack, record by record, and what will be done with it; nothing is changed. */
export async function records(stack: string, config: StackConfig, { route53 }: AwsClients): Promise<Finding[]> {
  if (config.dns === undefined || config.ingress === undefined) return [];
  let found: Finding[] = [];
  const read = await examine(CHECK, stack, "See that the zone of dns.zoneId is there and may be read.", async () => {
    const standings = await lookedAt(route53, config);
    const sets = standings.flatMap((s) => s.sets);
    const refused = standings.flatMap((s) => s.refused);
    found = [
      ...refused.map((why) => refusalOf(CHECK, stack, why)),
      ...sets.flatMap((s) => unfitOf(config, s) ?? []).map((why) => refusalOf(CHECK, stack, why)),
      ...sets.filter((s) => s.plain !== undefined || s.old !== undefined).map((set) => one(stack, set, config)),
      ...ttl(stack, config),
      ...sets.flatMap((s) => longTtl(stack, config, s)),
    ];
    return `${sets.length} records answer for ${standings.length} name${standings.length === 1 ? "" : "s"}`;
  });
  return read.standing === "ok" ? found : [read];
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
    detail: `${detail}. The stack config says ${stated.join(", ")} (old.endpoints); what the zone says is used`,
    mend: "Name what answers today in old.endpoints in place of the addresses.",
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

/** What resolvers were told before the TTL was lowered they keep for as long as they were told. */
function longTtl(stack: string, { dns }: StackConfig, { name, type, plain }: NameSet): Finding[] {
  const soak = dns?.lowTtlForSeconds ?? 0;
  const ttl = plain?.TTL ?? 0;
  if (ttl <= soak) return [];
  return [
    {
      check: CHECK,
      of: stack,
      standing: "warning",
      detail: `${name} ${type} has a TTL of ${ttl} s, and dns.lowTtlForSeconds is ${soak}: resolvers may hold the earlier answer for longer than that`,
      mend: `Set dns.lowTtlForSeconds to ${ttl} or more.`,
    },
  ];
}
