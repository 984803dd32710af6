import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";

/**
 * A page of docs/ that a test run makes: it must be what is committed. `CUTOVER_WRITE_DOCS=1 npm test -- PATH` writes
 * it again.
 */
export async function expectGenerated(path: string, text: string): Promise<void> {
  const file = join(projectRoot(), path);
  if (process.env.CUTOVER_WRITE_DOCS === "1") await writeFile(file, text);
  const committed = await readFile(file, "utf8").catch(() => "");
  expect(committed, `${path} is not up to date: run the tests once with CUTOVER_WRITE_DOCS=1`).to.equal(text);
}

/** A Markdown table whose cells may hold anything but line breaks. */
export function markdownTable(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(header), `|${"---|".repeat(header.length)}`, ...rows.map(line)].join("\n");
}
