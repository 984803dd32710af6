// npm run proving-ground [-- --short]: set-up, then cutover over real processes, and what users felt of it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runScript } from "./failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

await runScript(async () => {
  await setUp();
  await import(pathToFileURL(join(ROOT, "dist", "bench", "ground", "main.js")).href);
});
