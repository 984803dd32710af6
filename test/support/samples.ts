import { join } from "node:path";
import { neededSecrets, type RawConfig, StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";

/** The sample stacks' configs. They have no secrets in the repository; what stands for them is sealed with nothing. */
export async function sampleStacks(): Promise<{ stack: string; raw: RawConfig }[]> {
  const folder = join(projectRoot(), "stacks");
  return Promise.all(
    (await StackFile.list(folder)).map(async (stack) => {
      const raw = (await StackFile.read(folder, stack)).raw();
      const secrets = Object.fromEntries(neededSecrets(raw).map((key) => [key, { secure: "v1:none" }]));
      return { stack, raw: { ...raw, "cutover:secrets": secrets } };
    }),
  );
}
