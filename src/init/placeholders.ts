import { neededSecrets, type RawConfig } from "../config/stackFile.js";

/** Stands in every value that `init` could not know; passes the schema's patterns, and no real id contains it. */
export const REPLACE = "replaceme";
/** Addresses that documentation keeps for itself (RFC 5737). */
const DOCUMENTATION_ADDRESS = /^192\.0\.2\.\d+$/;

/** What to put there, by the end of the config path. */
const HINTS: [RegExp, string][] = [
  [/dns\.zoneId$/, "aws route53 list-hosted-zones"],
  [/old\.instanceIds/, "aws ec2 describe-instances, or cutover discover; [] when it runs elsewhere"],
  [
    /old\.(addresses|endpoints)/,
    "what answers today, for measuring: cutover init --discover writes it; the records themselves are read from the zone, so it may be left out",
  ],
  [/(source\.(identifier|endpoint)|databaseIdentifier)$/, "aws rds describe-db-instances, or cutover discover"],
  [/target\.vpcId$/, "the cluster's VPC"],
  [/target\.subnetIds/, "two private subnets of that VPC, in different zones"],
  [/clientSecurityGroupIds/, "the security group of the cluster's nodes"],
  [/oldSide/, "the security groups of the old servers and of the old database, or oldSide.cidrBlocks"],
];

export interface Missing {
  /** Config path, without the namespace. */
  path: string;
  got: string;
  hint: string;
}

/** Everything of a stack config that is still to be filled in: placeholders, questions, stores that nobody decided on, and secrets that are not set. Pure. */
export function missingIn(raw: RawConfig): Missing[] {
  const missing: Missing[] = [];
  const walk = (path: string, value: unknown): void => {
    if (typeof value === "string" && (value.toLowerCase().includes(REPLACE) || DOCUMENTATION_ADDRESS.test(value))) {
      const hint = HINTS.find(([at]) => at.test(path))?.[1] ?? "the real value";
      missing.push({ path, got: value, hint });
    } else if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, inner);
  };
  for (const [key, value] of Object.entries(raw)) walk(key.replace(/^cutover:/, ""), value);
  for (const [i, question] of listOf(raw["cutover:questions"]).entries())
    missing.push({ path: `questions[${i}]`, got: "not answered", hint: String(question) });
  for (const [i, store] of listOf(raw["cutover:stores"]).entries()) {
    const { kind = "a data store", handling = "undecided" } = store as { kind?: string; handling?: string };
    if (handling === "undecided")
      missing.push({ path: `stores[${i}].handling`, got: "undecided", hint: `cutover does not move ${kind}: stays, or moved-by-people` });
  }
  const given = Object.keys((raw["cutover:secrets"] as object | undefined) ?? {});
  for (const key of neededSecrets(raw))
    if (!given.includes(key))
      missing.push({ path: `secrets.${key}`, got: "not set", hint: `pulumi config set --secret --path 'cutover:secrets.${key}'` });
  return missing;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
