import { movedFoldersOf } from "../../config/movedFolders.js";
import type { StackConfig } from "../../config/schema.js";
import { shiftOf } from "../../config/shift.js";
import { Transient } from "../../errors.js";
import type { Side } from "../../ports/observations.js";
import { isActive } from "../faults.js";
import type { FilesState, WorldState } from "./state.js";

/** Users write a file so often. */
const FILE_EVERY_MS = 10 * 60_000;
const FILES_PER_GB = 1_000;
/** Assumed, of many files over NFS: about 50 MB/s. The real one is measured by the pass that runs ahead. */
const COPY_SECONDS_PER_GB = 20;
/** Of comparing sizes and times on both sides. */
const LIST_SECONDS_PER_GB = 0.02;
const LEAST_SECONDS = 1;

const sizeOf = (config: StackConfig): number => movedFoldersOf(config).reduce((sum, { sizeGb }) => sum + sizeGb, 0);

export const filesOf = (state: WorldState): FilesState => state.files ?? { uses: "old" };

/** Files that a copy from that side would change. */
export function filesDiffering(state: WorldState, config: StackConfig, from: Side): number {
  const { uses, sameUntil, quietSince } = filesOf(state);
  // What the old fleet uses is the volume already.
  if (from === "old" && uses === "new") return 0;
  const late = isActive(state.faults, "late-file") ? 1 : 0;
  if (sameUntil === undefined) return Math.ceil(sizeOf(config) * FILES_PER_GB) + late;
  const lastWrite = quietSince ?? state.now;
  return Math.max(0, Math.ceil((lastWrite - sameUntil) / FILE_EVERY_MS)) + late;
}

/** Copies what changed, and takes the time that the size says. @throws Transient when it takes longer than it may */
export function copyFiles(
  state: WorldState,
  config: StackConfig,
  from: Side,
  { checksums, withinSeconds = Number.POSITIVE_INFINITY }: { checksums: boolean; withinSeconds?: number },
): number {
  const files = filesOf(state);
  if (from === "old" && files.uses === "new") return 0;
  const copied = filesDiffering(state, config, from);
  const perGb = checksums || files.sameUntil === undefined ? COPY_SECONDS_PER_GB : LIST_SECONDS_PER_GB;
  const seconds = Math.ceil(LEAST_SECONDS + sizeOf(config) * perGb);
  state.now += Math.min(seconds, withinSeconds) * 1_000;
  if (seconds > withinSeconds) throw new Transient(`Copying the files took longer than ${withinSeconds} s and was ended.`);
  state.files = { ...files, sameUntil: state.now };
  return copied;
}

/** Nobody writes files while maintenance is on. */
export function quietFiles(state: WorldState, quiet: boolean): void {
  const { quietSince: _, ...files } = filesOf(state);
  state.files = quiet ? { ...files, quietSince: state.now } : files;
}

/** The old fleet reads and writes in another place; what only the place that it leaves has is lost to its users. */
export function useFiles(state: WorldState, config: StackConfig, side: Side): void {
  const files = filesOf(state);
  if (files.uses !== side && filesDiffering(state, config, files.uses) > 0)
    state.violations.push("promise 13: the old fleet uses a folder that lacks files");
  state.files = { ...files, uses: side };
}

export function fileViolations(state: WorldState, config: StackConfig): string[] {
  if (movedFoldersOf(config).length === 0) return [];
  const apart = filesOf(state).uses === "old" && (shiftOf(config)?.weights.new ?? 0) > 0;
  return apart ? ["promise 13: users of both sides write files apart"] : [];
}
