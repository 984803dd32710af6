import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";

const ROOMS = ["gates", "plan", "journal", "state", "decide"];

/** Loads every file of the pure rooms in a process of its own, and tells which modules came with them. */
const PROGRAM = `
  import { readdirSync } from "node:fs";
  import { registerHooks } from "node:module";
  import { pathToFileURL } from "node:url";
  const [folder, ...rooms] = process.argv.slice(1);
  const loaded = new Set();
  registerHooks({ load: (url, context, next) => (loaded.add(url), next(url, context)) });
  for (const room of rooms)
    for (const name of readdirSync(folder + "/" + room, { recursive: true }))
      if (name.endsWith(".js")) await import(pathToFileURL(folder + "/" + room + "/" + name).href);
  console.log(JSON.stringify([...loaded]));
`;

describe("the pure rooms", () => {
  // Lint sees direct imports alone. This sees what those bring with them.
  it("load no SDK, no driver and nothing that reads or writes, however indirectly", async function () {
    this.timeout(60_000);
    const folder = join(projectRoot(), "dist", "src", "automation");
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", PROGRAM, folder, ...ROOMS]);
    const urls = JSON.parse(stdout) as string[];
    const packages = new Set(urls.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []));
    const pure = ["node:crypto", "node:path", "node:process", "node:buffer"];
    const builtIns = urls.filter((url) => url.startsWith("node:") && !pure.includes(url));
    expect(urls.filter((url) => url.includes("/automation/")).length).to.be.greaterThan(40);
    expect([...packages].sort()).to.deep.equal(["@secretlint/secretlint-rule-preset-recommend", "fastest-levenshtein", "yaml", "zod"]);
    expect(builtIns).to.deep.equal([]);
  });
});

describe("src/automation", () => {
  it("names no provider's resource types and loads no SDK: what is a provider's own is handed in by the target", () => {
    const root = join(projectRoot(), "src", "automation");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const named = files.flatMap((name) => {
      const text = readFileSync(join(root, name), "utf8");
      return [...text.matchAll(/\b(aws|aws-native|kubernetes):[\w.-]+[/:]|@aws-sdk|@kubernetes\//g)].map(([what]) => `${name}: ${what}`);
    });
    expect(files.length).to.be.greaterThan(60);
    expect(named).to.deep.equal([]);
  });
});
