/** Appends to a store until it is killed, and says after each append how many were answered. */
import { SqlStore } from "../../src/automation/sqlStore.js";

const store = await SqlStore.open(process.argv[2] ?? "");
for (let i = 1; ; i += 1) {
  await store.append("killed", { type: "migration.held", reason: String(i) }, i);
  process.stdout.write(`${i}\n`);
}
