/** A provider host in a process of its own, as real providers are. Started by tests: `node providerProcess.js STATE PORT FAULTS`. */
import { join } from "node:path";
import { StackFile } from "../../src/config/stackFile.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";

const [folder = "", port = "", faults = "{}"] = process.argv.slice(2);
const sandbox = await Sandbox.open({
  folder,
  faults: JSON.parse(faults) as Record<string, string[]>,
  config: async (stack) => (await StackFile.read(join(folder, "stacks"), stack)).config(),
});
const host = await startProviderHost({ open: (stack) => sandbox.open(stack), port: Number(port) });
process.stdout.write(`${JSON.stringify(host)}\n`);
