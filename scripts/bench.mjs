// npm run bench [-- NAME... --short --out FILE]: set-up, then each benchmark in a process of its own.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runScript } from "./failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

await runScript(async () => {
  await setUp();
  await import(pathToFileURL(join(ROOT, "dist", "bench", "main.js")).href);
});
