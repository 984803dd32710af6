import type { Properties } from "../backend.js";

/**
 * Hosted zones of Application Load Balancers by region, as the `aws_lb_hosted_zone_id` data source knows them.
 * Source: AWS General Reference, "Elastic Load Balancing endpoints and quotas".
 */
const ALB_ZONES: Record<string, string> = {
  "us-east-1": "Z35SXDOTRQ7X7K",
  "us-east-2": "Z3AADJGX6KTTL2",
  "us-west-1": "Z368ELLRRE2KJ0",
  "us-west-2": "Z1H1FL5HABSF5",
  "ca-central-1": "ZQSVJUPU6J1EY",
  "eu-central-1": "Z215JYRZR1TBD5",
  "eu-north-1": "Z23TAZ6LKFMNIO",
  "eu-west-1": "Z32O12XQLNTSW2",
  "eu-west-2": "ZHURV8PSTC4K8",
  "eu-west-3": "Z3Q77PNBQS71R4",
  "ap-northeast-1": "Z14GRHDCWA56QT",
  "ap-northeast-2": "ZWKZPGTI48KDX",
  "ap-south-1": "ZP97RAFLXTNZK",
  "ap-southeast-1": "Z1LMS91P8CMLE5",
  "ap-southeast-2": "Z1GM3OXH4ZPM65",
  "sa-east-1": "Z2P70J7HTTTPLU",
};

export const RECORDS = "aws:route53/getRecords:getRecords";

/** Answers the functions that the components call. @throws Error for any other, as a provider without it would */
export function invoke(token: string, args: Properties, region: string): Properties {
  const where = typeof args.region === "string" ? args.region : region;
  switch (token) {
    case "aws:lb/getHostedZoneId:getHostedZoneId": {
      const id = ALB_ZONES[where];
      if (id === undefined) throw new Error(`unsupported AWS Region: ${where}`);
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
      const stack = (args.tags as Record<string, string> | undefined)?.["ingress.k8s.aws/stack"] ?? "";
      const name = `k8s-${stack.replace("/", "-")}`;
      const arnSuffix = `app/${name}/0123456789abcdef`;
      return { id: name, name, arnSuffix, arn: `arn:aws:elasticloadbalancing:${where}:123456789012:loadbalancer/${arnSuffix}` };
    }
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
