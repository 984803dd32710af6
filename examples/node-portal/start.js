// `npm run example` in the checkout: the portal beside this file, with a rehearsal's world behind it.
import { openSandbox } from "cutover/sandbox";
import { portal } from "./portal.js";

const { migrations, close } = await openSandbox({ stacks: "stacks", state: ".cutover/example" });
const server = portal(migrations).listen(Number(process.env.PORT ?? 8090), "127.0.0.1", () => {
  console.log(`Open http://127.0.0.1:${server.address().port}/cutover/ and sign in as ana, with the password: ana's secret`);
});
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, async () => {
    server.closeAllConnections();
    await close();
    process.exit(0);
  });
