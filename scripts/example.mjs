// npm run example: the portal of examples/node-portal over the sandbox, until Ctrl-C.
import { runScript } from "./failure.mjs";
import { setUp } from "./setup.mjs";

await runScript(async () => {
  await setUp();
  await import("../examples/node-portal/start.js");
});
