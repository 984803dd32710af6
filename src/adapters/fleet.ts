import type { FleetCommand } from "../config/fleetCommands.js";
import { type MovedFolder, movedFoldersOf } from "../config/movedFolders.js";
import { onceOf } from "../config/processes.js";
import type { StackConfig } from "../config/schema.js";
import type { TargetConfig } from "../config/targets.js";
import { Terminal, Transient } from "../errors.js";
import { known, type Reading, type Side, unknown } from "../ports/observations.js";
import type { Evidence, FleetPort } from "../ports/target.js";
import { passedOn, runProgram } from "../process/program.js";
import { fenced, whileOrdered } from "./order.js";

/** Lines of a failed command's output that its error shows. */
const SHOWN = 5;
const LONGEST = 1_000;

/** What ssh, Ansible and the AWS CLI are told through the environment; the service's own secrets stay with it. */
const OF_TOOLS = /^(USER|LOGNAME|SHELL|LC_\w+|SSH_\w+|ANSIBLE_\w+|AWS_\w+|KUBECONFIG|(HTTPS?|NO|ALL)_PROXY)$/i;

/** The old fleet through the commands that its owners gave: nobody else knows how it is told. */
export const commandFleet = (config: () => StackConfig, fleet: TargetConfig["fleet"], newHost: () => Promise<string>): FleetPort =>
  fenced(fleetPort(config, fleet, newHost));

const about = ({ application }: StackConfig) => ({
  CUTOVER_APPLICATION: application.name,
  CUTOVER_ENVIRONMENT: application.environment,
});
const onceNames = (config: StackConfig): string =>
  onceOf(config)
    .map(([name]) => name)
    .join(",");

/** @throws Terminal naming the command that is missing */
function commandOf(fleet: TargetConfig["fleet"], name: FleetCommand): { command: string[]; timeoutSeconds: number } {
  const command = fleet?.[name];
  if (fleet === undefined || command === undefined)
    throw new Terminal(`targets.yaml has no command fleet.${name}: nobody else knows how the old fleet is told.`, {
      next: `Give fleet.${name}; docs/targets.md says what each command gets and does.`,
    });
  return { command, timeoutSeconds: fleet.timeoutSeconds };
}

function fleetPort(config: () => StackConfig, fleet: TargetConfig["fleet"], newHost: () => Promise<string>): FleetPort {
  const run = async (name: FleetCommand, more: Record<string, string>, mostSeconds?: number): Promise<Evidence> => {
    const { command, timeoutSeconds } = commandOf(fleet, name);
    await runCommand(`fleet.${name}`, command, { ...about(config()), ...more }, mostSeconds ?? timeoutSeconds);
    return { summary: `${command.join(" ")} ended well (fleet.${name}).` };
  };
  return {
    setMaintenance: (on) => run(on ? "maintenanceOn" : "maintenanceOff", {}),
    useDatabase: async (side) => {
      const source = config().database?.source;
      if (source === undefined) throw new Terminal("The stack config has no database.");
      return run("useDatabase", {
        CUTOVER_DATABASE_SIDE: side,
        CUTOVER_DATABASE_HOST: side === "old" ? source.endpoint : await newHost(),
        CUTOVER_DATABASE_PORT: String(source.port),
        CUTOVER_DATABASE_NAME: source.databaseName,
      });
    },
    copyFiles: async (from, { checksums, withinSeconds }) => {
      const most = Math.min(withinSeconds ?? Number.POSITIVE_INFINITY, fleet?.copySeconds ?? 0);
      const more = { CUTOVER_FROM: from, CUTOVER_CHECKSUMS: checksums ? "yes" : "no" };
      return eachFolder(config(), (about) => run("copyFiles", { ...more, ...about }, most));
    },
    useFiles: (side) => eachFolder(config(), (about) => run("useFiles", { CUTOVER_FILES_SIDE: side, ...about })),
    setWorkers: (percent) => run("setWorkers", { CUTOVER_WORKERS_PERCENT: String(percent) }),
    stopOnce: () => run("stopOnce", { CUTOVER_PROCESSES: onceNames(config()) }),
    startOnce: (missed) =>
      run("startOnce", {
        CUTOVER_PROCESSES: onceNames(config()),
        CUTOVER_MISSED_RUNS: missed.map(({ process, at }) => `${process}=${new Date(at).toISOString()}`).join(","),
      }),
  };
}

const ofFolder = ({ volume, folder }: MovedFolder) => ({ CUTOVER_VOLUME: volume, CUTOVER_FOLDER: folder });

/** One after the other: they share the way to the volumes. */
async function eachFolder(config: StackConfig, run: (about: Record<string, string>) => Promise<Evidence>): Promise<Evidence> {
  const said: string[] = [];
  for (const moved of movedFoldersOf(config)) said.push(`${moved.folder}: ${(await run(ofFolder(moved))).summary}`);
  return { summary: said.join(" ") };
}

/** How many files `copyFiles` from that side would change. */
export async function filesDiffering(config: StackConfig, fleet: TargetConfig["fleet"], from: Side): Promise<Reading> {
  let differing = 0;
  for (const moved of movedFoldersOf(config)) {
    const reading = await countBy("filesDiffering", config, fleet, { CUTOVER_FROM: from, ...ofFolder(moved) });
    if (!reading.known) return reading;
    differing += reading.value;
  }
  return known(differing);
}

/** How much of what may run once runs, or could begin, on the old side; whatever is no number is unknown (promise 10). */
export const oldOnceRunning = (config: StackConfig, fleet: TargetConfig["fleet"]): Promise<Reading> =>
  countBy("onceRunning", config, fleet, { CUTOVER_PROCESSES: onceNames(config) });

/** The number that a command prints as its last line. */
async function countBy(
  name: "onceRunning" | "filesDiffering",
  config: StackConfig,
  fleet: TargetConfig["fleet"],
  more: Record<string, string>,
): Promise<Reading> {
  try {
    const { command, timeoutSeconds } = commandOf(fleet, name);
    const last =
      (await runCommand(`fleet.${name}`, command, { ...about(config), ...more }, timeoutSeconds)).split("\n").at(-1)?.trim() ?? "";
    return /^\d+$/.test(last) ? known(Number(last)) : unknown(`fleet.${name} printed ${JSON.stringify(last)} and no number`);
  } catch (error) {
    return unknown((error as Error).message);
  }
}

/** @throws Transient when it takes too long or is ended, Terminal when it fails, with its last lines */
async function runCommand(what: string, command: string[], environment: Record<string, string>, timeoutSeconds: number): Promise<string> {
  const program = `${what}: ${command[0]}`;
  const env = { ...passedOn(OF_TOOLS), ...environment };
  const { code, signal, late, output } = await whileOrdered((given) =>
    runProgram(command, { env, deadlineMs: timeoutSeconds * 1_000, ...(given === undefined ? {} : { signal: given }) }).catch(
      (cause: Error) => {
        throw new Terminal(`${program} could not be started: ${cause.message}`, { cause });
      },
    ),
  );
  if (code === 0) return output;
  const lines = output.split("\n").slice(-SHOWN).join(" / ").slice(-LONGEST);
  const said = lines === "" ? "" : `: ${lines}`;
  if (late)
    throw new Transient(`${program} took longer than ${timeoutSeconds} s and was ended with all it had started${said}.`, {
      next: "Run it by hand to see where it hangs, or give it longer: fleet.timeoutSeconds.",
    });
  if (code === undefined) throw new Transient(`${program} was ended by ${signal}${said}.`);
  throw new Terminal(`${program} ended with ${code}${said}`);
}
