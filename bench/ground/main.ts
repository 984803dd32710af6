import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migration, upgrade } from "./scenarios.js";

const folder = await mkdtemp(join(tmpdir(), "cutover-ground-"));
try {
  const [kind = "rolling", off, n = "3", st = "15"] = process.argv.slice(2);
  const began = Date.now();
  const say = (l: string) => console.error(((Date.now() - began) / 1000).toFixed(1), l);
  const run = { folder, ...(off === undefined || off === "-" ? {} : { off: off as "preStop" }), users: 60, webSockets: 10, say };
  if (kind === "migration") {
    const m = await migration(run, n as "end");
    for (const s of [m.afterRegression, m.end]) console.log(JSON.stringify({ ...s, lastFresh: undefined, failures: s.failures.length }), JSON.stringify(s.failures.slice(0, 20)));
    console.log(JSON.stringify({ b: m.backMs, i: m.brokenAfter }));
  } else {
    const snapshot = await upgrade(run, { kind: kind as "rolling", replicas: Number(n), startupSeconds: Number(st) });
    const { failures, lastFresh, ...rest } = snapshot;
    const kinds: Record<string, number> = {};
    for (const f of failures) {
      const key = `${f.operation}: ${f.what}`;
      kinds[key] = (kinds[key] ?? 0) + 1;
    }
    console.log(off ?? "all on", (Date.now() - began) / 1000, JSON.stringify(rest), "failed", failures.length, JSON.stringify(kinds));
  }
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(0);
