import { parentPort, workerData } from "node:worker_threads";
import { AutomationCalls, type EngineOptions } from "./calls.js";
import { toPlain } from "./failures.js";
import type { Answer, Question } from "./thread.js";

/** The thread behind EngineThread: answers each question by its number, several at a time. */
const calls = new AutomationCalls(workerData as EngineOptions);
const answer = (message: Answer): void => parentPort?.postMessage(message);

parentPort?.on("message", ({ id, call, args, env }: Question) => {
  if (env !== undefined) calls.useEnvironment(String(args[0]), env);
  (calls[call] as (...args: unknown[]) => Promise<unknown>)
    .apply(calls, args)
    .then((result) => answer({ id, result }))
    .catch((error: unknown) => answer({ id, error: toPlain(error) }));
});
