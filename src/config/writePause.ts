import type { StackConfig } from "./schema.js";

/** Of the pause; the rest is for stopping writes, catching up and proving both. */
const SHARE = 0.75;

/** Seconds that the comparison may take of the pause in which nobody writes. */
export const mostToCompare = ({ database }: StackConfig): number => (database?.writePauseSeconds ?? 0) * SHARE;
