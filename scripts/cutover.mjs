// npm run cutover -- COMMAND: set-up, then the command line.
import { setUpAndRun } from "./setup.mjs";

await setUpAndRun(process.argv.slice(2));
