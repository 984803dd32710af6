import { oldAddressesOf, oldBalancerOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import { groupsOf, shiftOf } from "../../config/shift.js";
import { Terminal } from "../../errors.js";
import type { CloudPort, CostRow, Effect, Evidence } from "../../ports/target.js";
import { afterWeight } from "../faults.js";
import { modifyRule, servingRule } from "../world/balancer.js";
import { newShare } from "../world/share.js";
import { signal } from "../world/signals.js";
import { noise, valueAt, type WorldState } from "../world/state.js";
import type { World } from "../world/world.js";

/** Until the old certificate ends, in milliseconds. */
const CERTIFICATE_LEFT = 96 * 86_400_000;

/** What each service costs a month in USD before the migration, and after it. */
const COSTS: [service: string, before: number, after: number][] = [
  ["Amazon Elastic Compute Cloud - Compute", 412, 305],
  ["Amazon Relational Database Service", 655, 470],
  ["Amazon Elastic Load Balancing", 38, 27],
  ["Amazon Elastic Container Service for Kubernetes", 0, 105],
];
/** Part of it that carries the application's tag. */
const TAGGED = 0.6;

function costsOf(seed: number, application: string, start: string, end: string): CostRow[] {
  const cents = (amount: number): number => Math.round(amount * 100) / 100;
  return COSTS.flatMap(([service, before, after], i) =>
    [start, end].flatMap((month, j): CostRow[] => {
      const amount = (j === 0 ? before : after) * (0.95 + noise(seed, service, 2 * i + j) / 10);
      if (amount === 0) return [];
      const row = { month, service, currency: "USD" };
      return [
        { ...row, application, amount: cents(amount * TAGGED) },
        { ...row, amount: cents(amount * (1 - TAGGED)) },
      ];
    }),
  );
}

/** What the name answers with before anything is moved: fixed addresses, or the old load balancer's alias. */
export function plainAnswer(config: StackConfig): Record<string, unknown> {
  const addresses = oldAddressesOf(config);
  if (addresses.length > 0 || config.dns === undefined) return { ttl: config.dns?.ttlSeconds, records: addresses };
  const name = `${oldBalancerOf(config)?.split("/").at(-2) ?? "old"}-1234567890.us-east-2.elb.amazonaws.com`;
  return { aliases: [{ name, zoneId: "Z3AADJGX6KTTL2", evaluateTargetHealth: true }] };
}

/** The cloud of the sandbox: effects change the world once a key, looks read it. */
export function sandboxCloud(world: World, config: () => StackConfig): CloudPort {
  const region = "us-east-2";
  const remove = (effect: Effect, kind: string, id: string, operation: (state: WorldState) => void, summary: string): Promise<Evidence> =>
    world.effect(effect, kind, id, (state) => {
      if (shiftOf(config()) !== undefined && newShare(state, state.now) < 0.99)
        throw new Terminal(`${id} still serves users: ${Math.round((1 - newShare(state, state.now)) * 100)} % of them.`);
      operation(state);
      return { summary };
    });
  const old = () => config().old;
  const lookAtRule = (effect: Effect): Promise<Evidence> =>
    world.effect(effect, "elbv2:DescribeRules", groupsOf(config())?.listenerArn ?? "", () => {
      const { priority } = servingRule(config()) ?? {};
      return {
        summary: `Rule ${priority} serves today and stays as it is; cutover's own comes before it.`,
        facts: { rule: groupsOf(config())?.ruleArn, priority },
      };
    });
  const modify = (weights: { old: number; new: number }, effect: Effect): Promise<Evidence> =>
    world.effect(effect, "elbv2:ModifyRule", groupsOf(config())?.listenerArn ?? "", (state) => {
      if (modifyRule(state, config(), weights))
        return { summary: `Old target group ${weights.old}, new target group ${weights.new}.`, facts: { ...weights } };
      if (weights.new > 0) throw new Terminal("The listener has no rule of cutover's: there is nothing to set weights of.");
      return { summary: "Cutover's rule does not stand: the rule of today sends everybody to the old side.", facts: { ...weights } };
    });
  return {
    instances: async () =>
      (await world.look()).old.instances.map((id, i) => ({
        id,
        type: "m5.large",
        state: "running",
        name: `old-${config().application.name}-${i + 1}`,
        region,
      })),
    databases: async () => {
      const { database } = config();
      if (database === undefined || !(await world.look()).old.database) return [];
      const { identifier, endpoint, sizeGb } = database.source;
      return [{ identifier, engine: "postgres", version: "15.8", class: "db.r5.large", endpoint, sizeGb, region }];
    },
    loadBalancers: async () => {
      const arn = oldBalancerOf(config());
      if (arn === undefined || !(await world.look()).old.loadBalancer) return [];
      const name = arn.split("/").at(-2) ?? "old";
      return [{ name, type: "application", state: "active", dnsName: `${name}-1234567890.${region}.elb.amazonaws.com`, arn, region }];
    },
    facts: async () => {
      const { now, ttl } = await world.look();
      const { database, ingress } = config();
      const seconds = valueAt(ttl, now);
      return {
        ...(database === undefined ? {} : { databaseSizeGb: database.source.sizeGb }),
        ...(seconds === undefined ? {} : { dnsTtlSeconds: seconds }),
        ...(ingress === undefined ? {} : { certificateExpiresAt: new Date(now + CERTIFICATE_LEFT).toISOString() }),
      };
    },
    costs: async ({ start, end }) => costsOf((await world.look()).seed, config().application.name, start, end),
    prices: async (types) => {
      const { seed } = await world.look();
      return types.map((type) => {
        const onDemand = 0.09 + noise(seed, type, 0) / 50;
        return { type, onDemand, spot: onDemand * (0.3 + noise(seed, type, 1) / 5) };
      });
    },
    adoptRecord: (effect) =>
      groupsOf(config()) !== undefined
        ? lookAtRule(effect)
        : world.effect(effect, "route53:AdoptRecord", config().ingress?.host ?? "", (state) => {
            state.old.plainRecord = false;
            const { dns, ingress } = config();
            const type = "aws:route53/record:Record";
            const id = [dns?.zoneId, ingress?.host, "A", "old-infra"].join("_");
            const inputs = {
              zoneId: dns?.zoneId,
              name: ingress?.host,
              type: "A",
              setIdentifier: "old-infra",
              weightedRoutingPolicies: [{ weight: 100 }],
              ...plainAnswer(config()),
            };
            state.resources[`${type}|${id}`] = {
              type,
              id,
              inputs,
              outputs: { ...inputs, fqdn: ingress?.host },
              createdAt: state.now,
              changedAt: state.now,
            };
            return { summary: `${ingress?.host} answers with a weighted record of weight 100 now; one change batch, no gap.` };
          }),
    releaseRecord: (effect) =>
      world.effect(effect, "route53:ReleaseRecord", config().ingress?.host ?? "", (state) => {
        const records = Object.entries(state.resources).filter(([, r]) => r.type === "aws:route53/record:Record");
        const ofSide = (id: string) => records.filter(([, r]) => r.inputs.setIdentifier === id);
        // Beside a record of the new side there can be no plain one.
        if (ofSide("new-infra").length > 0) return { summary: "Still weighted, since the new side's record stands beside it." };
        for (const [key] of ofSide("old-infra")) delete state.resources[key];
        state.old.plainRecord = true;
        return { summary: `Given back as it was: ${config().ingress?.host}.` };
      }),
    setWeights: (weights, effect) =>
      groupsOf(config()) !== undefined
        ? modify(weights, effect)
        : world.effect(effect, "route53:SetWeights", config().ingress?.host ?? "", (state) => {
            for (const record of Object.values(state.resources)) {
              if (record.type !== "aws:route53/record:Record") continue;
              const side =
                record.inputs.setIdentifier === "new-infra" ? "new" : record.inputs.setIdentifier === "old-infra" ? "old" : undefined;
              if (side === undefined) continue;
              const weightedRoutingPolicies = [{ weight: weights[side] }];
              Object.assign(record, {
                inputs: { ...record.inputs, weightedRoutingPolicies },
                outputs: { ...record.outputs, weightedRoutingPolicies },
              });
            }
            state.dns.push({ at: state.now, value: weights.new });
            state.faults = afterWeight(state.faults, weights.new);
            return { summary: `Weights set to ${weights.old}/${weights.new}.` };
          }),
    snapshotDatabase: (snapshotId, effect, notBefore) =>
      world.effect(effect, "rds:CreateDBSnapshot", snapshotId, (state) => {
        requireNewer(snapshotId, state.snapshots[snapshotId], notBefore);
        state.snapshots[snapshotId] = state.now;
        return { summary: `The snapshot ${snapshotId} was begun.` };
      }),
    restoreToPointInTime: (at, identifier, effect) =>
      world.effect(effect, "rds:RestoreDBInstanceToPointInTime", identifier, () => ({
        summary: `${identifier} is restored to ${new Date(at).toISOString()}.`,
      })),
    protectDatabase: (effect) =>
      world.effect(effect, "rds:ModifyDBInstance", config().database?.target.identifier ?? "", (state) => {
        const { backup, target } = config().database ?? {};
        const found = state.resources[`aws:rds/instance:Instance|${target?.identifier}`];
        if (found === undefined || backup === undefined) throw new Terminal(`There is no database ${target?.identifier}.`);
        const before = JSON.stringify(found.inputs);
        const backupRetentionPeriod = Math.max(backup.retentionDays, Number(found.inputs.backupRetentionPeriod ?? 0));
        Object.assign(found.inputs, { deletionProtection: true, backupRetentionPeriod });
        Object.assign(found.outputs, { deletionProtection: true, backupRetentionPeriod });
        const lacked = JSON.stringify(found.inputs) !== before;
        return { summary: `${target?.identifier} ${lacked ? "lacked protection, and was given it now" : "is protected"}.` };
      }),
    terminateInstances: (effect) =>
      remove(
        effect,
        "ec2:TerminateInstances",
        "the old fleet",
        (state) => (state.old.instances = []),
        `${old()?.instanceIds.join(", ")} terminated.`,
      ),
    deleteLoadBalancer: (effect) =>
      remove(
        effect,
        "elbv2:DeleteLoadBalancer",
        "the old load balancer",
        (state) => (state.old.loadBalancer = false),
        `${oldBalancerOf(config())} deleted.`,
      ),
    deleteDatabase: (snapshotId, effect, notBefore) =>
      remove(
        effect,
        "rds:DeleteDBInstance",
        old()?.databaseIdentifier ?? "",
        (state) => {
          const available = signal("snapshot-available", { state, config: config(), side: undefined, windowSeconds: 0 });
          if (state.snapshots[snapshotId] === undefined || !available.known || available.value < 1)
            throw new Terminal(`the final snapshot ${snapshotId} is not available`);
          requireNewer(snapshotId, state.snapshots[snapshotId], notBefore);
          state.old.database = false;
          state.writes.old = false;
        },
        `${old()?.databaseIdentifier} deleted; its final snapshot is ${snapshotId}.`,
      ),
    deleteSecurityGroups: (effect) =>
      remove(
        effect,
        "ec2:DeleteSecurityGroup",
        "the old security groups",
        (state) => {
          revokeReferences(state, config().old?.securityGroupIds ?? []);
          state.old.securityGroups = [];
        },
        `${old()?.securityGroupIds.join(", ")} deleted.`,
      ),
  };
}

/** As the real adapter does before it deletes groups: a group that a rule names stays. The engine knows nothing of it. */
function revokeReferences(state: WorldState, ids: string[]): void {
  for (const { type, inputs, outputs } of Object.values(state.resources)) {
    if (type !== "aws:ec2/securityGroup:SecurityGroup") continue;
    for (const direction of ["ingress", "egress"]) {
      const rules = ((inputs[direction] ?? []) as { securityGroups?: string[]; cidrBlocks?: string[] }[]).flatMap((rule) => {
        const securityGroups = rule.securityGroups?.filter((id) => !ids.includes(id));
        const left = (securityGroups?.length ?? 0) + (rule.cidrBlocks?.length ?? 0) > 0;
        return left ? [{ ...rule, ...(securityGroups === undefined ? {} : { securityGroups }) }] : [];
      });
      inputs[direction] = rules;
      outputs[direction] = rules;
    }
  }
}

function requireNewer(snapshotId: string, takenAt: number | undefined, notBefore: number): void {
  if (takenAt !== undefined && takenAt < notBefore)
    throw new Terminal(`The snapshot ${snapshotId} is of ${new Date(takenAt).toISOString()}, before the last write.`);
}
