import { join } from "node:path";
import { folderProject } from "../../src/cli/project.js";
import { defaultAccess } from "../../src/config/access.js";
import { projectRoot } from "../../src/engine/engine.js";
import { openSandbox, type SandboxOptions } from "../../src/sandbox/open.js";
import { startServer } from "../../src/server.js";
import { keepHeapSmall } from "../../src/service/heap.js";
import { drive } from "./people.js";

export type ServiceTask = Pick<SandboxOptions, "state" | "slots" | "providers" | "faults">;

/** What the benchmark asks of the service's process beside HTTP: to play people, or how much of its heap is alive. */
export type Question = { drive: string; to: string } | "alive";

keepHeapSmall();
/** The service in a process of its own, as `cutover serve` opens it over a sandbox, with its providers elsewhere. */
const task = JSON.parse(process.argv[2] ?? "{}") as ServiceTask;
const stacks = join(task.state, "stacks");
const open = await openSandbox({ ...task, root: projectRoot(), stacks, project: folderProject(stacks) });
open.driver.warm();
await open.migrations.resumeAll();
// Without its limit a caller may ask as often as the benchmark does.
const settings = { ...defaultAccess(), limits: { requestsPerMinute: 1_000_000, failuresPerMinute: 20 } };
const server = await startServer({ migrations: open.migrations, port: 0, settings });
process.on("message", (question: Question) => {
  if (question === "alive") {
    // Only with --expose-gc, else garbage counts too.
    globalThis.gc?.();
    process.send?.({ mib: process.memoryUsage().heapUsed / 1_024 / 1_024 });
    return;
  }
  drive(open.migrations, question.drive, question.to).then(
    () => process.send?.({}),
    (error: Error) => process.send?.({ error: error.stack }),
  );
});
process.once("SIGTERM", async () => {
  await server.close();
  await open.close();
  process.exit();
});
process.send?.({ url: server.url, token: server.token });
