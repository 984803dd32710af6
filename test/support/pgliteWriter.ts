import { SqlStore } from "../../src/automation/store/sqlStore.js";

const store = await SqlStore.open(process.argv[2] ?? "");
for (let i = 1; ; i += 1) {
  await store.append("killed", { type: "migration.held", reason: String(i) }, i);
  process.stdout.write(`${i}\n`);
}
