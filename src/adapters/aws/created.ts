import { ListTagsForCertificateCommand, paginateListCertificates } from "@aws-sdk/client-acm";
import { DescribeAlarmsCommand, ListTagsForResourceCommand as ListAlarmTags } from "@aws-sdk/client-cloudwatch";
import { DescribeSecurityGroupsCommand } from "@aws-sdk/client-ec2";
import { DescribeNodegroupCommand, DescribePodIdentityAssociationCommand, ListPodIdentityAssociationsCommand } from "@aws-sdk/client-eks";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { DescribeDBInstancesCommand, DescribeDBSubnetGroupsCommand, ListTagsForResourceCommand } from "@aws-sdk/client-rds";
import {
  ListTagsForResourceCommand as ListHealthCheckTags,
  ListResourceRecordSetsCommand,
  paginateListHealthChecks,
  type RRType,
} from "@aws-sdk/client-route-53";
import { STACK_TAG } from "../../config/schema.js";
import { Transient } from "../../errors.js";
import { type AwsClients, unlessMissing } from "./clients.js";
import { SET_IDENTIFIERS } from "./zone.js";

type Inputs = Record<string, unknown>;

interface Found {
  id: string | undefined;
  /** Whether the stack's program made it. */
  own: boolean;
}

/**
 * By type: looks a resource up by the name that would make a second create fail, or by what it is for where a second one
 * would stand beside it (health checks, certificates). The tag of the stack's program says whose it is; of records it is the
 * set identifier, which is cutover's own. Other types need no looking for: objects of the cluster are created by applying, and
 * the record that validates a certificate is overwritten.
 */
