import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upgrade } from "./scenarios.js";

const folder = await mkdtemp(join(tmpdir(), "cutover-ground-"));
try {
  const [kind = "rolling", off] = process.argv.slice(2);
  const began = Date.now();
  const snapshot = await upgrade({ folder, ...(off === undefined ? {} : { off: off as "preStop" }), users: 60, webSockets: 10, say: console.error }, kind as "rolling");
  console.log((Date.now() - began) / 1000, JSON.stringify({ ...snapshot, failures: snapshot.failures.slice(0, 10), failed: snapshot.failures.length }, undefined, 1));
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
