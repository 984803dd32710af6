import { Conflict, CutoverError, isUnreached, Transient } from "../../errors.js";

/** How a failure stands in the journal. A bug is no passing failure: it stops the step with its message. */
export function failureOf(error: unknown): { error: string; transient: boolean; conflict?: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  // Somebody else has the stack's engine, or its state cannot be reached: nothing failed, and it passes automatically.
  if (error instanceof Conflict || isUnreached(error)) return { error: message, transient: true, conflict: true };
  return { error: error instanceof CutoverError ? message : `unexpected: ${message}`, transient: error instanceof Transient };
}
