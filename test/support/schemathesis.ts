import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { requirePart } from "./parts.js";

const NAME = "schemathesis-4.32.5";
/** Where `.ci/run` puts it, and the PATH. */
const FOLDERS = [
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cutover", "tools", NAME, "bin"),
  ...(process.env.PATH ?? "").split(delimiter),
];
const PROGRAM = FOLDERS.map((f) => join(f, "schemathesis")).find((f) => existsSync(f));

/** The fuzzer's program. Makes the rest of the test need it. */
export function requireSchemathesis(context: Mocha.Context): string {
  const folder = `~/.cache/cutover/tools/${NAME}`;
  requirePart(
    context,
    "schemathesis",
    PROGRAM !== undefined,
    `python3 -m venv ${folder} && ${folder}/bin/pip install ${NAME.replace("-", "==")}`,
  );
  return PROGRAM ?? "";
}
