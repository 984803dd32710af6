import type { Volumes } from "./processes.js";

/** A folder of the old side whose files move into a volume. */
export interface MovedFolder {
  /** Name in `volumes`. */
  volume: string;
  /** Absolute, on the old side's instances. */
  folder: string;
  sizeGb: number;
}

/** Every folder whose files move: both sides use the volume once they have. */
export const movedFoldersOf = ({ volumes }: { volumes: Volumes }): MovedFolder[] =>
  Object.entries(volumes).flatMap(([volume, shape]) =>
    shape.kind === "ebs" || shape.copy === undefined ? [] : [{ volume, folder: shape.copy.from, sizeGb: shape.copy.sizeGb }],
  );
