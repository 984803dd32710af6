import type { StackConfig } from "../../../config/schema.js";
import { dependencyMapDocument, inventoryEntry, riskDocument } from "../documents.js";
import type { ActionStep, Step } from "../step.js";
import { found, hasOld, NOTHING_TO_UNDO } from "./build.js";

/** Phase 1: discovery and assessment. */
export function assess(config: StackConfig): Step[] {
  const look = (id: string, title: string, seed: string, run: ActionStep["run"]): Step => ({
    id: `assess.${id}`,
    phase: "assess",
    kind: "action",
    title,
    seed,
    wayBack: NOTHING_TO_UNDO,
    run,
  });
  const discovery: Step[] = [
    look("compute", "List the instances", "aws ec2 describe-instances", async ({ target }) => {
      const rows = await target.cloud.instances();
      return found(
        "instance",
        ["InstanceId", "InstanceType", "State", "Name"],
        rows.map((r) => [r.id, r.type, r.state, r.name]),
        "instances.txt",
      );
    }),
    look("databases", "List the databases", "aws rds describe-db-instances", async ({ target }) => {
      const rows = await target.cloud.databases();
      const header = ["DBInstanceIdentifier", "Engine", "EngineVersion", "DBInstanceClass", "Endpoint"];
      return found(
        "database",
        header,
        rows.map((r) => [r.identifier, r.engine, r.version, r.class, r.endpoint]),
        "databases.txt",
      );
    }),
    look("load-balancers", "List the load balancers", "aws elbv2 describe-load-balancers", async ({ target }) => {
      const rows = await target.cloud.loadBalancers();
      return found(
        "load balancer",
        ["LoadBalancerName", "Type", "State", "DNSName"],
        rows.map((r) => [r.name, r.type, r.state, r.dnsName]),
        "load-balancers.txt",
      );
    }),
  ];
  return [
    look("inventory", "Find the application in the inventory", "applications.csv", inventoryEntry),
    ...(hasOld(config) ? discovery : []),
    look("dependencies", "Map what it depends on and what consumes it", "dependency-map.md", dependencyMapDocument),
    ...(hasOld(config)
      ? [
          look("risks", "Assess the risks from facts", "Migration Risk Assessment", riskDocument),
          {
            id: "assess.accept",
            phase: "assess" as const,
            kind: "approval" as const,
            title: "Accept the risks and the plan",
            seed: "Identify Migration Risks",
            wayBack: NOTHING_TO_UNDO,
            asks: "Are the risks and their mitigations acceptable, and is this the plan?",
            secondPerson: false,
            gates: [],
          },
        ]
      : []),
  ];
}
