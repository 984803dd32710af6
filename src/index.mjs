// The program for `pulumi up` from a shell: brings dist up to date when the sources are newer, then runs it.
import { existsSync } from "node:fs";
import { build } from "../scripts/build.mjs";

// An installed package has no sources, and is built.
if (existsSync(new URL("program.ts", import.meta.url))) await build();
const { fromShell } = await import("../dist/src/program.js");

export default fromShell;
