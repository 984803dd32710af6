import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { parse, stringify } from "yaml";
import { SECRET_MUTABLE_CONFIG } from "../config/secretMutable.js";
import { neededSecrets, type RawConfig, StackFile, writeAtomically } from "../config/stackFile.js";

/**
 * The sandbox's own Pulumi project: a copy of the stack configs and a Pulumi.yaml that names the same program, so
 * that a rehearsal never changes a file of the checkout, and `pulumi` works in it as in the real one.
 */
export interface SandboxProject {
  /** Folder with Pulumi.yaml. */
  folder: string;
  stacksFolder: string;
  name: string;
  /** What the engine needs: state in the project's folder, a passphrase of its own. */
  env: Record<string, string>;
}

/**
 * Makes the project, or answers the one that is there.
 * @param root the checkout, with Pulumi.yaml
 * @param stacks folder with the stack configs to rehearse
 * @param backend where the engine keeps its state. @default a folder beside the stack configs
 */
export async function openSandboxProject(
  root: string,
  stacks: string,
  folder: string,
  backend = `file://${join(folder, "engine")}`,
): Promise<SandboxProject> {
  const definition = parse(await readFile(join(root, "Pulumi.yaml"), "utf8")) as { name: string; main: string; config?: object };
  const stacksFolder = join(folder, "stacks");
  await mkdir(stacksFolder, { recursive: true });
  await mkdir(join(folder, "engine"), { recursive: true });
  await writeAtomically(
    join(folder, "Pulumi.yaml"),
    stringify({
      ...definition,
      main: relative(folder, join(root, definition.main)),
      stackConfigDir: "stacks",
      config: { ...SECRET_MUTABLE_CONFIG, ...definition.config },
    }),
  );
  await copyMissing(stacks, stacksFolder);
  const env = {
    PULUMI_BACKEND_URL: backend,
    PULUMI_CONFIG_PASSPHRASE: await passphraseOf(folder),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // With provider servers of ours the engine would otherwise look for the plugins that the state names.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
  return { folder, stacksFolder, name: definition.name, env };
}

/** Gives a stack made-up values for the secrets it needs and has none for: a rehearsal has no real ones. */
export async function provideSecrets(project: SandboxProject, stack: string): Promise<void> {
  const file = await StackFile.read(project.stacksFolder, stack);
  const missing = missingSecrets(file.raw());
  if (missing.length === 0) return;
  const workspace = await createStack(project, stack);
  const values = Object.fromEntries(missing.map((key) => [`cutover:secrets.${key}`, { value: madeUp(key), secret: true }]));
  await workspace.setAllConfig(stack, values, true);
}

/** Makes the engine know the stack; one that it knows already stays as it is. */
export async function createStack(project: SandboxProject, stack: string): Promise<LocalWorkspace> {
  const workspace = await LocalWorkspace.create({ workDir: project.folder, envVars: project.env });
  await workspace.createStack(stack).catch((error: Error) => {
    if (!/already exists/.test(error.message)) throw error;
  });
  return workspace;
}

function missingSecrets(raw: RawConfig): string[] {
  const given = Object.keys((raw["cutover:secrets"] as object | undefined) ?? {});
  return neededSecrets(raw).filter((key) => !given.includes(key));
}

function madeUp(key: string): string {
  const word = randomBytes(12).toString("hex");
  if (key === "database-url") return `postgresql://app:${word}@staging-db.internal:5432/db`;
  if (key === "redis-url") return `redis://:${word}@redis.internal:6379`;
  return word;
}

async function copyMissing(from: string, to: string): Promise<void> {
  const there = new Set(await readdir(to));
  for (const name of await StackFile.list(from)) {
    const file = `Pulumi.${name}.yaml`;
    if (!there.has(file)) await copyFile(join(from, file), join(to, file));
  }
}

async function passphraseOf(folder: string): Promise<string> {
  const file = join(folder, "passphrase");
  const given = await readFile(file, "utf8").catch(() => undefined);
  if (given !== undefined) return given;
  const made = randomBytes(24).toString("base64url");
  await writeAtomically(file, made);
  return made;
}

/** Forgets everything the sandbox keeps, for a rehearsal from the beginning. */
export const forgetSandbox = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
