import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import * as components from "../../src/components/index.js";
import { projectRoot } from "../../src/engine/engine.js";

const root = projectRoot();
const script = (await import(pathToFileURL(join(root, "scripts", "docs.mjs")).href)) as {
  renderDocs(root: string): Promise<Map<string, string>>;
};

describe("the components' pages", () => {
  it("are what the sources say", async () => {
    for (const [path, text] of await script.renderDocs(root))
      expect(await readFile(join(root, path), "utf8").catch(() => ""), `${path}: run npm run docs`).to.equal(text);
  });

  it("exist for every component, with example, guide's item and cost", async () => {
    const pages = await script.renderDocs(root);
    const names = Object.entries(components).flatMap(([name, value]) => (/^class /.test(String(value)) ? [name] : []));
    expect(names).to.have.length.at.least(14);
    for (const name of names) {
      const page = pages.get(join("docs", "components", `${name}.md`)) ?? "";
      expect(page, name).to.match(/## Example\n\n```ts\nimport \{ .+ \} from "cutover\/components";\n\n.*new /s);
      expect(page, name).to.not.contain("From the guide: -.");
      expect(page.split("## Creates")[1], name).to.match(/^\n\n- /);
    }
  });

  it("say of every argument and output what it is", async () => {
    for (const [path, text] of await script.renderDocs(root)) {
      const undescribed = text.split("\n").filter((line) => line.startsWith("| `") && /\|\s*\|$/.test(line));
      expect(undescribed, path).to.deep.equal([]);
    }
  });
});
