import { movedFoldersOf } from "../../../config/movedFolders.js";
import type { StackConfig } from "../../../config/schema.js";
import { mostToCompare } from "../../../config/writePause.js";
import { Terminal, Transient } from "../../../errors.js";
import { counted } from "../../../lib/plural.js";
import type { Effect, Evidence, Target } from "../../../ports/target.js";
import type { ActionContext, Step } from "../step.js";
import { gate, NOTHING_TO_UNDO, need } from "./build.js";
import { RISK } from "./databaseComparison.js";

/*
 * Files on the old side's disks go into a volume that both sides use from then on, inside the database's window (promise 13): copied
 * and compared by their checksums while the application runs, then what changed since while nobody writes. Going back is the mirror
 * image: what was written to the volume is copied to the old side's disks before these are used again.
 */

/** A pass that takes more than this share of the last one's time does not get shorter by another. */
const NO_SHORTER = 0.8;

const foldersOf = (config: StackConfig): string =>
  movedFoldersOf(config)
    .map(({ folder }) => folder)
    .join(", ");

/** Given up when users have waited for as long as they may; what was copied until then need not be copied again. */
const inPause = (config: StackConfig) => ({ checksums: false, withinSeconds: need(config.database, "database").writePauseSeconds });

const some = (config: StackConfig, ...steps: Step[]): Step[] => (movedFoldersOf(config).length === 0 ? [] : steps);

/** While the application runs. */
export const filesAhead = (config: StackConfig): Step[] =>
  some(config, {
    id: "database.files-ahead",
    phase: "database",
    kind: "action",
    title: `Copy ${foldersOf(config)} to the new side's volumes while the application runs`,
    seed: RISK,
    wayBack: { summary: "Nothing to undo: the old side's files stay as they are.", loses: "nothing" },
    run: copyAhead,
  });

/**
 * While writes are stopped, and before the promotion: what fails here is undone while the old database is still the only one.
 * @param undoFrom the step that opened the window
 */
export const filesMoved = (config: StackConfig, undoFrom: string): Step[] =>
  some(
    config,
    {
      id: "database.files-last",
      phase: "database",
      kind: "action",
      title: "Copy the last files that changed",
      seed: RISK,
      wayBack: NOTHING_TO_UNDO,
      undoFrom,
      inWritePause: true,
      run: ({ target, config: now, effect }) => target.fleet.copyFiles("old", inPause(now), effect),
    },
    {
      id: "database.files-same",
      phase: "database",
      kind: "gate",
      title: "Wait until no file differs between the old side's disks and the volumes",
      seed: RISK,
      wayBack: NOTHING_TO_UNDO,
      undoFrom,
      inWritePause: true,
      gates: [gate("files-same")],
    },
    {
      id: "database.files-use",
      phase: "database",
      kind: "action",
      title: `Have the old fleet use the volumes in place of ${foldersOf(config)}`,
      seed: RISK,
      wayBack: {
        summary: `What was written to the volumes is copied to ${foldersOf(config)} and compared; then the old fleet uses these again. Where that takes longer than the write pause, or fails, it stays on the volumes.`,
        loses: "nothing",
      },
      undoFrom,
      inWritePause: true,
      run: ({ target, effect }) => target.fleet.useFiles("new", effect),
      undo: useDisks,
      marks: ["old-files-on-new"],
      undoMarks: ["old-files-on-old"],
    },
  );

/** Passes until one fits into what the comparison of the rows leaves of the pause, or another would not be shorter. */
async function copyAhead({ target, config, effect, factsOf }: ActionContext): Promise<Evidence> {
  const compared = Number(factsOf?.("database.compare-ahead")?.seconds ?? 0);
  const most = Math.max(0, mostToCompare(config) - compared);
  const pass = async (checksums: boolean, number: number) => {
    const from = target.clock.now();
    const evidence = await target.fleet.copyFiles("old", { checksums }, { ...effect, key: `${effect.key} pass ${number}` });
    return { evidence, seconds: (target.clock.now() - from) / 1_000 };
  };
  const first = await pass(true, 1);
  let before = first.seconds;
  for (let number = 2; ; number += 1) {
    const { evidence, seconds } = await pass(false, number);
    const facts = { ...evidence.facts, passes: number, firstSeconds: Math.ceil(first.seconds), seconds: Math.ceil(seconds) };
    if (seconds <= most)
      return { ...evidence, summary: `${evidence.summary} With writes stopped a pass takes about ${facts.seconds} s.`, facts };
    if (seconds > before * NO_SHORTER)
      throw new Terminal(
        `Copying what changes takes ${facts.seconds} s with writes stopped, and may take ${Math.floor(most)} s of the pause of ${config.database?.writePauseSeconds} s.`,
        { next: "Move what is not needed out of the folders, or raise database.writePauseSeconds to what users bear; then try again." },
      );
    before = seconds;
  }
}

/** Never in the way of what else is undone: the old fleet can stay on the volumes, and loses nothing there. */
async function useDisks({ target, config, effect }: ActionContext): Promise<Evidence> {
  const why = await copyBack(target, config, effect);
  if (why === undefined) return target.fleet.useFiles("old", effect);
  return {
    summary: `The old fleet goes on using the volumes, which have every file, in place of ${foldersOf(config)}: ${why}`,
    facts: { side: "new" },
  };
}

/** Why the old side's disks do not have every file; undefined when they have. */
async function copyBack(target: Target, config: StackConfig, effect: Effect): Promise<string | undefined> {
  try {
    await target.fleet.copyFiles("new", inPause(config), effect);
    const { reading } = await target.observer.observe("files-differing", "new", 0);
    if (!reading.known) return reading.reason;
    return reading.value === 0 ? undefined : `${counted(reading.value, "file")} still differ`;
  } catch (error) {
    if (error instanceof Terminal || error instanceof Transient) return error.message;
    throw error;
  }
}
