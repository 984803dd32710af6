/** Child processes of tests, each in a process group of its own that is ended by its id after the test, even when it fails. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { afterThisTest } from "./cleanup.js";

const running = new Set<ChildProcess>();

/** Sends a signal to a child and all it started. Does nothing when they are gone. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  running.delete(child);
  // Its children may outlive it, so the group gets the signal either way.
  signalGroup(child, "SIGKILL");
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, { ...options, detached: true });
  running.add(child);
  return child;
}

/** `spawn`, ended after the running test. */
export function spawnForTest(command: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
  const child = start(command, args, options);
  afterThisTest(() => end(child));
  return child;
}

/** Call in a `describe`: gives a `spawn` for its `before` hooks; what it starts is ended after the suite. */
export function spawnForSuite(): typeof spawnForTest {
  const children: ChildProcess[] = [];
  after("end the suite's processes", async () => {
    await Promise.all(children.map(end));
  });
  return (command, args = [], options = {}) => {
    const child = start(command, args, options);
    children.push(child);
    return child;
  };
}

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end and gives its output; a non-zero exit is not an error. */
export async function runForTest(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Finished> {
  const child = spawnForTest(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}

// A crash skips the hooks.
process.on("exit", () => {
  for (const child of running) signalGroup(child, "SIGKILL");
});
