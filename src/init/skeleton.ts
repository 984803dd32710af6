import { REPLACE } from "./placeholders.js";

/** Parts of a stack config that are the same whatever it is drafted from. */

/** The little that no file says. */
export interface Answers {
  region: string;
  /** Where images lie: `ghcr.io/your-org`. */
  registry: string;
  /** Users reach each public application as NAME.DOMAIN; none is public without one. */
  domain?: string;
  environments: string[];
}

export interface Draft {
  stack: string;
  /** The text of Pulumi.STACK.yaml. */
  text: string;
}

export const providers = ({ region }: Answers) => ({ "aws:region": region, "aws-native:region": region });

/** Only staging has nothing old to come from. */
export const hasOld = (environment: string): boolean => environment !== "staging";

export const ZONE = `Z${REPLACE.toUpperCase()}`;

/** PostgreSQL that moves: from RDS, by a read replica. @param known what is told of the source */
export const databaseOf = (name: string, known: { endpoint?: string; name?: string; user?: string } = {}) => ({
  source: {
    identifier: identifierOf(known.endpoint) ?? `${name.slice(0, 26)}-db-${REPLACE}`,
    endpoint: known.endpoint ?? `${name}-db.${REPLACE}.rds.amazonaws.com`,
    databaseName: known.name ?? name.replaceAll("-", "_"),
    username: known.user ?? name.replaceAll("-", "_"),
    sizeGb: 100,
  },
  target: {
    identifier: `${name.slice(0, 33)}-db-eks`,
    instanceClass: "db.r6g.large",
    vpcId: `vpc-${REPLACE}`,
    subnetIds: [`subnet-${REPLACE}-a`, `subnet-${REPLACE}-b`],
    clientSecurityGroupIds: [`sg-${REPLACE}`],
    oldSide: { securityGroupIds: [`sg-${REPLACE}-old`] },
  },
  // RDS for PostgreSQL 14.1 or newer; `cutover doctor` says where the source is older.
  backup: { onReplica: true },
});

/** `web-db.abc123.eu-west-1.rds.amazonaws.com` is the instance web-db. */
function identifierOf(endpoint: string | undefined): string | undefined {
  const first = endpoint?.split(".")[0] ?? "";
  return /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(first) && first.length <= 40 ? first : undefined;
}

/** What matters most gets two whole colours; what users see, a canary; the rest the ordinary update. */
export function strategyKind(criticality: "high" | "medium" | "low", isReached: boolean): "rolling" | "blue-green" | "canary" {
  if (!isReached) return "rolling";
  return criticality === "high" ? "blue-green" : "canary";
}
