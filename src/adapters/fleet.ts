import { spawn } from "node:child_process";
import type { StackConfig } from "../config/schema.js";
import type { TargetConfig } from "../config/targets.js";
import { Terminal, Transient } from "../errors.js";
import type { Evidence, FleetPort } from "../ports/target.js";

/** Lines of a failed command's output that its error shows. */
const SHOWN = 5;

/** The old fleet through the commands that its owners gave: nobody else knows how it is told. */
export function commandFleet(config: () => StackConfig, fleet: TargetConfig["fleet"], newHost: () => Promise<string>): FleetPort {
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

/** @throws Transient when it takes too long, Terminal when it fails, with its last lines */
function runCommand(
  what: string,
  [program = "", ...args]: string[],
  environment: Record<string, string>,
  timeoutSeconds: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutSeconds * 1_000,
      killSignal: "SIGKILL",
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output = `${output}${data}`.slice(-4_000);
      });
    child.once("error", (cause) => reject(new Terminal(`${what}: ${program} could not be started: ${cause.message}`, { cause })));
    child.once("close", (code, signal) => {
      if (code === 0) return resolve();
      if (signal !== null) return reject(new Transient(`${what}: ${program} took longer than ${timeoutSeconds} s.`));
      const lines = output.trim().split("\n").slice(-SHOWN).join(" / ");
      reject(new Terminal(`${what}: ${program} ended with ${code}${lines === "" ? "" : `: ${lines}`}`));
    });
  });
}
