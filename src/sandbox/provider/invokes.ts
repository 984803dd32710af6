import type { Properties } from "../backend.js";

/**
 * Hosted zones of Application Load Balancers by region, as the `aws_lb_hosted_zone_id` data source knows them.
 * Source: internal/service/elbv2/hosted_zone_id_data_source.go, from AWS General Reference, "Elastic Load Balancing endpoints and
 * quotas".
 */
const ALB_ZONES: Record<string, string> = {
  "af-south-1": "Z268VQBMOI5EKX",
  "ap-east-1": "Z3DQVH9N71FHZ0",
  "ap-east-2": "Z02789141MW7T1WBU19PO",
  "ap-northeast-1": "Z14GRHDCWA56QT",
  "ap-northeast-2": "ZWKZPGTI48KDX",
  "ap-northeast-3": "Z5LXEXXYW11ES",
  "ap-south-1": "ZP97RAFLXTNZK",
  "ap-south-2": "Z0173938T07WNTVAEPZN",
  "ap-southeast-1": "Z1LMS91P8CMLE5",
  "ap-southeast-2": "Z1GM3OXH4ZPM65",
  "ap-southeast-3": "Z08888821HLRG5A9ZRTER",
  "ap-southeast-4": "Z09517862IB2WZLPXG76F",
  "ap-southeast-5": "Z06010284QMVVW7WO5J",
  "ap-southeast-6": "Z023301818UFJ50CIO0MV",
  "ap-southeast-7": "Z0390008CMBRTHFGWBCB",
  "ca-central-1": "ZQSVJUPU6J1EY",
  "ca-west-1": "Z06473681N0SF6OS049SD",
  "cn-north-1": "Z1GDH35T77C1KE",
  "cn-northwest-1": "ZM7IZAIOVVDZF",
  "eu-central-1": "Z215JYRZR1TBD5",
  "eu-central-2": "Z06391101F2ZOEP8P5EB3",
  "eu-north-1": "Z23TAZ6LKFMNIO",
  "eu-south-1": "Z3ULH7SSC9OV64",
  "eu-south-2": "Z0956581394HF5D5LXGAP",
  "eu-west-1": "Z32O12XQLNTSW2",
  "eu-west-2": "ZHURV8PSTC4K8",
  "eu-west-3": "Z3Q77PNBQS71R4",
  "il-central-1": "Z09170902867EHPV2DABU",
  "me-central-1": "Z08230872XQRWHG2XF6I",
  "me-south-1": "ZS929ML54UICD",
  "mx-central-1": "Z023552324OKD1BB28BH5",
  "sa-east-1": "Z2P70J7HTTTPLU",
  "us-east-1": "Z35SXDOTRQ7X7K",
  "us-east-2": "Z3AADJGX6KTTL2",
  "us-gov-east-1": "Z166TLBEWOO7G0",
  "us-gov-west-1": "Z33AYJ8TM3BH4J",
  "us-west-1": "Z368ELLRRE2KJ0",
  "us-west-2": "Z1H1FL5HABSF5",
};

export const NODE_GROUP = "aws:eks/getNodeGroup:getNodeGroup";
export const LISTENER_RULE = "aws:lb/getListenerRule:getListenerRule";
export const RECORDS = "aws:route53/getRecords:getRecords";

/** Answers the functions that the components call. @throws Error for any other, as a provider without it would */
export function invoke(token: string, args: Properties, region: string): Properties {
  const where = typeof args.region === "string" ? args.region : region;
  switch (token) {
    case "aws:lb/getHostedZoneId:getHostedZoneId": {
      const id = ALB_ZONES[where];
      if (id === undefined) throw new Error(`unsupported ELBv2 Region (${where})`);
      return { id, region: where, loadBalancerType: "application" };
    }
    case "aws:rds/getInstance:getInstance": {
      const dbInstanceIdentifier = String(args.dbInstanceIdentifier);
      const dbInstanceArn = `arn:aws:rds:${where}:123456789012:db:${dbInstanceIdentifier}`;
      // `plain-…` stands for a database that was made without encryption.
      return {
        id: dbInstanceIdentifier,
        dbInstanceIdentifier,
        dbInstanceArn,
        storageEncrypted: !dbInstanceIdentifier.startsWith("plain-"),
      };
    }
    case "aws:lb/getLoadBalancer:getLoadBalancer": {
      const given = args.arn === undefined ? undefined : String(args.arn);
      const name = given?.split("/").at(-2) ?? String(args.name ?? "");
      const arnSuffix = given?.split(":loadbalancer/").at(-1) ?? `app/${name}/0123456789abcdef`;
      const arn = given ?? `arn:aws:elasticloadbalancing:${where}:123456789012:loadbalancer/${arnSuffix}`;
      return { id: arn, name, arnSuffix, arn, vpcId: "vpc-0a1b2c3d4e5f60718", securityGroups: ["sg-0a1b2c3d4e5f60718"] };
    }
    case "aws:lb/getTargetGroup:getTargetGroup": {
      const arn = String(args.arn);
      // `sticky-…` stands for a group whose targets are sticky.
      const enabled = (arn.split("/").at(-2) ?? "").startsWith("sticky-");
      return {
        id: arn,
        arn,
        name: arn.split("/").at(-2),
        stickiness: { enabled, type: "lb_cookie", cookieDuration: 86_400, cookieName: "" },
      };
    }
    case LISTENER_RULE:
      // Whose listener it is, the world knows.
      return { id: "rule", conditions: [{ hostHeaders: [{ values: ["app.example.com"], regexValues: [] }] }], tags: {}, ...args };
    case RECORDS:
      return { id: String(args.zoneId), ...args, resourceRecordSets: [] };
    case "aws:index/getRegion:getRegion":
      return { id: where, name: where, region: where, description: where };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { id: "123456789012", accountId: "123456789012", arn: "arn:aws:iam::123456789012:user/sandbox", userId: "sandbox" };
    case "aws:index/getPartition:getPartition":
      return { id: "aws", partition: "aws", dnsSuffix: "amazonaws.com", reverseDnsPrefix: "com.amazonaws" };
    default:
      throw new Error(`the sandbox has no function ${token}`);
  }
}
