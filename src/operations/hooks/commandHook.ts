import { spawn } from "node:child_process";
import type { HookAnswer, HookCall } from "../../automation/hooks.js";
import { redactText } from "../redact.js";

/** Of the service's own environment a command gets these alone: its secrets are none of its business. */
const PASSED_ON = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];
const MOST_OUTPUT = 4_000;

/** Runs a user's program: 0 lets pass, anything else refuses with its last line. */
export function runHook([program = "", ...args]: string[], call: HookCall, deadlineMs: number, signal: AbortSignal): Promise<HookAnswer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    // A group of its own, so that what it started ends with it.
    const child = spawn(program, args, { env: environmentOf(call), stdio: ["pipe", "pipe", "pipe"], detached: true });
    let output = "";
    let late = false;
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      end();
    }, deadlineMs);
    signal.addEventListener("abort", end, { once: true });
    const settle = (answer: HookAnswer) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason);
      else resolve(answer);
    };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = `${output}${text}`.slice(-MOST_OUTPUT);
      });
    // One that does not read its input is fine.
    child.stdin.on("error", () => undefined).end(JSON.stringify(call));
    child.once("error", (error) => settle({ outcome: "failed", detail: `${program} could not be started: ${error.message}` }));
    child.once("close", (code) => {
      if (late) return settle({ outcome: "timed-out", detail: `${program} took longer than ${deadlineMs / 1_000} s` });
      const last = redactText(output.trim().split("\n").at(-1) ?? "");
      if (code === 0) settle({ outcome: "passed", detail: last });
      else settle({ outcome: "refused", detail: last === "" ? `${program} ended with ${code}` : last });
    });
  });
}

function environmentOf(call: HookCall): NodeJS.ProcessEnv {
  const own = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  return {
    ...own,
    CUTOVER_HOOK_ID: call.id,
    CUTOVER_MOMENT: call.moment,
    CUTOVER_STACK: call.stack,
    CUTOVER_APPLICATION: call.application,
    CUTOVER_ENVIRONMENT: call.environment,
    CUTOVER_REVISION: String(call.revision),
    ...(call.step === undefined ? {} : { CUTOVER_STEP: call.step.id, CUTOVER_PHASE: call.step.phase }),
    ...(call.reason === undefined ? {} : { CUTOVER_REASON: call.reason }),
  };
}
