import { StackFile } from "../../src/config/stackFile.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";

/** A provider host in a process of its own, as real providers are: the service and the raw CLI find the same. */
const { state, stacksFolder, faults, port } = JSON.parse(process.argv[2] ?? "{}") as {
  state: string;
  stacksFolder: string;
  faults: Record<string, string[]>;
  /** @default a free one */
  port?: number;
};
const sandbox = await Sandbox.open({
  folder: state,
  faults,
  config: async (stack) => (await StackFile.read(stacksFolder, stack)).config(),
});
const host = await startProviderHost({ open: (stack) => sandbox.open(stack), ...(port === undefined ? {} : { port }) });
process.send?.(host.env);
process.once("SIGTERM", () => process.exit());
