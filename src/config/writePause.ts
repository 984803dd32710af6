import type { StackConfig } from "./schema.js";

/** Of the pause; the rest is for stopping writes, catching up and proving both. */
const SHARE = 0.75;

/** Seconds that the comparison may take of a pause. */
export const mostOfPause = (writePauseSeconds: number): number => writePauseSeconds * SHARE;

/** Of the pause that the config allows. */
export const mostToCompare = ({ database }: StackConfig): number => mostOfPause(database?.writePauseSeconds ?? 0);
