import type { Criticality } from "./csv.js";

export interface RiskFacts {
  databaseSizeGb?: number;
  dnsTtlSeconds?: number;
  /** ISO 8601. */
  certificateExpiresAt?: string;
  /** The migration's time, against which the expiry is held. */
  now?: number;
  thirdParties: string[];
  criticality: Criticality;
  hasDatabase: boolean;
  hasPublicHost: boolean;
}

export interface Risk {
  id: string;
  title: string;
  severity: Criticality;
  /** The facts it rests on; says so when they are unknown. */
  evidence: string;
  mitigation: string;
  /** Steps of the plan that carry the mitigation out. */
  mitigatedBy: string[];
}

/** The seed's estimate by dump and restore: 2 to 4 hours for 500 GB. */
const HOURS_FOR_500_GB = [2, 4] as const;

/** The seed's risk assessment from facts. An unknown fact never makes a risk smaller. */
export function assessRisks(facts: RiskFacts): Risk[] {
  const risks: Risk[] = [];
  if (facts.hasDatabase) {
    risks.push(
      {
        id: "database-downtime",
        title: "Database migration downtime",
        severity: "high",
        evidence: downtime(facts.databaseSizeGb),
        mitigation: "Use read replica promotion",
        mitigatedBy: ["database.create-replica", "database.promote"],
      },
      {
        id: "data-consistency",
        title: "Data consistency",
        severity: "high",
        evidence: "Writes to the old database after its last replicated change would be lost",
        mitigation: "Implement read-only mode during migration, and promote at a lag of 0 only",
        mitigatedBy: ["database.stop-writes", "database.lag-zero", "database.verify-data"],
      },
    );
  }
  if (facts.hasPublicHost) {
    const phase = facts.hasDatabase ? "database" : "traffic";
    risks.push(
      {
        id: "dns-propagation",
        title: "DNS propagation",
        severity: "high",
        evidence:
          facts.dnsTtlSeconds === undefined
            ? "unknown: the record's TTL is not known; 24-48 hours for some users"
            : `The record's TTL is ${facts.dnsTtlSeconds} s; resolvers that ignore it take 24-48 hours`,
        mitigation: "Reduce TTL to 60s one week before migration",
        mitigatedBy: [`${phase}.lower-ttl`, `${phase}.low-ttl-soak`],
      },
      {
        id: "certificate",
        title: "SSL certificate renewal",
        severity: expiresMeanwhile(facts) ? "high" : "medium",
        evidence:
          facts.certificateExpiresAt === undefined
            ? "unknown: the old certificate's expiry is not known"
            : `The old certificate expires on ${facts.certificateExpiresAt.slice(0, 10)}${expiresMeanwhile(facts) ? ", before a migration of ten weeks ends" : ""}`,
        mitigation: "Request new certificates via ACM",
        mitigatedBy: ["containerize.deploy"],
      },
      {
        id: "third-parties",
        title: "Third-party integrations",
        severity: "medium",
        evidence:
          facts.thirdParties.length === 0
            ? "unknown: no integrations are listed; webhook URLs may need updating"
            : `Webhooks of ${facts.thirdParties.join(", ")} may need updating`,
        mitigation: "Update webhooks to new endpoints",
        mitigatedBy: ["traffic.webhooks"],
      },
    );
  }
  return risks;
}

/** How long the seed's migration takes, in milliseconds: ten weeks. */
const MIGRATION_MS = 70 * 86_400_000;

const expiresMeanwhile = ({ certificateExpiresAt, now }: RiskFacts): boolean =>
  certificateExpiresAt !== undefined && now !== undefined && Date.parse(certificateExpiresAt) < now + MIGRATION_MS;

function downtime(sizeGb: number | undefined): string {
  if (sizeGb === undefined) return "unknown: the database's size is not known";
  const hours = HOURS_FOR_500_GB.map((h) => Math.round(((h * sizeGb) / 500) * 10) / 10);
  return `${hours.join("-")} hours for ${sizeGb} GB by dump and restore`;
}

/** Markdown in the seed's form. */
export function riskRegister(risks: Risk[]): string {
  const parts = (["high", "medium", "low"] as const).flatMap((severity) => {
    const of = risks.filter((r) => r.severity === severity);
    if (of.length === 0) return [];
    const lines = of.map(
      (r) => `- **${r.title}**: ${r.evidence}\n  - Mitigation: ${r.mitigation}\n  - Carried out by: ${r.mitigatedBy.join(", ")}`,
    );
    return [`## ${severity[0]?.toUpperCase()}${severity.slice(1)} Risk\n${lines.join("\n")}`];
  });
  return `# Migration Risk Assessment\n\n${parts.length === 0 ? "No risks follow from the known facts." : parts.join("\n\n")}\n`;
}
