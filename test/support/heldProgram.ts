import { existsSync, writeFileSync } from "node:fs";
import { program as real } from "../../src/program.js";

/** The program, which does not end while the file in CUTOVER_TEST_HOLD exists; a file beside it says that it waits. */
export async function program(): Promise<Record<string, unknown>> {
  const hold = process.env.CUTOVER_TEST_HOLD ?? "";
  const outputs = await real();
  if (existsSync(hold)) writeFileSync(`${hold}.${process.pid}`, "");
  while (existsSync(hold)) await new Promise((resolve) => setTimeout(resolve, 50));
  return outputs;
}
