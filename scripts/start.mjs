// npm start: set-up, the rehearsal of the whole migration, then the service until Ctrl-C (`-- --exit` ends after the report).
import { setUpAndRun } from "./setup.mjs";

await setUpAndRun(["start", ...process.argv.slice(2)]);
