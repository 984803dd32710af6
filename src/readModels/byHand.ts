import { namesOf, type ZoneName } from "../config/names.js";
import type { StackConfig } from "../config/schema.js";
import { groupsOf, type TargetGroups } from "../config/shift.js";

/** The set identifiers of cutover's own records. */
const RECORDS = [
  { identifier: "old-infra", weight: 100 },
  { identifier: "new-infra", weight: 0 },
] as const;

/**
 * How a person sends users back without cutover: each zone with its records, and commands that set both weights in one
 * change batch with what the records answer now. They need the AWS CLI and jq, and an identity that may change the zone.
 */
export function byHand(config: Pick<StackConfig, "dns" | "ingress" | "traffic">): string[] {
  const groups = groupsOf(config);
  if (groups !== undefined) return byRule(groups);
  return namesOf(config).flatMap((name) => [
    `Zone ${name.zoneId}, ${name.name}: ${RECORDS.map((r) => `record ${r.identifier} to weight ${r.weight}`).join(", ")}.`,
    commandFor(name),
  ]);
}

/** Cutover's own rule sends to the old target group alone; any other of the listener stays as it is. */
function byRule({ listenerArn, priority, oldTargetGroupArn }: TargetGroups): string[] {
  const query = `Rules[?Priority=='${priority}'].RuleArn`;
  const find = `aws elbv2 describe-rules --listener-arn ${listenerArn} --query "${query}" --output text`;
  return [
    `Rule ${priority} of the listener ${listenerArn}: to the target group ${oldTargetGroupArn} alone.`,
    `aws elbv2 modify-rule --rule-arn "$(${find})" --actions Type=forward,TargetGroupArn=${oldTargetGroupArn}`,
  ];
}

const [OLD, NEW] = RECORDS;

function commandFor({ zoneId, name }: ZoneName): string {
  // Route 53 writes the star of a wildcard as \052.
  const shown = `${name.replace(/^\*/, "\\\\052")}.`;
  const weight = `if .SetIdentifier == "${OLD.identifier}" then ${OLD.weight} else ${NEW.weight} end`;
  const ours = `.Name == "${shown}" and (.SetIdentifier == "${OLD.identifier}" or .SetIdentifier == "${NEW.identifier}")`;
  const batch = `{Changes: [.ResourceRecordSets[] | select(${ours}) | .Weight = (${weight}) | {Action: "UPSERT", ResourceRecordSet: .}]}`;
  return [`aws route53 list-resource-record-sets --hosted-zone-id ${zoneId} --output json`, `jq '${batch}' > weights.json`]
    .join(" | ")
    .concat(` && aws route53 change-resource-record-sets --hosted-zone-id ${zoneId} --change-batch file://weights.json`);
}
