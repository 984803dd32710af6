// Child processes of the set-up: each in a process group of its own, ended with it when the set-up is interrupted.
import { spawn } from "node:child_process";

const running = new Set();

function endGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Already gone.
  }
}

/** Runs when the set-up is interrupted, after its children were told to end: removes what was half done. */
const onInterrupt = new Set();

export function whenInterrupted(cleanUp) {
  onInterrupt.add(cleanUp);
  watchSignals();
  return () => {
    onInterrupt.delete(cleanUp);
    unwatchSignals();
  };
}

function interrupted(signal) {
  for (const child of running) endGroup(child, "SIGKILL");
  for (const cleanUp of onInterrupt) cleanUp();
  // The shell's prompt must not follow a half-drawn line of progress.
  if (process.stderr.isTTY) process.stderr.write("\n");
  process.exit(signal === "SIGINT" ? 130 : 143);
}

function watchSignals() {
  // Only while there is something to end: later the program itself decides what a signal means.
  if (process.listeners("SIGINT").includes(interrupted)) return;
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
}

function unwatchSignals() {
  if (running.size > 0 || onInterrupt.size > 0) return;
  process.off("SIGINT", interrupted);
  process.off("SIGTERM", interrupted);
}

/**
 * Runs a command to its end and gives its exit code and output; never throws on a non-zero exit.
 * A command that cannot be started gives code -1 and the reason (such as ENOENT) in `failed`.
 */
export function run(command, args, { cwd, env = process.env, onLine, deadlineMs } = {}) {
  return new Promise((resolve) => {
    // Before it begins: nobody else ends it when a signal comes right after.
    watchSignals();
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    let late = false;
    const endLate = () => {
      late = true;
      endGroup(child, "SIGKILL");
    };
    const timer = deadlineMs === undefined ? undefined : setTimeout(endLate, deadlineMs);
    running.add(child);
    for (const name of ["stdout", "stderr"]) {
      let rest = "";
      child[name].setEncoding("utf8");
      child[name].on("data", (chunk) => {
        output[name] += chunk;
        const lines = (rest + chunk).split("\n");
        rest = lines.pop();
        if (onLine !== undefined) for (const line of lines) onLine(line, name);
      });
    }
    const finish = (result) => {
      clearTimeout(timer);
      running.delete(child);
      unwatchSignals();
      resolve({ ...output, late, ...result });
    };
    child.on("error", (error) => finish({ code: -1, signal: null, failed: error.code ?? error.message }));
    child.on("close", (code, signal) => finish({ code: code ?? -1, signal, failed: undefined }));
  });
}
