import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../../src/engine/engine.js";

/** The set-up's own, typed: a script that runs before anything is installed is plain JavaScript. */
export const { freePort } = (await import(pathToFileURL(join(projectRoot(), "scripts", "freePort.mjs")).href)) as {
  /** A port of 127.0.0.1 that is free for TCP and UDP. */
  freePort: () => Promise<number>;
};
