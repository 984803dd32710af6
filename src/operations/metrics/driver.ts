import type { Driver } from "../../automation/engine/driver.js";
import type { Metrics } from "./metrics.js";

/** The driver, with the time that its previews take. */
export function measuredDriver(driver: Driver, metrics: Metrics): Driver {
  return {
    ...bound(driver),
    preview: async (...args) => {
      const started = performance.now();
      const took = (result: string) =>
        metrics.observe("cutover_preview_duration_seconds", (performance.now() - started) / 1_000, { result });
      try {
        const preview = await driver.preview(...args);
        took("succeeded");
        return preview;
      } catch (error) {
        took("failed");
        throw error;
      }
    },
  };
}

/** Every method of a driver, free of its object. */
export function bound(driver: Driver): Driver {
  return {
    preview: (...args) => driver.preview(...args),
    update: (...args) => driver.update(...args),
    findUpdate: (...args) => driver.findUpdate(...args),
    recover: (...args) => driver.recover(...args),
    clearDeadLocks: (...args) => driver.clearDeadLocks(...args),
    strangers: (...args) => driver.strangers(...args),
    byHand: (...args) => driver.byHand(...args),
    checkHistory: (...args) => driver.checkHistory(...args),
    cancel: (...args) => driver.cancel(...args),
  };
}
