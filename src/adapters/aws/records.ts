import { type Change, ChangeResourceRecordSetsCommand, type ResourceRecordSet, type Route53Client } from "@aws-sdk/client-route-53";
import { namesOf, type ZoneName } from "../../config/names.js";
import type { StackConfig } from "../../config/schema.js";
import { Terminal, Transient } from "../../errors.js";
import type { Evidence } from "../../ports/target.js";
import { refusedAround } from "./surroundings.js";
import { ALIAS_TTL_SECONDS, answerOf, judge, type NameSet, NEW, OLD, recordsAt, type Standing, standingAt } from "./zone.js";

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

/** The same, with what around each name keeps it from being moved: more calls than a reading has time for. */
export const lookedAt = async (route53: Route53Client, config: StackConfig): Promise<Standing[]> =>
  Promise.all(
    (await standingsOf(route53, config)).map(async (standing) => ({
      ...standing,
      refused: [...standing.refused, ...(await refusedAround(route53, config, standing))],
    })),
  );

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
  const standings = await lookedAt(route53, config);
  refuse(standings);
  const sets = standings.flatMap((s) => s.sets);
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
      const { TTL } = was?.answer ?? old;
      const { HealthCheckId: current, ...answer } = withoutWeight(old);
      // Cutover's own goes with it; one that somebody gave the record since is theirs.
      const isOwn = config.old?.healthCheck !== undefined && type === "A" && answer.AliasTarget === undefined;
      const HealthCheckId = isOwn && was?.answer !== undefined ? was.answer.HealthCheckId : current;
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

/**
 * Sets the weights of every name in one change batch a zone, and nothing but the weights: the emergency path, past the engine. A zone
 * that cannot be changed keeps no other one from it.
 */
export async function setWeights(route53: Route53Client, config: StackConfig, weights: Weights): Promise<Evidence> {
  const names = namesIn(config);
  const zones = [...new Set(names.map((n) => n.zoneId))].map((zoneId) => names.filter((n) => n.zoneId === zoneId));
  const done = await Promise.allSettled(zones.map((ofZone) => setInZone(route53, ofZone, weights)));
  const said = done.flatMap((d) => (d.status === "fulfilled" ? [d.value] : []));
  const failed = done.flatMap((d) => (d.status === "rejected" ? [d.reason as Error] : []));
  const [first] = failed;
  if (first !== undefined && zones.length === 1) throw first;
  if (first !== undefined) {
    const text = [...failed.map((e) => e.message), ...said.map((s) => `Set: ${s}.`)].join(" ");
    throw failed.some((e) => e instanceof Transient) ? new Transient(text, { cause: first }) : new Terminal(text, { cause: first });
  }
  return { summary: `${said.join("; ")}.`, facts: { ...weights } };
}

interface Weights {
  old: number;
  new: number;
}

async function setInZone(route53: Route53Client, names: ZoneName[], weights: Weights): Promise<string> {
  const standings = await Promise.all(names.map(async (at) => judge(at, await recordsAt(route53, at.zoneId, at.name))));
  const dark = standings.find(({ sets }) => sets.length === 0);
  if (dark !== undefined) throw new Terminal(`promise 2: ${dark.at.name} would have no record with a weight above 0.`);
  const sets = standings.flatMap((s) => s.sets);
  const sides = sets.flatMap((set) => sidesOf(set, weights));
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
  const plain = sets.filter((s) => s.old === undefined && s.plain !== undefined).map((s) => `${s.name} ${s.type}`);
  const unweighted = plain.length === 0 ? [] : [`without a weight, so the old side's alone: ${plain.join(", ")}`];
  return `${[...new Set(names.map((n) => n.name))].join(", ")}: ${[...ids, ...unweighted].join(", ")}`;
}

/** A plain record is the old side's answer to everybody: where they are to be sent there, nothing of it has to change. */
function sidesOf({ zoneId, name, type, plain, old, new: fresh }: NameSet, weights: Weights) {
  const sides = [
    ...(old === undefined ? [] : [{ zoneId, record: old, weight: weights.old }]),
    ...(fresh === undefined ? [] : [{ zoneId, record: fresh, weight: weights.new }]),
  ];
  const answers = sides.some((s) => s.weight > 0) || (plain !== undefined && weights.new === 0);
  if (!answers) throw new Terminal(`promise 2: ${name} ${type} would have no record with a weight above 0.`);
  return sides;
}
