import { program as timed } from "../../src/program.js";

/** Moments of the last run of the program, on this process's clock. */
export const moments = { began: 0, registered: 0 };

/** The program, and when it ran. */
export async function program(): Promise<Record<string, unknown>> {
  moments.began = performance.now();
  try {
    return await timed();
  } finally {
    moments.registered = performance.now();
  }
}
