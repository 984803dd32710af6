import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { readConfig } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { differences } from "../../src/sandbox/provider/properties.js";
import { expectGenerated, markdownTable } from "../support/generated.js";
import { sampleStacks } from "../support/samples.js";
import { registered } from "./harness.js";
import { SEED_ITEMS } from "./seedItems.js";

const covers = (path: string, difference: string) =>
  difference === path || difference.startsWith(`${path}.`) || difference.startsWith(`${path}[`);
const testTitle = (item: string) => `registers what the seed has: ${item}`;

describe("the components", () => {
  for (const { item, component, make, seed, ours, differences: intended } of SEED_ITEMS) {
    it(`${component} ${testTitle(item)}`, async () => {
      const found = differences(seed, ours(await registered(make))).map((d) => d.path);
      const reasons = Object.keys(intended);
      expect(
        found.filter((path) => !reasons.some((r) => covers(r, path))),
        "differences from the seed that nobody gave a reason for",
      ).to.deep.equal([]);
      expect(
        reasons.filter((r) => !found.some((path) => covers(r, path))),
        "reasons for differences that are none any more",
      ).to.deep.equal([]);
    });
  }

  it("compare every manifest, record and command that the fixtures take from the seed", async () => {
    const files = await readdir(join(projectRoot(), "test", "fixtures", "seed"));
    expect(SEED_ITEMS).to.have.length(files.length);
  });

  it("stand in docs/seed-equivalence.md with the seed's items, their tests and every intended difference", async () => {
    await expectGenerated("docs/seed-equivalence.md", await page());
  });
});

async function page(): Promise<string> {
  const compared = SEED_ITEMS.map(({ item, component }) => [
    item,
    `[${component}](components/${component}.md)`,
    `${component} ${testTitle(item)}`,
  ]);
  const reasons = SEED_ITEMS.flatMap(({ item, differences: all }) => Object.entries(all).map(([path, why]) => [item, `\`${path}\``, why]));
  return [
    "<!-- Made by test/components/seedEquivalence.test.ts; CUTOVER_WRITE_DOCS=1 writes it again. -->",
    "# What became of each item of the production migration guide",
    "## Manifests, records and commands that components stand for",
    "Each is compared field by field with the guide's own text (`test/fixtures/seed`), in the named test.",
    markdownTable(["item", "component", "test"], compared),
    "## Intended differences",
    markdownTable(["item", "field", "why"], reasons),
    "## Items that steps of the plan carry out",
    "From the plans of the sample stacks; each step names the item that it carries out.",
    markdownTable(["item", "step", "kind", "what it does"], await steps()),
    "",
  ].join("\n\n");
}

async function steps(): Promise<string[][]> {
  const rows = new Map<string, string[]>();
  for (const { stack, raw } of await sampleStacks()) {
    for (const { id, seed, kind, title } of buildPlan(readConfig(raw, stack, stack)))
      if (!rows.has(id)) rows.set(id, [seed, `\`${id}\``, kind, title]);
  }
  return [...rows.values()];
}
