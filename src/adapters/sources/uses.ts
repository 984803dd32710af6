import { databaseUses, instanceUses, loadBalancerUses, usesOf } from "../aws/uses.js";
import type { Measure, SourceParts } from "./source.js";

/** Evidence that nobody uses what is to be removed, from it itself and from what can lead to it. */
export const useSource = ({ clients, databases }: SourceParts) => {
  const balancer: Measure = async ({ config, windowSeconds }) => ({
    ...(await loadBalancerUses(clients, config, windowSeconds, Date.now())),
    source: "cloudwatch, elbv2 and route53",
  });
  const instances: Measure = async ({ config, windowSeconds }) => ({
    ...(await instanceUses(clients, config, windowSeconds, Date.now())),
    source: "cloudwatch, ec2, elbv2 and route53",
  });
  const database: Measure = async ({ config }) => {
    const sessions = config.database === undefined ? [] : await databases.oldUsers();
    return { ...usesOf([...sessions, ...(await databaseUses(clients, config))]), source: `${databases.source} and rds` };
  };
  return { "old-load-balancer-users": balancer, "old-instances-users": instances, "old-database-users": database };
};
