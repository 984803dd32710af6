import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Recorded } from "../../src/automation/journal/entries.js";
import { begunPlan } from "../../src/automation/state/begun.js";
import { apply } from "../../src/automation/state/evolve.js";
import { currentConfig, type MigrationState, planOf } from "../../src/automation/state/state.js";
import { readConfig, StackFile } from "../../src/config/stackFile.js";
import { modelProject, modelTarget, STACK } from "./model.js";
import { type ModelParts, modelService } from "./modelService.js";

/** Journals that released versions have left: see `scripts/recordJournals.mjs`. */
const FOLDER = join("test", "fixtures", "journals");
export const RECORDED: readonly string[] = readdirSync(FOLDER).filter((name) => name.endsWith(".ndjson"));

export const recorded = (name: string): Recorded[] =>
  readFileSync(join(FOLDER, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Recorded);

/** A service over a journal and the world that it has brought about. */
export async function serviceAfter(entries: readonly Recorded[]): Promise<ModelParts> {
  const parts = modelService();
  const { world } = parts;
  parts.store.journals.set(STACK, [...entries]);
  const target = modelTarget(world);
  const begun = begunPlan(entries, STACK);
  let state: MigrationState | undefined;
  for (const entry of entries) {
    world.now = entry.at;
    const before = state;
    const plan = before === undefined ? begun : planOf(before, begun);
    state = apply(before, entry, plan);
    const intent = before?.intent;
    if (entry.type === "update.succeeded" && intent?.type === "update.intended") {
      world.become(readConfig(intent.config, "recorded", STACK, { lenient: true }));
      world.believed = intent.config;
      world.stands = intent.config;
      world.updates.push({ config: intent.config, key: intent.key });
      writeFileSync(StackFile.pathOf(parts.folder, STACK), stringify({ config: intent.config }));
    }
    if (entry.type !== "action.succeeded" || before === undefined) continue;
    const step = plan.find((s) => s.id === entry.step);
    const run =
      step === undefined || step.unknown === true || !("undo" in step || "run" in step)
        ? undefined
        : entry.undo
          ? step.undo
          : "run" in step
            ? step.run
            : step.undo;
    const done = before.steps[entry.step]?.facts;
    await run?.({
      ...{ target, config: currentConfig(before), project: modelProject, marks: before.marks },
      otherStacks: async () => [],
      effect: { key: entry.key, fence: entry.fence },
      ...(done === undefined ? {} : { done }),
    });
  }
  return parts;
}
