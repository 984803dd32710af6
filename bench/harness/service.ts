import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeLocalToken } from "../../src/access/localToken.js";
import { WebhookSenders } from "../../src/access/webhooks.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { folderProject } from "../../src/cli/project.js";
import { defaultAccess } from "../../src/config/access.js";
import { projectRoot } from "../../src/engine/engine.js";
import { NO_OPERATIONS } from "../../src/operations/config.js";
import { createLogger } from "../../src/operations/logs.js";
import { Operations } from "../../src/operations/operations.js";
import { openSandbox, type SandboxOptions } from "../../src/sandbox/open.js";
import { startServer } from "../../src/server.js";
import { keepHeapSmall } from "../../src/service/heap.js";
import { GUARD_MS, SWEEP_MS } from "../../src/service/store.js";
import { drive } from "./people.js";

export interface ServiceTask extends Pick<SandboxOptions, "state" | "slots" | "providers" | "faults"> {
  /** Address of the journals' PostgreSQL; with it the service looks after them as that of real environments does. @default a folder in `state` */
  database?: string;
}

/** What the benchmark asks of the service's process beside HTTP: to play people, or how much of its heap is alive. */
export type Question = { drive: string; to: string } | "alive";

keepHeapSmall();
/** The service in a process of its own, as `cutover serve` opens it over a sandbox, with its providers elsewhere. */
const { database, ...task } = JSON.parse(process.argv[2] ?? "{}") as ServiceTask;
const stacks = join(task.state, "stacks");
const open = await openSandbox({
  ...task,
  ...{ root: projectRoot(), stacks, project: folderProject(stacks) },
  ...(database === undefined ? {} : { store: await SqlStore.open(database), timers: { guardMs: GUARD_MS, sweepMs: SWEEP_MS } }),
});
open.driver.warm();
const operations = new Operations({ config: NO_OPERATIONS, logger: createLogger("error") });
await operations.watch({ ...open, queueUrl: "" });
await open.migrations.resumeAll();
// Without its limit a caller may ask as often as the benchmark does.
const settings = { ...defaultAccess(), limits: { requestsPerMinute: 1_000_000, failuresPerMinute: 20 } };
// Somebody may sign what it sends: so the bytes of whoever claims to are read.
process.env.BENCH_SECRET = `whsec_${randomBytes(32).toString("base64")}`;
const webhooks = new WebhookSenders([{ name: "alertmanager", role: "operator", secret: { env: "BENCH_SECRET" } }]);
const access = { local: makeLocalToken({ namesPeople: true }), webhooks };
const server = await startServer({ migrations: open.migrations, port: 0, settings, operations, access });
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
  await operations.close();
  await open.close();
  process.exit();
});
process.send?.({ url: server.url, token: server.token });