const LOOK: Record<string, (clients: AwsClients, inputs: Inputs, stack: string) => Promise<Found | undefined>> = {
  "aws:rds/instance:Instance": async ({ rds }, { identifier }, stack) => {
    const DBInstanceIdentifier = String(identifier);
    const missing = ["DBInstanceNotFoundFault", "DBInstanceNotFound"] as const;
    const found = (await unlessMissing(rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier })), ...missing))?.DBInstances?.[0];
    if (found === undefined) return undefined;
    const own = isTagged(found.TagList, stack);
    // RDS refuses every change until then (InvalidDBInstanceState), and the provider's second call was never made.
    if (own && found.DBInstanceStatus !== "available")
      throw new Transient(
        `${identifier} is ${found.DBInstanceStatus ?? "in an unknown state"}: what was interrupted goes on once it is available.`,
      );
    // The provider's id, since its fifth version; reading by it needs no identifier.
    return { id: found.DbiResourceId ?? found.DBInstanceIdentifier, own };
  },
  "aws:rds/subnetGroup:SubnetGroup": async ({ rds }, { name }, stack) => {
    const asked = rds.send(new DescribeDBSubnetGroupsCommand({ DBSubnetGroupName: String(name) }));
    const found = (await unlessMissing(asked, "DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound"))?.DBSubnetGroups?.[0];
    if (found === undefined) return undefined;
    const { TagList } = await rds.send(new ListTagsForResourceCommand({ ResourceName: found.DBSubnetGroupArn }));
    return { id: found.DBSubnetGroupName, own: isTagged(TagList, stack) };
  },
  "aws:ec2/securityGroup:SecurityGroup": async ({ ec2 }, { name, vpcId }, stack) => {
    const Filters = [
      { Name: "group-name", Values: [String(name)] },
      { Name: "vpc-id", Values: [String(vpcId)] },
    ];
    const found = (await ec2.send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups?.[0];
    return found === undefined ? undefined : { id: found.GroupId, own: isTagged(found.Tags, stack) };
  },
  "aws-native:cloudwatch:Alarm": async ({ cloudwatch }, { alarmName }, stack) => {
    const { MetricAlarms = [] } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [String(alarmName)] }));
    const [found] = MetricAlarms;
    if (found === undefined) return undefined;
    const { Tags } = await cloudwatch.send(new ListAlarmTags({ ResourceARN: found.AlarmArn }));
    return { id: found.AlarmName, own: isTagged(Tags, stack) };
  },
  "aws:eks/nodeGroup:NodeGroup": async ({ eks }, { clusterName, nodeGroupName }, stack) => {
    const asked = eks.send(new DescribeNodegroupCommand({ clusterName: String(clusterName), nodegroupName: String(nodeGroupName) }));
    const found = (await unlessMissing(asked, "ResourceNotFoundException"))?.nodegroup;
    return found === undefined ? undefined : { id: `${clusterName}:${nodeGroupName}`, own: found.tags?.[STACK_TAG] === stack };
  },
  "aws:iam/role:Role": async ({ iam }, { name }, stack) => {
    const found = (await unlessMissing(iam.send(new GetRoleCommand({ RoleName: String(name) })), "NoSuchEntityException"))?.Role;
    return found === undefined ? undefined : { id: found.RoleName, own: isTagged(found.Tags, stack) };
  },
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": async ({ eks }, { clusterName, namespace, serviceAccount }, stack) => {
    const of = { clusterName: String(clusterName), namespace: String(namespace), serviceAccount: String(serviceAccount) };
    // One ServiceAccount has at most one.
    const [found] = (await eks.send(new ListPodIdentityAssociationsCommand(of))).associations ?? [];
    if (found?.associationId === undefined) return undefined;
    const { associationId } = found;
    const { association } = await eks.send(new DescribePodIdentityAssociationCommand({ clusterName: of.clusterName, associationId }));
    return { id: associationId, own: association?.tags?.[STACK_TAG] === stack };
  },
  "aws:acm/certificate:Certificate": async ({ acm }, { domainName }, stack) => {
    for await (const { CertificateSummaryList = [] } of paginateListCertificates({ client: acm }, {})) {
      for (const { CertificateArn, DomainName } of CertificateSummaryList) {
        if (DomainName !== domainName) continue;
        const { Tags } = await acm.send(new ListTagsForCertificateCommand({ CertificateArn }));
        if (isTagged(Tags, stack)) return { id: CertificateArn, own: true };
      }
    }
    return undefined;
  },
  "aws:route53/healthCheck:HealthCheck": async ({ route53 }, { fqdn, ipAddress, resourcePath }, stack) => {
    for await (const { HealthChecks = [] } of paginateListHealthChecks({ client: route53 }, {})) {
      for (const { Id, HealthCheckConfig: of } of HealthChecks) {
        if (of?.FullyQualifiedDomainName !== fqdn || of?.IPAddress !== ipAddress || of?.ResourcePath !== resourcePath) continue;
        const { ResourceTagSet } = await route53.send(new ListHealthCheckTags({ ResourceType: "healthcheck", ResourceId: Id }));
        if (isTagged(ResourceTagSet?.Tags, stack)) return { id: Id, own: true };
      }
    }
    return undefined;
  },
  "aws:route53/record:Record": async ({ route53 }, { zoneId, name, type, setIdentifier }) => {
    const { ResourceRecordSets = [] } = await route53.send(
      new ListResourceRecordSetsCommand({
        HostedZoneId: String(zoneId),
        StartRecordName: String(name),
        StartRecordType: type as RRType,
        StartRecordIdentifier: String(setIdentifier),
        MaxItems: 1,
      }),
    );
    const [first] = ResourceRecordSets;
    const same = first?.Name?.replace(/\.$/, "") === name && first?.Type === type && first?.SetIdentifier === setIdentifier;
    return same ? { id: [zoneId, name, type, setIdentifier].join("_"), own: SET_IDENTIFIERS.includes(String(setIdentifier)) } : undefined;
  },
};

const isTagged = (tags: { Key?: string | undefined; Value?: string | undefined }[] = [], stack: string): boolean =>
  tags.some((t) => t.Key === STACK_TAG && t.Value === stack);

/** The id of a resource whose creation was interrupted; undefined when there is none, or another program's has its name. */
export async function findCreated(clients: AwsClients, stack: string, type: string, inputs: Inputs): Promise<string | undefined> {
  const found = await LOOK[type]?.(clients, inputs, stack);
  return found?.own === true ? found.id : undefined;
}
