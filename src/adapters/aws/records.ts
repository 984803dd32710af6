import {
  ChangeResourceRecordSetsCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  type Route53Client,
} from "@aws-sdk/client-route-53";
import type { StackConfig } from "../../config/schema.js";
import { Terminal } from "../../errors.js";
import type { Evidence } from "../../ports/target.js";

/** The records of the application's name, old side and new, as Route 53 has them. */
export interface NameRecords {
  plain: ResourceRecordSet | undefined;
  old: ResourceRecordSet | undefined;
  new: ResourceRecordSet | undefined;
}

const OLD = "old-infra";
const NEW = "new-infra";
/** Of cutover's own records. */
export const SET_IDENTIFIERS = [OLD, NEW];
/** A name has at most this many records of one type here. */
const MOST = 100;

function nameOf({ dns, ingress }: StackConfig): { zoneId: string; name: string } {
  if (dns === undefined || ingress === undefined) throw new Terminal("The stack config has no dns section with a host.");
  return { zoneId: dns.zoneId, name: ingress.host };
}

export async function recordsOf(route53: Route53Client, config: StackConfig): Promise<NameRecords> {
  const { zoneId, name } = nameOf(config);
  const { ResourceRecordSets = [] } = await route53.send(
    new ListResourceRecordSetsCommand({ HostedZoneId: zoneId, StartRecordName: name, StartRecordType: "A", MaxItems: MOST }),
  );
  const ours = ResourceRecordSets.filter((r) => r.Name?.replace(/\.$/, "") === name && r.Type === "A");
  const other = ours.find((r) => r.SetIdentifier !== undefined && r.SetIdentifier !== OLD && r.SetIdentifier !== NEW);
  if (other !== undefined)
    throw new Terminal(`${name} has a record ${other.SetIdentifier} that is not cutover's: its weight would count too. Remove it first.`);
  const of = (id: string | undefined) => ours.find((r) => r.SetIdentifier === id);
  return { plain: of(undefined), old: of(OLD), new: of(NEW) };
}

/**
 * Turns the plain record into a weighted one with the same answers, in one change batch: Route 53 applies a batch as a
 * whole, so the name is never without an answer. What is done already is left.
 */
export async function adoptRecord(route53: Route53Client, config: StackConfig): Promise<Evidence> {
  const { zoneId, name } = nameOf(config);
  const { plain, old } = await recordsOf(route53, config);
  if (old !== undefined) return { summary: `${name} answers with a weighted record already.` };
  if (plain === undefined) throw new Terminal(`${name} has no A record in the zone ${zoneId}: there is nothing to take over.`);
  await route53.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: zoneId,
      ChangeBatch: {
        Comment: "cutover: the plain record becomes a weighted one with the same answers",
        Changes: [
          { Action: "DELETE", ResourceRecordSet: plain },
          { Action: "CREATE", ResourceRecordSet: { ...plain, SetIdentifier: OLD, Weight: 100 } },
        ],
      },
    }),
  );
  return { summary: `${name} answers with a weighted record of weight 100 now; one change batch, no gap.` };
}

/** Sets both weights in one change batch: the emergency path, past the engine. */
export async function setWeights(route53: Route53Client, config: StackConfig, weights: { old: number; new: number }): Promise<Evidence> {
  const { zoneId, name } = nameOf(config);
  const records = await recordsOf(route53, config);
  const sides = (["old", "new"] as const).flatMap((side) => {
    const record = records[side];
    return record === undefined ? [] : [{ record, weight: weights[side] }];
  });
  if (!sides.some((s) => s.weight > 0)) throw new Terminal(`promise 2: ${name} would have no record with a weight above 0.`);
  const changes = sides.filter((s) => s.record.Weight !== s.weight);
  if (changes.length > 0)
    await route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        ChangeBatch: {
          Comment: "cutover: weights",
          Changes: changes.map(({ record, weight }) => ({ Action: "UPSERT", ResourceRecordSet: { ...record, Weight: weight } })),
        },
      }),
    );
  return { summary: `${name}: ${sides.map((s) => `${s.record.SetIdentifier} ${s.weight}`).join(", ")}.`, facts: { ...weights } };
}
