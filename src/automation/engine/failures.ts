import { CommandError, ConcurrentUpdateError } from "@pulumi/pulumi/automation/index.js";
import { Conflict, CutoverError, isUnreached, Terminal, Transient, unreached } from "../../errors.js";
import { plain } from "./preview.js";

const PASSING =
  /throttl|rate exceeded|timeout|timed out|temporarily|connection (refused|reset)|unavailable|unreachable|ECONN|TooManyRequests|InvalidDBInstanceState|error reading from server|transport is closing|EOF\b|no route to host|no such host/i;
/** What the Kubernetes provider says of pods that are not ready in time: the next try waits as long for the same. */
const NEVER_READY =
  /timed out waiting (to be ready|for the condition)|timeout while waiting for .* to be ready|progress deadline exceeded|ProgressDeadlineExceeded/i;
/** Advice of the provider that loses what is in the state: an API server that is away has not lost its objects. */
const BAD_ADVICE = / If the cluster was deleted, you can remove this resource.*$/gm;

/** Marks the failure of an update of whose operations some may have been done though the engine says otherwise. */
export const unsettled = <E extends Error>(error: E): E => Object.assign(error, { unsettled: true });
export const isUnsettled = (error: unknown): boolean => error instanceof Error && "unsettled" in error;

/** What the engine says when it cannot read or write its own state: the files of its bucket, and no resource's. */
const STATE =
  /blob \(key "[^"]*\.pulumi\/|\.pulumi\/meta\.yaml|unable to (check if bucket|open bucket)|(failed|unable|could not) (to )?(load|save|read|write) checkpoint/i;

/** The engine's failure as one of ours. */
export function engineError(error: unknown, diagnostics: string[], what: string): Error {
  if (error instanceof ConcurrentUpdateError)
    return new Conflict(`${what}: another update of the stack is running.`, {
      cause: error,
      next: "Wait for it, or run `cutover doctor`.",
    });
  if (!(error instanceof CommandError) && diagnostics.length === 0) return error instanceof Error ? error : new Error(String(error));
  const signal = signalOf(error);
  if (signal !== undefined && diagnostics.length === 0)
    return new Transient(`${what}: its engine was ended by ${signal}.`, { cause: error });
  const told = diagnostics.length > 0 ? diagnostics.join("\n") : lastLines((error as Error).message);
  const text = told.replace(BAD_ADVICE, "");
  const message = `${what}: ${text}`;
  if (!PASSING.test(text) || NEVER_READY.test(text)) return new Terminal(message, { cause: error });
  const passing = new Transient(message, { cause: error });
  return STATE.test(text) ? unreached(passing) : passing;
}

/** The signal that ended the engine's process, such as SIGKILL when memory was short. */
const signalOf = (error: unknown): string | undefined =>
  (error as { commandResult?: { err?: { signal?: string } } }).commandResult?.err?.signal;

/** What the engine printed on standard error, without the call itself. */
function lastLines(message: string): string {
  const stderr = message.split("stderr:").at(-1) ?? message;
  return plain(stderr)
    .split("\n")
    .filter((l) => l.trim() !== "" && !l.startsWith("code:"))
    .slice(-5)
    .join("\n");
}

/** An error as it goes from one thread to another: classes do not. */
export interface PlainError {
  kind: "conflict" | "transient" | "terminal" | "other";
  message: string;
  next?: string | undefined;
  stack?: string | undefined;
  unsettled?: boolean;
  unreached?: boolean;
}

export function toPlain(error: unknown): PlainError {
  return {
    ...plainOf(error),
    ...(isUnsettled(error) ? { unsettled: true } : {}),
    ...(isUnreached(error) ? { unreached: true } : {}),
  };
}

function plainOf(error: unknown): PlainError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof CutoverError && (error.code === "conflict" || error.code === "transient" || error.code === "terminal"))
    return { kind: error.code, message, next: error.next, stack };
  return { kind: "other", message, stack };
}

export function fromPlain(plain: PlainError): Error {
  const error = errorOf(plain);
  if (plain.unreached === true) unreached(error);
  return plain.unsettled === true ? unsettled(error) : error;
}

function errorOf({ kind, message, next, stack }: PlainError): Error {
  const options = { cause: stack, ...(next === undefined ? {} : { next }) };
  switch (kind) {
    case "conflict":
      return new Conflict(message, options);
    case "transient":
      return new Transient(message, options);
    case "terminal":
      return new Terminal(message, options);
    case "other":
      return Object.assign(new Error(message), stack === undefined ? {} : { stack });
  }
}
