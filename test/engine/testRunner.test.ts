import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { afterThisTest } from "../support/cleanup.js";
import { tempFolder } from "../support/tmp.js";
import { mochaScript, ROOT } from "./scripts.js";

/** Runs mocha over a test file of this text, as `npm test` does. */
async function runTests(text: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(tempFolder("mocha"), "made.test.cjs");
  writeFileSync(file, text);
  const { CI: _, ...outside } = process.env;
  const result = await mochaScript.runMocha([file], [], { env: { ...outside, ...env }, output: "ignore", graceMs: 200 });
  const { passed, failed, skipped } = result;
  return { counts: `${passed} passed, ${failed} failed, ${skipped} skipped`, ended: result.ended, well: mochaScript.wentWell(result) };
}

const PART = `const { requirePart } = await import(${JSON.stringify(`file://${join(ROOT, "dist/test/support/parts.js")}`)});`;

describe("npm test", () => {
  it("counts what passed, failed and was skipped", async () => {
    const text = 'it("a", () => {}); it("b", () => {}); it("c", () => { throw new Error("no"); }); it.skip("d", () => {});';
    expect(await runTests(text)).to.deep.equal({ counts: "2 passed, 1 failed, 1 skipped", ended: true, well: false });
  });

  it("goes well when all pass", async () => {
    expect(await runTests('it("a", () => {});')).to.deep.equal({ counts: "1 passed, 0 failed, 0 skipped", ended: true, well: true });
  });

  it("fails when no test ran", async () => {
    expect((await runTests("")).well).to.equal(false);
    expect((await runTests('it.skip("a", () => {});')).well).to.equal(false);
  });

  it("keeps the counts so far when mocha crashes, and fails", async () => {
    for (const crash of ["process.exit(0)", 'process.kill(process.pid, "SIGKILL")']) {
      const result = await runTests(`it("a", () => {}); it("b", () => ${crash}); it("c", () => {});`);
      expect(result).to.deep.equal({ counts: "1 passed, 0 failed, 0 skipped", ended: false, well: false });
    }
  });

  it("fails when a test file cannot be loaded", async () => {
    expect(await runTests("this is no JavaScript")).to.deep.equal({ counts: "0 passed, 0 failed, 0 skipped", ended: false, well: false });
  });

  it("ends although a test left something running", async () => {
    expect((await runTests('it("a", () => { setInterval(() => {}, 1000); });')).well).to.equal(true);
  });

  it("forbids .only in CI, and nowhere else", async () => {
    const text = 'it.only("a", () => {}); it("b", () => {});';
    expect((await runTests(text)).well).to.equal(true);
    expect((await runTests(text, { CI: "true" })).well).to.equal(false);
  });

  it("skips a test whose part is missing, and fails it in CI unless CI is known not to have it", async () => {
    const needs = (options: string) =>
      `it("a", () => {}); it("b", async function () { ${PART} requirePart(this, "x", false, "apt install x", ${options}); });`;
    expect((await runTests(needs("{}"))).counts).to.equal("1 passed, 0 failed, 1 skipped");
    expect((await runTests(needs("{}"), { CI: "true" })).counts).to.equal("1 passed, 1 failed, 0 skipped");
    expect((await runTests(needs("{ mayBeMissingInCi: true }"), { CI: "true" })).counts).to.equal("1 passed, 0 failed, 1 skipped");
  });

  it("takes source paths as files, other words as titles, and leaves options to mocha", async () => {
    const built = (name: string) => join(ROOT, "dist/test/engine", name);
    expect((await mochaScript.chooseSpecs(["test/engine/lock.test.ts"])).specs).to.deep.equal([built("lock.test.js")]);
    const folder = await mochaScript.chooseSpecs(["test/engine", "taken", "over", "--bail"]);
    expect(folder.specs).to.include.members([built("lock.test.js"), built("testRunner.test.js")]);
    expect(folder.options).to.deep.equal(["--fgrep", "taken over", "--bail"]);
    const absent = await mochaScript.chooseSpecs(["test/engine", "test/nope.test.ts"]).catch((error: Error) => error);
    expect(absent).to.be.instanceOf(Error).with.property("message").that.contains("test/nope.test.ts does not exist");
  });

  it("runs batches side by side, prints each as a whole and adds up what they counted", async () => {
    const folder = tempFolder("mocha");
    const batch = (name: string, text: string) => {
      writeFileSync(join(folder, `${name}.cjs`), text);
      return { name, specs: [join(folder, `${name}.cjs`)] };
    };
    const meets = (own: string, other: string) =>
      `it("meets ${other}", async () => { const { existsSync, writeFileSync } = require("node:fs"); writeFileSync("${folder}/${own}.ran", "");
       while (!existsSync("${folder}/${other}.ran")) await new Promise((r) => setTimeout(r, 20)); });`;
    let printed = "";
    const print = { write: (text: string | Uint8Array) => (printed += String(text)) };
    const batches = [batch("a", meets("a", "b")), batch("b", `${meets("b", "a")} it("falls", () => { throw new Error("no"); });`)];
    const { CI: _, ...env } = process.env;
    const result = await mochaScript.runBatches(batches, [], { env, jobs: 2, print });
    expect(result).to.include({ passed: 2, failed: 1, skipped: 0, ended: true });
    expect(mochaScript.wentWell(result)).to.equal(false);
    expect(printed).to.match(/== [ab] \(1 of 2.*== [ab] \(2 of 2.*failed: b: falls\n$/s);
    const crashed = await mochaScript.runBatches([batch("c", 'it("x", () => process.exit(0));')], [], { env, jobs: 2, print });
    expect(crashed).to.include({ passed: 0, ended: false });
    expect(mochaScript.wentWell(crashed)).to.equal(false);
  });

  it("begins what needs the control plane last while that is still being built", async () => {
    const at = process.env.CUTOVER_CLUSTER_BUILDING;
    afterThisTest(() => {
      if (at === undefined) delete process.env.CUTOVER_CLUSTER_BUILDING;
      else process.env.CUTOVER_CLUSTER_BUILDING = at;
    });
    const names = ["kubernetesProvider", "canary"].map((name) => `test/e2e/${name}.test.ts`);
    const { specs } = await mochaScript.chooseSpecs(names);
    const order = async () => (await mochaScript.batchesOf(specs)).map((b) => b.name);
    const building = join(tempFolder("mocha"), "building");
    process.env.CUTOVER_CLUSTER_BUILDING = building;
    expect(await order(), "the longest first").to.deep.equal(names);
    writeFileSync(building, "");
    expect(await order()).to.deep.equal(names.toReversed());
    // A suite comes to it by its own import, or by the support's that opens it with a provider beside.
    const all = (await mochaScript.batchesOf((await mochaScript.chooseSpecs([])).specs)).map((b) => b.name);
    const needs = ["cluster", "kubernetesProvider", "kubernetesTrouble", "othersInCluster", "serveTargets"];
    const first = Math.min(...needs.map((name) => all.indexOf(`test/e2e/${name}.test.ts`)));
    const others = ["canary", "rehearsal", "lostAnswers"].map((name) => all.indexOf(`test/e2e/${name}.test.ts`));
    expect(first).to.be.above(Math.max(...others));
  });

  it("runs the long rooms last", async () => {
    const { specs } = await mochaScript.chooseSpecs([]);
    const long = specs.map((file) => /dist\/test\/(e2e|real)\//.test(file));
    expect(long).to.deep.equal([...long].sort((a, b) => Number(a) - Number(b)));
  });
});
