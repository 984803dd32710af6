import { onceOf, schedulesOf, webMovesOnce, workersOf } from "../../../config/processes.js";
import type { ConfigPatch } from "../../../config/rawConfig.js";
import type { StackConfig } from "../../../config/schema.js";
import { SHIFTS, type ShiftSection, shiftOf } from "../../../config/shift.js";
import { Terminal } from "../../../errors.js";
import type { GateUse } from "../../gates/gate.js";
import { ambiguousRuns, missedRuns, quietMoment } from "../quiet.js";
import type { ActionContext, Step } from "../step.js";
import { earlierConfig, gate, healthy, need } from "./build.js";

/** From here on what may run once may run nowhere: whatever fails brings it back to where it ran. */
export const ONCE_STOP = "traffic.once-stop";
export const ONCE_STOPPED = "traffic.once-stopped";

/**
 * Handover of what must not run on both sides at once, and of what takes work from queues, once users are on the new side:
 *   workers by share: more on the new side, then fewer on the old one, so that nothing waits;
 *   what may run once: stopped on the old side, observed stopped, started on the new one, and what was missed meanwhile is run.
 * The way back is the mirror image. An emergency sends users back first, and then goes this way.
 * Where the web process may run only once, all of that kind has moved with the users: see `moveOnce`.
 */
export function handover(config: StackConfig): Step[] {
  if (config.old === undefined) return [];
  const moved = webMovesOnce(config) && shiftOf(config) !== undefined;
  return [...workers(config), ...(moved ? [] : once(config))];
}

/**
 * Moves the users with a web process that may run only once: stopped on the old side, observed stopped, and then one update that
 * starts it here and, once its pod is ready, sends all users here. They wait from the stop on. No weight lies in between, since
 * only one side runs; and no revision between the stop and the last weight is a place to go back to.
 * The way back is the mirror image: the weights, stopped here, observed stopped, started on the old side.
 */
export function moveOnce(config: StackConfig, section: ShiftSection, last: GateUse[]): Step[] {
  const holdSeconds = shiftOf(config)?.holdSeconds ?? 0;
  return once(config, {
    change: { [`${section}.weights`]: { old: 0, new: 100 } },
    gates: [
      gate("pods-ready", holdSeconds),
      gate(SHIFTS[section].gate, holdSeconds, { expect: 100 }),
      gate("traffic-share", holdSeconds, { expect: 100 }),
      gate("targets-healthy", holdSeconds),
      ...healthy(holdSeconds),
      ...last,
    ],
  });
}

const names = (entries: [string, unknown][]): string => entries.map(([name]) => name).join(", ");

/** What the queues say; without a queue that is named nobody knows, and a person looks. */
function queues({ handover: h }: StackConfig, holdSeconds: number): GateUse[] {
  if (h.queues.length === 0) return [];
  const dead = h.queues.some((q) => q.deadLetters !== undefined);
  return [gate("queue-age", holdSeconds), ...(dead ? [gate("dead-letters", holdSeconds)] : [])];
}

function workers(config: StackConfig): Step[] {
  const all = workersOf(config);
  if (all.length === 0) return [];
  const { steps, holdSeconds } = config.handover;
  const moved = steps.flatMap((percent, i): Step[] => {
    const before = steps[i - 1] ?? 0;
    return [
      {
        id: `traffic.workers-${percent}`,
        phase: "traffic",
        kind: "config",
        title: `Run ${percent} % of ${names(all)} on the new side`,
        seed: "Background workers: queue consumers",
        wayBack: earlierConfig(`${before} % run on the new side; what they had begun they end or give back to the queue.`),
        change: () => ({ "handover.workers": percent }),
        gates: [gate("workers-ready", holdSeconds), ...queues(config, holdSeconds)],
      },
      {
        id: `traffic.old-workers-${percent}`,
        phase: "traffic",
        kind: "action",
        title: `Run ${100 - percent} % of ${names(all)} on the old side`,
        seed: "Background workers: queue consumers",
        wayBack: { summary: `${100 - before} % run on the old side again, before there are fewer on the new one.`, loses: "nothing" },
        run: ({ target, effect }) => target.fleet.setWorkers(100 - percent, effect),
        undo: ({ target, effect }) => target.fleet.setWorkers(100 - before, effect),
      },
    ];
  });
  const watched = queues(config, holdSeconds);
  const last: Step =
    watched.length > 0
      ? {
          id: "traffic.workers-alone",
          phase: "traffic",
          kind: "gate",
          title: "Watch the queues with the new side's workers alone",
          seed: "Background workers: queue consumers",
          wayBack: { summary: "Nothing to undo: it only looks.", loses: "nothing" },
          gates: watched,
        }
      : {
          id: "traffic.workers-alone",
          phase: "traffic",
          kind: "approval",
          title: "Confirm that the new side's workers keep up and lose nothing",
          seed: "Background workers: queue consumers",
          wayBack: { summary: "Nothing to undo: it only asks.", loses: "nothing" },
          asks: "Nothing measures the queues (handover.queues). Do the workers keep up, and is nothing in their dead letters?",
          secondPerson: false,
          gates: [],
        };
  return [...moved, last];
}

