import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { isCutoverAvailable, STACK_ANNOTATION, stacksOf } from "../../integrations/backstage/src/annotation.js";
import { elementsUrl, loadElements } from "../../integrations/backstage/src/elements.js";
import { projectRoot } from "../../src/engine/engine.js";

const entity = (value?: string) => ({ metadata: value === undefined ? {} : { annotations: { [STACK_ANNOTATION]: value } } });

describe("the Backstage plugin, as far as it needs no Backstage", () => {
  it("reads the stacks of an entity from its annotation, each once and in its order", () => {
    expect(stacksOf(entity("web-api-staging, web-api-production,web-api-staging"))).to.deep.equal([
      "web-api-staging",
      "web-api-production",
    ]);
    expect(stacksOf(entity(" ,../x, <b>"))).to.deep.equal([]);
    expect([isCutoverAvailable(entity("web-api-production")), isCutoverAvailable(entity())]).to.deep.equal([true, false]);
  });

  it("reads the example entity of its page of instructions", async () => {
    const text = await readFile(join(projectRoot(), "integrations", "backstage", "README.md"), "utf8");
    const example = /```yaml\n( *apiVersion: backstage[\s\S]*?)```/.exec(text)?.[1];
    expect(stacksOf(parse(example ?? ""))).to.deep.equal(["web-api-staging", "web-api-production"]);
  });

  it("loads the elements once from each service, and tries again after a failure", async () => {
    const asked: string[] = [];
    let fails = true;
    const load = async (url: string) => {
      asked.push(url);
      if (fails) throw new Error("not there yet");
    };
    await loadElements("https://cutover.example.com", load).catch(() => undefined);
    fails = false;
    await Promise.all([loadElements("https://cutover.example.com/", load), loadElements("https://cutover.example.com", load)]);
    expect(asked).to.deep.equal([elementsUrl("https://cutover.example.com"), "https://cutover.example.com/elements.js"]);
  });
});
