import { CutoverError, Transient } from "../../errors.js";

/** How a failure stands in the journal. A bug is no passing failure: it stops the step with its message. */
export function failureOf(error: unknown): { error: string; transient: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  return { error: error instanceof CutoverError ? message : `unexpected: ${message}`, transient: error instanceof Transient };
}
