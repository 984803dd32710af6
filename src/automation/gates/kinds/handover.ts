import { allReady, EVERY_MINUTE, type GateDefinitions, noneLeft, seconds } from "../definition.js";

/** Queue workers, schedules and singletons on their way from one side to the other (promise 12). */
export const handoverGates = {
  "workers-ready": { ...allReady("workers-ready", "all queue workers wanted on the new side ready"), everySeconds: EVERY_MINUTE },
  "queue-age": {
    observation: "queue-age",
    accepts: (c) => `no message that has waited for more than ${seconds(c.handover.maxQueueAgeSeconds)}`,
    judge: (value, c) => (value <= c.handover.maxQueueAgeSeconds ? "pass" : "fail"),
    everySeconds: EVERY_MINUTE,
    format: seconds,
  },
  "dead-letters": {
    observation: "dead-letters",
    accepts: (c) => `at most ${c.handover.maxDeadLetters} dead letters`,
    judge: (value, c) => (value <= c.handover.maxDeadLetters ? "pass" : "fail"),
    everySeconds: EVERY_MINUTE,
    format: (v) => `${v}`,
  },
  "old-once-stopped": noneLeft("old-once-running", "nothing that may run once runs, or could begin, on the old side"),
  "once-ready": allReady("once-ready", "all schedules and singletons in place on the new side"),
} satisfies GateDefinitions;
