// npm run test:unit [-- PATH... | WORDS... | --watch]: tests of the pure core, without an engine, a service or a real part. With
// --watch they run again whenever a file under src or test is saved.
import { existsSync, watch } from "node:fs";
import { join } from "node:path";
import { runScript } from "./failure.mjs";
import { chooseSpecs, runMocha, wentWell } from "./mocha.mjs";
import { ROOT, setUp } from "./setup.mjs";

const ROOMS = [
  ...["access", "automation/gates", "automation/plan", "automation/journal", "automation/state", "components/components.test.ts"],
  ...["config", "init", "inventory", "lib", "policies", "readModels"],
].map((room) => `test/${room}`);
/** Several saves at once are one. */
const PAUSE_MS = 100;
const say = (line) => void process.stderr.write(`${line}\n`);

const args = process.argv.slice(2);
const given = args.filter((arg) => arg !== "--watch");

async function round() {
  await setUp({ engine: false });
  const asked = given.some((arg) => arg.startsWith("test")) ? given : [...ROOMS.filter((room) => existsSync(join(ROOT, room))), ...given];
  const { specs, options } = await chooseSpecs(asked);
  const result = await runMocha(specs, options, { say });
  process.stdout.write(`${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped\n`);
  return wentWell(result) ? 0 : 1;
}

async function watching() {
  let running = Promise.resolve();
  let timer;
  const again = () => {
    running = running.then(() => runScript(round));
  };
  for (const room of ["src", "test"])
    watch(join(ROOT, room), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(again, PAUSE_MS);
    });
  again();
  await new Promise((resolve) => process.once("SIGINT", resolve));
  process.exit(0);
}

if (args.includes("--watch")) await watching();
else await runScript(round);
