import type { HookAnswer } from "../../automation/journal/records.js";
import type { HookCall } from "../../ports/hooks.js";
import { passedOn, runProgram } from "../../process/program.js";

/**
 * Runs a user's program: 0 lets pass, anything else refuses with its last line.
 * @throws the signal's reason when it is aborted
 */
export async function runHook(command: string[], call: HookCall, deadlineMs: number, signal: AbortSignal): Promise<HookAnswer> {
  const [program = ""] = command;
  try {
    const { code, late, output } = await runProgram(command, { env: environmentOf(call), input: JSON.stringify(call), deadlineMs, signal });
    if (late) return { outcome: "timed-out", detail: `${program} took longer than ${deadlineMs / 1_000} s` };
    const last = output.split("\n").at(-1) ?? "";
    if (code === 0) return { outcome: "passed", detail: last };
    return { outcome: "refused", detail: last === "" ? `${program} ended with ${code ?? "a signal"}` : last };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: "failed", detail: `${program} could not be started: ${(error as Error).message}` };
  }
}

function environmentOf(call: HookCall): NodeJS.ProcessEnv {
  return {
    ...passedOn(),
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
