#!/usr/bin/env node
// npm run cutover -- COMMAND, or `cutover COMMAND` where the package is installed: set-up, then the command line.
import { setUpAndRun } from "./setup.mjs";

await setUpAndRun(process.argv.slice(2));
