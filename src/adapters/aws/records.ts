import { type Change, ChangeResourceRecordSetsCommand, type ResourceRecordSet, type Route53Client } from "@aws-sdk/client-route-53";
import { namesOf } from "../../config/names.js";
import type { StackConfig } from "../../config/schema.js";
import { Terminal } from "../../errors.js";
import type { Evidence } from "../../ports/target.js";
import { answerOf, judge, type NameSet, NEW, OLD, recordsAt, type Standing, standingAt } from "./zone.js";

/** Of an alias to a load balancer or to CloudFront: Route 53 gives it, nobody else can. */
export const ALIAS_TTL_SECONDS = 60;

function namesIn(config: StackConfig) {
  const names = namesOf(config);
  if (names.length === 0) throw new Terminal("The stack config has no dns section with a host.");
  return names;
}

/** The records of every name of the config, a set for each type; what is not cutover's is refused. */
export async function recordsOf(route53: Route53Client, config: StackConfig): Promise<NameSet[]> {
  const standings = await standingsOf(route53, config);
  refuse(standings);
  return standings.flatMap((s) => s.sets);
}

/** What stands at every name, with what cannot be moved. */
export const standingsOf = (route53: Route53Client, config: StackConfig): Promise<Standing[]> =>
  Promise.all(namesIn(config).map((at) => standingAt(route53, at)));

function refuse(standings: Standing[]): void {
  const refused = standings.flatMap((s) => s.refused);
  if (refused.length > 0) throw new Terminal(refused.join(" "), { next: "Then begin this step again; cutover doctor looks beforehand." });
}

/** Why a record of a set cannot be weighted the way this config asks for. */
export function unfitOf({ dns, ingress }: StackConfig, { name, type, plain, old }: NameSet): string | undefined {
  const record = plain ?? old;
  if (type === "AAAA" && ingress?.ipAddressType !== "dualstack")
    return `${name} has an AAAA record, and the new load balancer answers over IPv4 only: set ingress.ipAddressType to dualstack.`;
  if (record?.AliasTarget !== undefined && dns !== undefined && dns.cutoverTtlSeconds < ALIAS_TTL_SECONDS)
    return `${name} ${type} is an alias, whose TTL is ${ALIAS_TTL_SECONDS} s whatever one sets: dns.cutoverTtlSeconds must be ${ALIAS_TTL_SECONDS}, not ${dns.cutoverTtlSeconds}.`;
  return undefined;
}

/** A record without what makes it one of a weighted set. */
function withoutWeight({ SetIdentifier: _, Weight: __, ...answer }: ResourceRecordSet): ResourceRecordSet {
  return answer;
}

/** Changes by zone: Route 53 applies a batch as a whole, and one batch is of one zone. */
async function change(route53: Route53Client, comment: string, changes: { zoneId: string; changes: Change[] }[]): Promise<void> {
  const zones = new Map<string, Change[]>();
  for (const { zoneId, changes: some } of changes) zones.set(zoneId, [...(zones.get(zoneId) ?? []), ...some]);
  for (const [HostedZoneId, Changes] of zones) {
    if (Changes.length > 0)
      await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId, ChangeBatch: { Comment: comment, Changes } }));
  }
}

/**
 * The same record with other words around it, by deleting exactly what was read: Route 53 refuses the batch where somebody
 * changed the record meanwhile, so that nothing unseen is overwritten.
 */
const turned = (from: ResourceRecordSet, to: ResourceRecordSet): Change[] => [
  { Action: "DELETE", ResourceRecordSet: from },
  { Action: "UPSERT", ResourceRecordSet: to },
];

/**
 * Gives every record that answers today a weight of 100 and leaves it otherwise as it is, whatever it is, in one change batch
 * a zone: no name is without an answer at any moment. What is done already is left.
 */
export async function adoptRecord(route53: Route53Client, config: StackConfig): Promise<Evidence> {
  const sets = await recordsOf(route53, config);
  const unfit = sets.flatMap((s) => unfitOf(config, s) ?? []);
  if (unfit.length > 0) throw new Terminal(unfit.join(" "), { next: "Change the stack config, then begin this step again." });
  const plain = sets.flatMap((set) => (set.plain === undefined || set.old !== undefined ? [] : [{ set, record: set.plain }]));
  await change(
    route53,
    "cutover: the plain record becomes a weighted one with the same answers",
    plain.map(({ set: { zoneId, name, copied }, record }) => {
      const weighted = { ...record, SetIdentifier: OLD, Weight: 100 };
      return {
        zoneId,
        changes:
          copied === true ? [{ Action: "CREATE" as const, ResourceRecordSet: { ...weighted, Name: name } }] : turned(record, weighted),
      };
    }),
  );
  const records = sets.map(({ zoneId, name, type, copied, plain: was, old }) => {
    const record = was ?? old;
    return {
      zoneId,
      name,
      type,
      ...(copied === true ? { copied } : {}),
      ...(record === undefined ? {} : { answer: withoutWeight(record) }),
    };
  });
  const said = sets.map((s) => `${s.name} ${s.type} ${answerOf(s.plain ?? s.old)}`).join("; ");
  return {
    summary:
      plain.length === 0
        ? `Every record is weighted already: ${said}.`
        : `Kept as they are, with a weight of 100 now, in one change batch without a gap: ${said}.`,
    facts: { records },
  };
}

