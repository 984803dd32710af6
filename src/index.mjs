// The program for `pulumi up` from a shell: brings dist up to date when the sources are newer, then runs it.
import { build } from "../scripts/build.mjs";

await build();
const { program } = await import("../dist/src/program.js");

export default program;
