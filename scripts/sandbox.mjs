// npm run sandbox -- pulumi up --stack web-api-staging: runs a command against the embedded sandbox instead of a real account.
import { setUpAndRun } from "./setup.mjs";

await setUpAndRun(["sandbox", ...process.argv.slice(2)]);
