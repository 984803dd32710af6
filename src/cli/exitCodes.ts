import { EXIT_CODES } from "../errors.js";

/** Every exit code of the command line; docs/exit-codes.md says the same, and a test compares them. */
export const EXIT = {
  ok: 0,
  bug: 1,
  ...EXIT_CODES,
  /** A rehearsal ended in no-go. */
  "no-go": 8,
  /** A check of `doctor` failed. */
  unwell: 9,
  /** The migration was asked to go on and stopped for a person: held or paused. */
  held: 10,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;
