import type { Properties } from "../backend.js";

/** What a create or an update of one resource leaves. */
export interface Outcome {
  outputs: Properties;
  /** Effects for the log. */
  kinds: string[];
  /** Virtual seconds it takes. */
  seconds: number;
  /** Whether what runs starts again. */
  restarts: boolean;
}
