import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { openApi } from "../../src/http/openapi.js";
import { routes } from "../../src/http/routes/index.js";
import { parametersIn } from "../../src/http/routes/route.js";

describe("the OpenAPI document", () => {
  it("stands in docs/openapi.json as the routes make it", async () => {
    const root = projectRoot();
    const script = (await import(pathToFileURL(join(root, "scripts", "docs", "api.mjs")).href)) as {
      renderApi(root: string): Promise<Map<string, string>>;
    };
    for (const [path, made] of await script.renderApi(root))
      expect((await readFile(join(root, path), "utf8")) === made, `${path} is not up to date: npm run docs`).to.equal(true);
  });

  it("names each operation once, describes each parameter of its path, and has every schema that it refers to", () => {
    const names = routes.map((r) => r.name);
    expect(names).to.deep.equal([...new Set(names)]);
    for (const { path, params } of routes) expect(Object.keys(params?.shape ?? {}), path).to.have.members(parametersIn(path));
    const document = openApi();
    const { schemas } = document.components as { schemas: object };
    const referred = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
    expect(Object.keys(schemas)).to.include.members(referred);
  });

  it("has each of its addresses in docs/http-api.md", async () => {
    const page = await readFile(join(projectRoot(), "docs", "http-api.md"), "utf8");
    const written = (path: string) =>
      path
        .replace(/^\/v1\/migrations\/\{stack\}(?=\/)/, "…")
        .replaceAll("{number}", "N")
        .replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
    expect(routes.map((r) => written(r.path)).filter((path) => !page.includes(path))).to.deep.equal([]);
  });

  it("asks for a credential everywhere but for the service's health", () => {
    expect(routes.filter((r) => r.needs === "nobody").map((r) => r.path)).to.deep.equal(["/healthz", "/readyz"]);
  });
});
