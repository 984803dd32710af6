// npm run bench: set-up, then each benchmark in a process of its own.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { runScript } from "./failure.mjs";
import { ROOT, setUp } from "./setup.mjs";

const BENCHMARKS = ["rehearsal"];

await runScript(async () => {
  await setUp();
  let worst = 0;
  for (const name of BENCHMARKS) {
    const { status } = spawnSync(process.execPath, [join(ROOT, "dist", "bench", `${name}.js`)], { stdio: "inherit" });
    worst = Math.max(worst, status ?? 1);
  }
  return worst;
});
