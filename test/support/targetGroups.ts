import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { projectRoot } from "../../src/engine/engine.js";

/** The stack of the sample whose users the how-to moves by target groups. */
export const GROUPS_STACK = "admin-portal-production";

/** The page for users of a load balancer that stays. */
export const groupsPage = (): Promise<string> => readFile(join(projectRoot(), "docs", "how-to", "5-traffic-target-groups.md"), "utf8");

/** That stack's file as the page tells to write it: its `traffic` in place of the names. */
export async function groupsStack(): Promise<string> {
  const [, block] = /^```yaml\n([\s\S]*?)^```$/m.exec(await groupsPage()) ?? [];
  if (block === undefined) throw new Error("the page shows no stack config");
  const traffic = block.replaceAll(/^(?=.)/gm, "  ");
  const text = await readFile(join(projectRoot(), "stacks", `Pulumi.${GROUPS_STACK}.yaml`), "utf8");
  return text.replace(/ {2}cutover:dns:\n( {4}.*\n)+/, traffic);
}
