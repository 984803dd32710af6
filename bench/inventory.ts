import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { COLUMNS, parseInventory } from "../src/inventory/csv.js";
import { computeWaves } from "../src/inventory/graph.js";
import { inTurns, seconds } from "./harness/measure.js";
import { run } from "./harness/processes.js";
import { type Benchmark, compared, growthOf } from "./harness/report.js";

/** What a user would write to get checked rows out of a spreadsheet's export. */
const SCRIPT = `
import csv, sys, time
began = time.perf_counter()
with open(sys.argv[1], newline="") as file:
    rows = list(csv.DictReader(file))
names = {row["Application"] for row in rows}
assert len(names) == len(rows) and all(row["Critical"] in ("High", "Medium", "Low") for row in rows)
print(time.perf_counter() - began)
`;

/** Importing an inventory: parsed, every cell checked, and its waves computed; beside Python's csv module, which only parses. */
export const benchmark: Benchmark = {
  about: "import of an inventory",
  run: async ({ short, times, folder, say }) => {
    const figures = [];
    for (const size of short ? [10, 100] : [1_000, 10_000]) {
      const file = join(folder, `${size}.csv`);
      await writeFile(file, csvOf(size));
      const measured = await inTurns(
        times(15),
        () =>
          seconds(async () => {
            const inventory = parseInventory(await readFile(file), file);
            if (computeWaves(inventory).flat().length !== size) throw new Error("applications were lost on the way");
          }),
        async () => Number(await run("python3", ["-c", SCRIPT, file])),
      );
      say(`${size} rows: ${measured.ours.median.toFixed(3)} s`);
      const what = `import of an inventory of ${size} rows, with its waves`;
      figures.push(compared(what, "s", measured, "Python's csv module, parsing only", { size: { of: "rows", value: size } }));
    }
    return { figures, growths: growthOf("import of an inventory", figures), notes: [] };
  },
};

/** Every tenth application uses the one nine before it, so that there are several waves. */
function csvOf(rows: number): string {
  const line = (i: number) =>
    [
      `application-${i}`,
      "Node.js 20",
      i % 10 === 9 ? `PostgreSQL/application-${i - 9}` : "PostgreSQL/Redis",
      `${i + 1}k req/day`,
      i % 3 === 0 ? "RDS" : "None",
      ["High", "Medium", "Low"][i % 3],
      `Team ${i % 20}`,
    ].join(",");
  return [COLUMNS.join(","), ...Array.from({ length: rows }, (_, i) => line(i))].join("\n").concat("\n");
}