/** @param users what sends them along, and what watches over them then */
function once(config: StackConfig, users?: { change: ConfigPatch; gates: GateUse[] }): Step[] {
  const all = onceOf(config);
  if (all.length === 0) return [];
  const { stopSeconds } = config.handover;
  return [
    {
      id: ONCE_STOP,
      phase: "traffic",
      kind: "action",
      title: `Stop ${names(all)} on the old side, at a moment when no schedule is near${users === undefined ? "" : "; users wait from here on"}`,
      seed: "batch-processor: cron",
      wayBack: {
        summary: `${names(all)} stop on the new side, are observed stopped there, and then start on the old side.`,
        loses: "nothing",
      },
      undoFrom: ONCE_STOP,
      ...(users === undefined ? {} : { inMaintenance: true }),
      run: stopOld,
      undo: startOld,
      marks: ["old-once-stopped"],
      undoMarks: ["old-once-started"],
    },
    {
      id: ONCE_STOPPED,
      phase: "traffic",
      kind: "gate",
      title: "Wait until nothing of it runs on the old side any more",
      seed: "batch-processor: cron",
      wayBack: { summary: "Nothing to undo: it only waits.", loses: "nothing" },
      undoFrom: ONCE_STOP,
      gates: [gate("old-once-stopped", 0, { timeoutSeconds: stopSeconds })],
    },
    {
      id: "traffic.once-start",
      phase: "traffic",
      kind: "config",
      title: `Start ${names(all)} on the new side${users === undefined ? "" : ", and send all users there"}`,
      seed: "batch-processor: cron",
      wayBack: earlierConfig(
        `${users === undefined ? "" : "The weights go back first. "}They begin nothing more on the new side, what runs comes to its end, and they are removed there.`,
      ),
      undoFrom: ONCE_STOP,
      change: () => ({ "handover.once": "new", ...users?.change }),
      undo: ({ target, effect }) => target.cluster.stopOnce(effect),
      undoMarks: ["new-once-stopped"],
      gates: [gate("once-ready", 0), ...(users?.gates ?? [])],
    },
    ...(schedulesOf(config).length === 0
      ? []
      : [
          {
            id: "traffic.once-catch-up",
            phase: "traffic" as const,
            kind: "action" as const,
            title: "Run what the schedules missed while they ran on neither side, each once",
            seed: "batch-processor: cron",
            wayBack: { summary: "Nothing to undo: what ran has run.", loses: "nothing" },
            run: ({ target, effect, marks }: ActionContext) =>
              target.cluster.catchUp(need(marks["old-once-stopped"], "mark old-once-stopped").at, effect),
          },
        ]),
  ];
}

/** A run that begins while it is being stopped may have begun or not: no schedule may be near. */
async function stopOld({ target, config, effect }: ActionContext) {
  const from = await quietMoment(target.clock, config, effect.signal);
  const evidence = await target.fleet.stopOnce(effect);
  const doubtful = ambiguousRuns(config, from, target.clock.now());
  if (doubtful.length > 0)
    throw new Terminal(
      `Stopping took so long that nobody knows whether ${doubtful.map((r) => `${r.process} of ${new Date(r.at).toISOString()}`).join(", ")} ran.`,
      { next: "Look on the old side, run by hand what did not run, and try again." },
    );
  return evidence;
}

/** The mirror image: nothing starts on the old side before nothing runs on the new one. */
async function startOld({ target, config, effect, marks }: ActionContext) {
  // Also where the update that was to start it did not come to its end.
  await target.cluster.stopOnce(effect);
  const { reading } = await target.observer.observe("new-once-running", undefined, 0);
  if (!reading.known || reading.value > 0)
    throw new Terminal(
      `${names(onceOf(config))} may still run on the new side${reading.known ? "" : `: ${reading.reason}`}. They are not started on the old one.`,
      { next: "Make sure that they do not run there, and resume: it looks again." },
    );
  const since = marks["new-once-stopped"] ?? marks["old-once-stopped"];
  const missed = since === undefined ? [] : missedRuns(config, since.at, target.clock.now());
  return target.fleet.startOnce(missed, effect);
}
