import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { MigratedApp } from "../../src/components/index.js";
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

/** What a stack's program registers for a config. */
export const programOf = (config: StackConfig): Promise<Registered[]> =>
  registered(() => new MigratedApp(config.application.name, { config, secrets: SECRETS }));

/** What a sample stack registers for Kubernetes after each of its steps, from the first to the last. */
export async function* objectsOfEveryPhase({ stack, raw: first }: { stack: string; raw: RawConfig }): AsyncGenerator<{
  step: string;
  object: KubernetesManifest;
}> {
  let raw = first;
  for (const step of buildPlan(readConfig(raw, stack, stack))) {
    if (step.kind !== "config") continue;
    raw = patched(raw, step.change(readConfig(raw, stack, stack)));
    for (const object of objectsOf(await programOf(readConfig(raw, stack, stack)))) yield { step: step.id, object };
  }
}
