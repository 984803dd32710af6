import { constants, getPriority, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { AutomationCalls, type EngineOptions, type UpOptions } from "./calls.js";
import { toPlain } from "./failures.js";
import { resourceEvent } from "./progress.js";
import type { Answer, Question, Told } from "./thread.js";

/**
 * On Linux a thread has a priority of its own, and what it starts inherits it: engines that keep every core busy do not keep the
 * other thread from sending users back, and get what it leaves, which is nearly all. Elsewhere it would be the whole process's.
 */
const BEHIND = 5;
if (process.platform === "linux") setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + BEHIND));

/** The thread behind EngineThread: answers each question by its number, several at a time. */
const calls = new AutomationCalls(workerData as EngineOptions);
const answer = (message: Answer): void => parentPort?.postMessage(message);

/** Tells the other thread what the engine is at. */
const teller =
  (stack: string) =>
  (event: EngineEvent): void => {
    const resource = resourceEvent(event);
    if (resource !== undefined) parentPort?.postMessage({ stack, resource } satisfies Told);
  };

parentPort?.on("message", ({ id, call, args, env }: Question) => {
  if (env !== undefined) calls.useEnvironment(String(args[0]), env);
  const asked = call === "up" ? [args[0], { ...(args[1] as UpOptions), onEvent: teller(String(args[0])) }] : args;
  (calls[call] as (...args: unknown[]) => Promise<unknown>)
    .apply(calls, asked)
    .then((result) => answer({ id, result }))
    .catch((error: unknown) => answer({ id, error: toPlain(error) }));
});
