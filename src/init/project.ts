import { mkdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { stringify } from "yaml";
import { SECRET_MUTABLE_CONFIG } from "../config/secretMutable.js";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { projectRoot } from "../engine/engine.js";
import { Conflict } from "../errors.js";
import { type Missing, missingIn } from "./placeholders.js";
import type { Draft } from "./skeleton.js";

/** A drafted stack config as it reads back. */
export interface DraftRow {
  stack: string;
  strategy: string;
  steps: number;
  missing: Missing[];
}

/** Reads drafts before they are written: each must be valid but for its secrets, and have a plan. @throws UserError naming each wrong value */
export async function checkDrafts(stacks: string, drafts: Draft[]): Promise<DraftRow[]> {
  const { buildPlan } = await import("../automation/plan/plan.js");
  return drafts.map(({ stack, text }) => {
    const file = StackFile.parse(StackFile.pathOf(stacks, stack), stack, text);
    const config = file.shape();
    return { stack, strategy: config.strategy.kind, steps: buildPlan(config).length, missing: missingIn(file.raw()) };
  });
}

/** Writes a project with these files, or nothing. @param files text by path @throws Conflict for a file of somebody else */
export async function writeProject(out: string, files: Record<string, string>, { force }: { force: boolean }): Promise<void> {
  await requireFree(files, force);
  await mkdir(join(out, "stacks"), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeAtomically(path, text);
  await writeProgram(out);
}

/** @throws Conflict before anything is written */
async function requireFree(files: Record<string, string>, force: boolean): Promise<void> {
  const different: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    const there = await readFile(path, "utf8").catch(() => undefined);
    if (there !== undefined && there !== text) different.push(path);
  }
  if (different.length === 0 || force) return;
  throw new Conflict(`There are other files already: ${different.join(", ")}. Nothing was written.`, {
    next: "Name another folder with --out, or replace them with --force.",
  });
}

/** Lets `pulumi` work in the folder: the same program, the folder's own stack configs. */
async function writeProgram(out: string): Promise<void> {
  const file = join(out, "Pulumi.yaml");
  if ((await readFile(file, "utf8").catch(() => undefined)) !== undefined) return;
  const main = relative(out, join(projectRoot(), "src", "index.mjs"));
  const runtime = { name: "nodejs", options: { typescript: false } };
  await writeAtomically(file, stringify({ name: "cutover", runtime, main, stackConfigDir: "stacks", config: SECRET_MUTABLE_CONFIG }));
}
