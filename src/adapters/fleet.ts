import type { StackConfig } from "../config/schema.js";
import type { TargetConfig } from "../config/targets.js";
import { Terminal, Transient } from "../errors.js";
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

function fleetPort(config: () => StackConfig, fleet: TargetConfig["fleet"], newHost: () => Promise<string>): FleetPort {
  const run = async (name: "maintenanceOn" | "maintenanceOff" | "useDatabase", more: Record<string, string>): Promise<Evidence> => {
    if (fleet === undefined)
      throw new Terminal("targets.yaml has no commands for the old fleet.", {
        next: "Give fleet.maintenanceOn, fleet.maintenanceOff and fleet.useDatabase.",
      });
    const { application } = config();
    const environment = { CUTOVER_APPLICATION: application.name, CUTOVER_ENVIRONMENT: application.environment, ...more };
    await runCommand(`fleet.${name}`, fleet[name], environment, fleet.timeoutSeconds);
    return { summary: `${fleet[name].join(" ")} ended well (fleet.${name}).` };
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
  };
}

/** @throws Transient when it takes too long or is ended, Terminal when it fails, with its last lines */
async function runCommand(what: string, command: string[], environment: Record<string, string>, timeoutSeconds: number): Promise<void> {
  const program = `${what}: ${command[0]}`;
  const env = { ...passedOn(OF_TOOLS), ...environment };
  const { code, signal, late, output } = await whileOrdered((given) =>
    runProgram(command, { env, deadlineMs: timeoutSeconds * 1_000, ...(given === undefined ? {} : { signal: given }) }).catch(
      (cause: Error) => {
        throw new Terminal(`${program} could not be started: ${cause.message}`, { cause });
      },
    ),
  );
  if (code === 0) return;
  const lines = output.split("\n").slice(-SHOWN).join(" / ").slice(-LONGEST);
  const said = lines === "" ? "" : `: ${lines}`;
  if (late)
    throw new Transient(`${program} took longer than ${timeoutSeconds} s and was ended with all it had started${said}.`, {
      next: "Run it by hand to see where it hangs, or give it longer: fleet.timeoutSeconds.",
    });
  if (code === undefined) throw new Transient(`${program} was ended by ${signal}${said}.`);
  throw new Terminal(`${program} ended with ${code}${said}`);
}
