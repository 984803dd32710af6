import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { engineScript, machine, type Sources, writeEngine, writeProgram } from "./scripts.js";

const SDK = "3.259.0";

/** Chooses an engine on a made machine and records what was said and which ways of making one were used. */
async function choose(env: NodeJS.ProcessEnv, sources: Partial<Sources> = {}) {
  const said: string[] = [];
  const made: string[] = [];
  const engine = await engineScript.ensureEngine({
    env,
    sdkVersion: SDK,
    say: (line) => said.push(line),
    sources: {
      whyNoInstaller: async () => "its host is not reachable",
      installRelease: async () => "not in this test",
      ...sources,
      buildFromSource: async (folder) => {
        made.push("built");
        if (sources.buildFromSource !== undefined) return sources.buildFromSource(folder);
        writeEngine(join(folder, "bin"), `v${SDK}`);
        return { cli: `v${SDK}`, languageHost: "v3.68.0" };
      },
    },
  });
  return { engine, said: said.join("\n"), made };
}

describe("the engine is chosen", () => {
  it("from PATH when that CLI has the SDK's version, and nothing is made", async () => {
    const { folder, env } = machine();
    const bin = writeEngine(folder("a"), `v${SDK}`);
    const { engine, said, made } = await choose(env(bin));
    expect(engine).to.include({ bin, version: `v${SDK}` });
    expect(said).to.equal("");
    expect(made).to.deep.equal([]);
  });

  it("from PATH when that CLI is newer within the major version", async () => {
    const { folder, env } = machine();
    const bin = writeEngine(folder("a"), "v3.300.1");
    expect((await choose(env(bin))).engine.bin).to.equal(bin);
  });

  for (const [version, why] of [
    ["v3.258.9", `it is v3.258.9 and the SDK needs ${SDK} or newer`],
    [`v${SDK}-alpha.1`, `it is v${SDK}-alpha.1 and the SDK needs ${SDK} or newer`],
    ["v4.0.0", "it is v4.0.0 and the SDK needs major version 3"],
    ["unknown", 'its version "unknown" cannot be read'],
  ] as const) {
    it(`not from PATH when that CLI says ${version}, and one sentence tells why`, async () => {
      const { folder, env } = machine();
      const old = writeEngine(folder("old"), version);
      const good = writeEngine(folder("good"), `v${SDK}`);
      const { engine, said } = await choose(env(old, good));
      expect(engine.bin).to.equal(good);
      expect(said).to.equal(`The Pulumi CLI in ${old} was passed over: ${why}.`);
    });
  }

  it("not from a folder without the Node.js language host", async () => {
    const { folder, env } = machine();
    const bare = writeEngine(folder("bare"), `v${SDK}`, { languageHost: false });
    const { said, made } = await choose(env(bare));
    expect(said).to.contain(`${bare} was passed over: no pulumi-language-nodejs is beside it or on PATH.`);
    expect(made).to.deep.equal(["built"]);
  });

  it("from PATH when the language host is elsewhere on PATH", async () => {
    const { folder, env } = machine();
    const bare = writeEngine(folder("bare"), `v${SDK}`, { languageHost: false });
    writeProgram(folder("hosts"), "pulumi-language-nodejs", "exit 0");
    expect((await choose(env(bare, folder("hosts")))).engine.bin).to.equal(bare);
  });

  it("from PULUMI_HOME when PATH has none, and from ~/.pulumi when that is not set", async () => {
    const { folder, env } = machine();
    const standard = writeEngine(folder(".pulumi/bin"), `v${SDK}`);
    expect((await choose(env())).engine.bin).to.equal(standard);
    const own = writeEngine(folder("own/bin"), `v${SDK}`);
    expect((await choose({ ...env(), PULUMI_HOME: folder("own") })).engine.bin).to.equal(own);
  });

  it("from CUTOVER_ENGINE_BIN before all others", async () => {
    const { folder, env } = machine();
    const onPath = writeEngine(folder("a"), `v${SDK}`);
    const named = writeEngine(folder("b"), `v${SDK}`);
    expect((await choose({ ...env(onPath), CUTOVER_ENGINE_BIN: named })).engine.bin).to.equal(named);
  });

  it("by Pulumi's own installer when its host answers, and nothing is built", async () => {
    const { cache, env } = machine();
    const { engine, made } = await choose(env(), {
      whyNoInstaller: async () => undefined,
      installRelease: async (version, folder) => {
        writeEngine(join(folder, "bin"), `v${version}`);
        return undefined;
      },
    });
    expect(engine).to.include({ bin: join(cache, SDK, "bin"), how: "installed by the Automation API" });
    expect(made).to.deep.equal([]);
  });

  it("by the Go build when the installer's host does not answer, and says so", async () => {
    const { cache, env } = machine();
    const { engine, said, made } = await choose(env());
    expect(said).to.contain("Pulumi's own installer is skipped: its host is not reachable.");
    expect(made).to.deep.equal(["built"]);
    expect(engine.bin).to.equal(join(cache, SDK, "bin"));
    const manifest = JSON.parse(readFileSync(join(cache, SDK, "manifest.json"), "utf8"));
    expect(manifest).to.deep.include({
      versions: { cli: `v${SDK}`, languageHost: "v3.68.0" },
      how: "built from the Go modules under engine/",
    });
  });

  it("by the Go build when the installer left another version than it was asked for", async () => {
    const { env } = machine();
    const { said, made } = await choose(env(), {
      whyNoInstaller: async () => undefined,
      installRelease: async (_version, folder) => {
        writeEngine(join(folder, "bin"), "v3.1.0");
        return undefined;
      },
    });
    expect(said).to.contain(`it is v3.1.0 and the SDK needs ${SDK} or newer`);
    expect(made).to.deep.equal(["built"]);
  });
});

