import type { Effect } from "../../src/ports/target.js";

/** Effects of one runner after another: each call answers one with a key and a token of its own, newer than the last. */
export function risingEffects(): () => Effect {
  let fence = 0;
  return () => {
    fence += 1;
    return { key: `k${fence}`, fence };
  };
}
