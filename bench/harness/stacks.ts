import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { neededSecrets, type RawConfig } from "../../src/config/stackFile.js";
import { COLUMNS } from "../../src/inventory/csv.js";

/** An application of the benchmarks: no database, so that it needs no maintenance window, and a public host. */
export function stackConfig(name: string, environment: "staging" | "production", more: RawConfig = {}): RawConfig {
  const image = "ghcr.io/your-org/web-api:1.1.0";
  const old = {
    "cutover:ingress": { host: `${name}.example.com`, certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123" },
    "cutover:old": {
      instanceIds: ["i-1234567890abcdef0"],
      addresses: ["1.2.3.4"],
      loadBalancerArn: `arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/app/old-${name}/50dc6c495c0c9188`,
    },
    "cutover:strategy": { kind: "blue-green", image },
    "cutover:dns": { zoneId: "Z1234567890ABC" },
  };
  return {
    "aws:region": "us-east-2",
    "aws-native:region": "us-east-2",
    "cutover:application": { name, environment, criticality: "medium", owner: "Platform Team" },
    "cutover:cluster": { name: environment },
    "cutover:workload": { image: "ghcr.io/your-org/web-api:1.0.0", secretEnv: { REDIS_URL: "redis-url" } },
    ...(environment === "staging" ? { "cutover:strategy": { kind: "rolling", image } } : old),
    ...more,
  };
}

/** The same config with its secrets sealed with nothing, for journals that no engine reads. */
export function sealedConfig(raw: RawConfig): RawConfig {
  return { ...raw, "cutover:secrets": Object.fromEntries(neededSecrets(raw).map((key) => [key, { secure: "v1:none" }])) };
}

export const applicationNames = (count: number): string[] => Array.from({ length: count }, (_, i) => `app-${i + 1}`);

/** A project's stack configs and its inventory. */
export async function writeProject(folder: string, stacks: Record<string, RawConfig>): Promise<void> {
  for (const [stack, config] of Object.entries(stacks)) await writeFile(join(folder, `Pulumi.${stack}.yaml`), stringify({ config }));
  const names = new Set(Object.values(stacks).map((c) => (c["cutover:application"] as { name: string }).name));
  const rows = [...names].map((name) => `${name},Node.js 16,Redis,10k req/day,None,Medium,Platform Team`);
  await writeFile(join(folder, "applications.csv"), `${[COLUMNS.join(","), ...rows].join("\n")}\n`);
}
