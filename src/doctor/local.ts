import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { fleetCommandsOf } from "../config/fleetCommands.js";
import type { StackConfig } from "../config/schema.js";
import { StackFile } from "../config/stackFile.js";
import type { TargetConfig } from "../config/targets.js";
import { useEngine } from "../engine/engine.js";
import { unseenLocks } from "../engine/lockPlaces.js";
import { Terminal } from "../errors.js";
import { missingIn } from "../init/placeholders.js";
import { counted } from "../lib/plural.js";
import { examine, type Finding, unknownOf } from "./check.js";

/** What is on this machine: the engine, its state, the stack configs, the old fleet's commands. */

export const engine = (): Promise<Finding> =>
  examine("engine", "this machine", "Run `npm start` once: it makes one.", async () => {
    const { version, how } = await useEngine();
    return `Pulumi ${version}, ${how}`;
  });

/** Reads the backend's list of stacks, which needs both its address and the right to read it. */
export async function backend(root: string, stacks: string[]): Promise<Finding[]> {
  let known: string[] = [];
  const reached = await examine(
    "state backend",
    "this machine",
    "Choose one: pulumi login --local, pulumi login s3://BUCKET, or PULUMI_BACKEND_URL; and set PULUMI_CONFIG_PASSPHRASE where secrets need it.",
    async () => {
      const workspace = await LocalWorkspace.create({ workDir: root });
      const listed = await inItsWords(workspace.listStacks({ all: false }));
      known = listed.map((s) => s.name.split("/").at(-1) ?? s.name);
      const { user, url } = await workspace.whoAmI();
      return `${url ?? "the default backend"} as ${user}, ${counted(known.length, "stack")} of this project`;
    },
  );
  if (reached.standing !== "ok") return [reached, ...stacks.map((s) => unknownOf("stack", s, "the backend cannot be read"))];
  const each = stacks.map((stack) =>
    examine("stack", stack, `Make it: pulumi stack init ${stack}`, async () => {
      if (!known.includes(stack)) throw new Terminal("the backend does not know it yet");
      return "known to the backend";
    }),
  );
  return [reached, ...(await Promise.all(each))];
}

/** Whether locks of dead engines are found, so that nobody has to clear them by hand. */
export const staleLocks = (backendUrl = process.env.PULUMI_BACKEND_URL): Promise<Finding> =>
  examine("stale locks", "this machine", "", async () => {
    if (backendUrl === undefined)
      return {
        warning: "PULUMI_BACKEND_URL is not set, and by it cutover finds the engine's locks",
        mend: "Set it to the backend that `pulumi whoami --verbose` names, where that is a folder or an S3 bucket.",
      };
    const warning = unseenLocks(backendUrl);
    if (warning === undefined) return "looked for by the service";
    return { warning, mend: "Clear one with `pulumi cancel` only when its engine has certainly ended; or keep the state in an S3 bucket." };
  });

/** The engine's own sentence, without the command line and the empty streams around it. */
async function inItsWords<T>(call: Promise<T>): Promise<T> {
  return call.catch((cause: Error) => {
    throw new Terminal(/error: (.+)/.exec(cause.message)?.[1] ?? cause.message, { cause });
  });
}

/** The stack config: valid, nothing left to fill in, its secrets set. */
export const stackConfig = (folder: string, stack: string): Promise<Finding> =>
  examine("stack config", stack, `Correct ${StackFile.pathOf(folder, stack)}; docs/stack-config.md says what is accepted.`, async () => {
    const file = await StackFile.read(folder, stack);
    file.shape();
    const missing = missingIn(file.raw());
    if (missing.length > 0) {
      const rows = missing.map((m) => `${m.path} (${m.hint})`);
      throw new Terminal(`still to fill in: ${missing.map((m) => m.path).join(", ")}`, { next: `Fill in ${rows.join("; ")}.` });
    }
    return "valid, with its secrets";
  });

/** Whether the engine can open one of the stack's secrets: the passphrase or the key is the right one. */
export const secrets = (root: string, folder: string, stack: string): Promise<Finding> =>
  examine(
    "secrets",
    stack,
    "Set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE), or sign in to the key's provider.",
    async () => {
      const keys = Object.keys(((await StackFile.read(folder, stack)).raw()["cutover:secrets"] as object | undefined) ?? {});
      const [key] = keys;
      if (key === undefined) return "none are set";
      const workspace = await LocalWorkspace.create({ workDir: root });
      await inItsWords(workspace.getConfig(stack, `cutover:secrets.${key}`, true));
      return `${keys.length} can be opened`;
    },
  );

/** The old fleet's own commands: whether each that a plan needs is named, and its program can be run here. They are not run. */
export const fleet = (
  environment: string,
  { fleet: commands }: TargetConfig,
  stacks: { name: string; config: StackConfig }[],
): Promise<Finding> =>
  examine("old fleet", environment, "Install the program, or name another under fleet in the targets file.", async () => {
    const missing = stacks.flatMap(({ name, config }) =>
      fleetCommandsOf(config).flatMap((command) => (commands?.[command] === undefined ? [`fleet.${command} (${name})`] : [])),
    );
    const programs = [...new Set(Object.values(commands ?? {}).flatMap((c) => (typeof c === "number" ? [] : (c?.[0] ?? []))))];
    for (const program of programs) if (!(await isRunnable(program))) throw new Terminal(`${program} cannot be run here`);
    if (missing.length > 0)
      return {
        warning: `a plan needs ${missing.join(", ")}, and the targets file does not name ${missing.length === 1 ? "it" : "them"}`,
        mend: "Name the commands under fleet in the targets file (docs/targets.md).",
      };
    return programs.length === 0 ? "no plan needs a command" : `${programs.join(", ")} can be run`;
  });

async function isRunnable(program: string): Promise<boolean> {
  const places = isAbsolute(program) ? [program] : (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, program));
  const found = await Promise.all(
    places.map((p) =>
      access(p, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
