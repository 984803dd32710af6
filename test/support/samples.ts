import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { MigratedApp } from "../../src/components/index.js";
import type { KeptRecord } from "../../src/components/keptRecords.js";
import { namesOf } from "../../src/config/names.js";
import type { StackConfig } from "../../src/config/schema.js";
import { neededSecrets, patched, type RawConfig, readConfig, StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { type Registered, registered } from "../components/harness.js";
import { type KubernetesManifest, objectsOf } from "./cluster.js";

/** The fifteen real applications. */
export const FLEET = join(projectRoot(), "examples", "fleet", "stacks");

/** The configs of the sample stacks, or of another folder. They have no secrets in the repository; what stands for them is sealed with nothing. */
export async function sampleStacks(folder = join(projectRoot(), "stacks")): Promise<{ stack: string; raw: RawConfig }[]> {
  return Promise.all(
    (await StackFile.list(folder)).map(async (stack) => {
      const raw = (await StackFile.read(folder, stack)).raw();
      const secrets = Object.fromEntries(neededSecrets(raw).map((key) => [key, { secure: "v1:none" }]));
      return { stack, raw: { ...raw, "cutover:secrets": secrets } };
    }),
  );
}

const SECRETS = pulumi.secret({
  "database-password": "p",
  "database-url": "postgresql://u:p@h/d",
  "redis-url": "redis://r",
}) as unknown as pulumi.Output<Record<string, string>>;

/** What answers today where that is a load balancer: the program reads it from the zone. */
const aliasesOf = (config: StackConfig): KeptRecord[] =>
  config.old?.endpoints.some((e) => e.kind === "load-balancer") === true
    ? namesOf(config).map(({ zoneId, name }) => ({
        zoneId,
        name,
        type: "A",
        alias: { name: "old.us-east-2.elb.amazonaws.com", zoneId: "Z3AADJGX6KTTL2", evaluateTargetHealth: true },
      }))
    : [];

/** What a stack's program registers for a config. */
export const programOf = (config: StackConfig): Promise<Registered[]> =>
  registered(() => new MigratedApp(config.application.name, { config, secrets: SECRETS, kept: aliasesOf(config) }));

/** What a sample stack registers for Kubernetes after each of its steps, from the first to the last, or after some of them. */
export async function* objectsOfEveryPhase(
  { stack, raw: first }: { stack: string; raw: RawConfig },
  isLookedAt: (step: string, isLast: boolean) => boolean = () => true,
): AsyncGenerator<{ step: string; object: KubernetesManifest }> {
  let raw = first;
  const steps = buildPlan(readConfig(raw, stack, stack)).flatMap((s) => (s.kind === "config" ? [s] : []));
  for (const step of steps) {
    raw = patched(raw, step.change(readConfig(raw, stack, stack)));
    if (!isLookedAt(step.id, step === steps.at(-1))) continue;
    for (const object of objectsOf(await programOf(readConfig(raw, stack, stack)))) yield { step: step.id, object };
  }
}