describe("the engine's cache", () => {
  it("serves the second start without making anything and without starting the CLI", async () => {
    const { folder, cache, env } = machine();
    const calls = folder("calls");
    const { engine: first } = await choose(env(), {
      buildFromSource: async (made) => {
        writeEngine(join(made, "bin"), `v${SDK}`);
        writeProgram(join(made, "bin"), "pulumi", `echo started >> ${calls}; echo v${SDK}`);
        return {};
      },
    });
    expect(readFileSync(calls, "utf8")).to.equal("started\n");
    const { engine, made, said } = await choose(env());
    expect(engine).to.deep.equal({ ...first, how: "from the cache" });
    expect(engine.bin).to.equal(join(cache, SDK, "bin"));
    expect({ made, said }).to.deep.equal({ made: [], said: "" });
    expect(readFileSync(calls, "utf8")).to.equal("started\n");
  });

  it("takes an engine that was put there by hand once it answers", async () => {
    const { cache, env } = machine();
    const bin = writeEngine(join(cache, SDK, "bin"), `v${SDK}`);
    const { engine, made } = await choose(env());
    expect(engine).to.include({ bin, version: `v${SDK}` });
    expect(made).to.deep.equal([]);
  });

  it("replaces an engine that was cut short", async () => {
    const { cache, env } = machine();
    await choose(env());
    writeFileSync(join(cache, SDK, "bin", "pulumi"), "");
    const { said, made } = await choose(env());
    expect(said).to.contain("incomplete");
    expect(made).to.deep.equal(["built"]);
  });

  it("replaces an engine whose language host is missing", async () => {
    const { cache, env } = machine();
    await choose(env());
    rmSync(join(cache, SDK, "bin", "pulumi-language-nodejs"));
    expect((await choose(env())).made).to.deep.equal(["built"]);
  });

  it("is left as it was by a build that fails, without lock or leftovers", async () => {
    const { cache, env } = machine();
    const failed = await choose(env(), {
      buildFromSource: async (folder) => {
        writeEngine(join(folder, "bin"), `v${SDK}`);
        throw new Error("it broke");
      },
    }).catch((error: Error) => error.message);
    expect(failed).to.equal("it broke");
    expect(readdirSync(cache)).to.deep.equal([]);
  });

  it("gets no engine that does not answer after the build", async () => {
    const { cache, env } = machine();
    const failed = await choose(env(), {
      buildFromSource: async (folder) => {
        writeProgram(join(folder, "bin"), "pulumi", "exit 3");
        return {};
      },
    }).catch((error: Error) => error.message);
    expect(failed).to.equal("The engine was built but does not work: `pulumi version` failed (exit code 3).");
    expect(readdirSync(cache)).to.deep.equal([]);
  });

  it("is filled once by two set-ups at the same time: the second waits and uses what the first made", async () => {
    const { env } = machine();
    const [one, two] = await Promise.all([choose(env()), choose(env())]);
    expect([...one.made, ...two.made]).to.deep.equal(["built"]);
    expect(one.engine.bin).to.equal(two.engine.bin);
    expect(one.said + two.said).to.contain(`Another set-up (process ${process.pid}) is making the engine: waiting for it.`);
  });
});

describe("the engine's environment", () => {
  it("puts the engine first on PATH and names it", async () => {
    const { folder, env } = machine();
    const other = writeEngine(folder("other"), "v3.1.0");
    const bin = writeEngine(folder("engine"), `v${SDK}`);
    const result = await engineScript.engineEnvironment({ bin, version: `v${SDK}`, how: "" }, env(other));
    expect(result).to.deep.equal({ PATH: `${bin}:${env(other).PATH}`, CUTOVER_ENGINE_BIN: bin });
  });

  it("leaves PATH alone when its first CLI is the engine", async () => {
    const { folder, env } = machine();
    const bin = writeEngine(folder("engine"), `v${SDK}`);
    const before = env(folder("tools"), bin);
    expect((await engineScript.engineEnvironment({ bin, version: `v${SDK}`, how: "" }, before)).PATH).to.equal(before.PATH);
  });
});
