import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lineOf, verifyChain } from "../src/automation/journal/chain.js";
import type { Recorded } from "../src/automation/journal/entries.js";
import { journalOf } from "./harness/journals.js";
import { inTurns, seconds } from "./harness/measure.js";
import { run } from "./harness/processes.js";
import { type Benchmark, compared, growthOf } from "./harness/report.js";
import { sealedConfig, stackConfig } from "./harness/stacks.js";

/** Verifying an exported journal, beside sha256sum over the same file: that is what the hashes alone cost. */
export const benchmark: Benchmark = {
  about: "verification of a journal",
  run: async ({ short, times, folder, say }) => {
    const figures = [];
    const config = sealedConfig(stackConfig("app-1", "production"));
    for (const size of short ? [20, 200] : [2_000, 20_000]) {
      const file = join(folder, `${size}.ndjson`);
      await writeFile(
        file,
        journalOf("app-1-production", config, size)
          .map((e) => `${lineOf(e)}\n`)
          .join(""),
      );
      const measured = await inTurns(
        times(9),
        () =>
          seconds(async () => {
            const lines = (await readFile(file, "utf8")).trim().split("\n");
            const entries = lines.map((l) => JSON.parse(l) as Recorded);
            if (verifyChain(entries, { lines }).length > 0) throw new Error("the benchmark's own journal is not intact");
          }),
        () => seconds(() => run("sha256sum", [file])),
      );
      say(`${size} entries: ${Math.round(size / measured.ours.median)} a second`);
      const what = `verification of ${size} journal entries`;
      figures.push(compared(what, "s", measured, "sha256sum of the file", { size: { of: "entries", value: size } }));
    }
    const rate = (figures.at(-1)?.size?.value ?? 0) / (figures.at(-1)?.ours.median ?? 1);
    const notes = [`${Math.round(rate)} entries a second, read from the file, parsed, and the chain checked.`];
    return { figures, growths: growthOf("verification of a journal", figures), notes };
  },
};