/** What adoption noted of a record, for giving it back. */
interface Noted {
  zoneId: string;
  name: string;
  type: string;
  copied?: boolean;
  answer?: ResourceRecordSet;
}

/**
 * The records as they were before they were adopted: the answers of now without a weight, with the TTL of then. Never leaves a
 * name without an answer, and stays weighted where a record of the new side still stands.
 * @param facts what the adoption left
 */
export async function releaseRecord(route53: Route53Client, config: StackConfig, facts?: Record<string, unknown>): Promise<Evidence> {
  const noted = (facts?.records ?? []) as Noted[];
  const standings = await Promise.all(namesIn(config).map(async (at) => judge(at, await recordsAt(route53, at.zoneId, at.name))));
  const sets = standings.flatMap((s) => s.sets);
  const weighted = sets.flatMap((s) => (s.old === undefined ? [] : [{ ...s, old: s.old }]));
  const free = weighted.filter((s) => s.new === undefined && s.plain === undefined);
  await change(
    route53,
    "cutover: the record as it was before its adoption",
    free.map(({ zoneId, name, type, old }): { zoneId: string; changes: Change[] } => {
      const was = noted.find((n) => n.zoneId === zoneId && n.name === name && n.type === type);
      const { TTL, HealthCheckId } = was?.answer ?? old;
      const { HealthCheckId: _, ...answer } = withoutWeight(old);
      const plain: ResourceRecordSet = {
        ...answer,
        ...(answer.AliasTarget === undefined && TTL !== undefined ? { TTL } : {}),
        ...(HealthCheckId === undefined ? {} : { HealthCheckId }),
      };
      return {
        zoneId,
        changes: was?.copied === true ? [{ Action: "DELETE", ResourceRecordSet: old }] : turned(old, plain),
      };
    }),
  );
  const kept = weighted.filter((s) => !free.includes(s)).map((s) => `${s.name} ${s.type}`);
  return {
    summary:
      kept.length > 0
        ? `Still weighted, since the new side's record stands beside it: ${kept.join(", ")}.`
        : `Given back as they were: ${free.map((s) => `${s.name} ${s.type} ${answerOf(s.old)}`).join("; ") || "nothing was weighted"}.`,
  };
}

/** Sets the weights of every name in one change batch a zone, and nothing but the weights: the emergency path, past the engine. */
export async function setWeights(route53: Route53Client, config: StackConfig, weights: { old: number; new: number }): Promise<Evidence> {
  const names = namesIn(config);
  const standings = await Promise.all(names.map(async (at) => judge(at, await recordsAt(route53, at.zoneId, at.name))));
  const sides = standings.flatMap(({ sets }) =>
    sets.flatMap(({ zoneId, name, old, new: fresh }) => [
      ...(old === undefined ? [] : [{ zoneId, name, record: old, weight: weights.old }]),
      ...(fresh === undefined ? [] : [{ zoneId, name, record: fresh, weight: weights.new }]),
    ]),
  );
  const dark = names.find(({ zoneId, name }) => !sides.some((s) => s.zoneId === zoneId && s.name === name && s.weight > 0));
  if (dark !== undefined) throw new Terminal(`promise 2: ${dark.name} would have no record with a weight above 0.`);
  await change(
    route53,
    "cutover: weights",
    sides
      .filter((s) => s.record.Weight !== s.weight)
      .map(({ zoneId, record, weight }) => ({
        zoneId,
        changes: [{ Action: "UPSERT", ResourceRecordSet: { ...record, Weight: weight } }],
      })),
  );
  const ids = [OLD, NEW].flatMap((id) => {
    const of = sides.filter((s) => s.record.SetIdentifier === id);
    return of.length === 0 ? [] : [`${id} ${of[0]?.weight}`];
  });
  return { summary: `${[...new Set(sides.map((s) => s.name))].join(", ")}: ${ids.join(", ")}.`, facts: { ...weights } };
}
