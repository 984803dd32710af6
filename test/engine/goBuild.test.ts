import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { afterThisTest } from "../support/cleanup.js";
import { runForTest, spawnForTest } from "../support/processes.js";
import { goScript, machine, ROOT, scriptUrl, writeProgram } from "./scripts.js";

const SDK = "3.259.0";

/** A `go` that knows its version and lists one package; what `go build` does is the test's. `$out` is the file to build. */
function writeGo(
  folder: string,
  build: string,
  { version = "go1.26.1", toolchain = "local", list = "echo example.org/a", log = "/dev/null" } = {},
): string {
  const body = [
    `echo "$PWD: $*" >> ${log}`,
    `case "$1" in`,
    `env) echo ${version}; echo ${toolchain};;`,
    `list) ${list};;`,
    `build) while [ "$1" != "-o" ]; do shift; done; out="$2"`,
    build,
    ";;",
    "esac",
  ];
  writeProgram(folder, "go", body.join("\n"));
  return folder;
}

const REAL_BUILD = 'mkdir -p "$(dirname "$out")"; printf "#!/bin/sh\\necho v3.259.0\\n" > "$out"; chmod +x "$out"';

/** The set-up's engine part in a process of its own, as `npm start` runs it but without asking the network for an installer. */
async function setUpEngine(env: NodeJS.ProcessEnv) {
  const script = `
    import { ensureEngine } from ${JSON.stringify(scriptUrl("engine.mjs"))};
    import { runScript } from ${JSON.stringify(scriptUrl("failure.mjs"))};
    const sources = { whyNoInstaller: async () => "not in this test" };
    await runScript(async () => console.log((await ensureEngine({ sdkVersion: "${SDK}", sources })).bin));`;
  return [process.execPath, ["--input-type=module", "-e", script], { env }] as const;
}

async function run(env: NodeJS.ProcessEnv) {
  const { code, stdout, stderr } = await runForTest(...(await setUpEngine(env)));
  const sentence = stderr.split("\n").filter((line) => line.startsWith("cutover: "));
  return { code, stdout, stderr, sentence: sentence.join("\n") };
}

async function eventually(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !what(); ) {
    if (Date.now() > end) throw new Error("it did not happen within a minute");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("building the engine from Go modules", () => {
  it("builds the CLI of the SDK's version and the language host, with the version linked in", async () => {
    const { folder, cache, env } = machine();
    const log = folder("go.log");
    const { code, stdout } = await run(env(writeGo(folder("go"), REAL_BUILD, { log })));
    expect(code).to.equal(0);
    expect(stdout.trim()).to.equal(join(cache, SDK, "bin"));
    const builds = readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line.includes(": build "));
    const linked = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${SDK}`;
    expect(builds).to.have.length(2);
    expect(builds[0]).to.match(/engine\/cli: build .*github\.com\/pulumi\/pulumi\/pkg\/v3\/cmd\/pulumi$/);
    expect(builds[1]).to.match(/engine\/nodejs: build .*github\.com\/pulumi\/pulumi\/sdk\/v3\/nodejs\/cmd\/pulumi-language-nodejs$/);
    for (const line of builds) expect(line).to.contain(linked);
  });

  it("pins the version that package-lock.json has for @pulumi/pulumi", async () => {
    const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
    const pins = await goScript.readPins(join(ROOT, "engine", "cli"));
    expect(pins.version).to.equal(lock.packages["node_modules/@pulumi/pulumi"].version);
  });

  it("refuses an SDK of another version than the pinned one, naming both", async () => {
    const { folder, cache, env } = machine();
    const failed = await goScript
      .buildFromSource(folder("out"), { root: ROOT, env: env(), cache, sdkVersion: "3.260.0" })
      .catch((error: Error) => error.message);
    expect(failed).to.equal(
      "engine/cli/go.mod pins Pulumi 3.259.0 and @pulumi/pulumi is 3.260.0: set both to one version (engine/README.md).",
    );
  });
});

describe("a build that cannot succeed ends with one sentence and exit code 2:", () => {
  const needed = "1.25.11";

  it("no Go", async () => {
    const { env } = machine();
    const { code, sentence, stderr } = await run({ ...env(), PATH: "" });
    expect(sentence).to.equal(
      `cutover: No Pulumi CLI and no Go to build one with: install it from https://go.dev/dl (${needed} or newer), or install Pulumi, and run the same command again.`,
    );
    expect(code).to.equal(2);
    expect(stderr).not.to.contain("    at ");
  });

  const cases: Record<string, { build?: string; version?: string; toolchain?: string; list?: string; says: RegExp }> = {
    "Go too old to fetch a newer one": {
      version: "go1.20",
      toolchain: "auto",
      says: /^cutover: Go 1\.20 is too old to build the engine: install it from https:\/\/go\.dev\/dl \(1\.25\.11 or newer\)\.$/,
    },
    "Go too old and told to stay so": { version: "go1.24.3", says: /^cutover: Go 1\.24\.3 is too old/ },
    "Go's own word that it is too old": {
      list: 'echo "go: module x requires go >= 1.25.11 (running go 1.24.3; GOTOOLCHAIN=local)" >&2; exit 1',
      says: /^cutover: Go 1\.24\.3 is too old to build the engine: .* \(1\.25\.11 or newer\)\.$/,
    },
    "a full disk": {
      build: 'echo "write /tmp/go-build1/b001/_pkg_.a: no space left on device" >&2; exit 1',
      says: /^cutover: The disk is full \(building the engine\): free about 4 GB for .*cutover\/engine and Go's caches and run the same command again\.$/,
    },
    "no network": {
      list: 'echo "go: example.org/a@v1: dial tcp: lookup proxy.example: no such host" >&2; exit 1',
      says: /^cutover: No network \(building the engine\): connect, or set your proxy, and run the same command again\.$/,
    },
    "too little memory": { build: 'echo "example.org/a: compile: signal: killed" >&2; exit 1', says: /about 2 GB free/ },
    "a module that is not what was pinned": {
      list: 'echo "verifying example.org/a@v1: checksum mismatch" >&2; exit 1',
      says: /does not match engine\/\*\/go\.sum/,
    },
    "anything else, with Go's last words": { build: 'echo "a.go:1: syntax error" >&2; exit 1', says: /a\.go:1: syntax error/ },
  };
  for (const [name, { build = "exit 1", says, ...settings }] of Object.entries(cases)) {
    it(name, async () => {
      const { folder, cache, env } = machine();
      const { code, sentence, stderr } = await run(env(writeGo(folder("go"), build, settings)));
      expect(sentence).to.match(says);
      expect(code).to.equal(2);
      expect(stderr).not.to.contain("    at ");
      expect(readdirSync(cache)).to.deep.equal([]);
    });
  }

  it("a cache folder that is a file", async () => {
    const { folder, env } = machine();
    writeFileSync(folder("cache"), "");
    const { code, sentence } = await run(env());
    expect(sentence).to.match(/^cutover: A file stands where a folder is needed \(setting up\): move .*cache.* out of the way\.$/);
    expect(code).to.equal(2);
  });
});

describe("an interrupted build", function () {
  // Starting takes long on a busy machine, and a test that is out of time ends its process by itself.
  this.timeout(120_000);

  /** Starts a build that never ends and waits until it is in the middle of it. */
  async function startEndless() {
    const { folder, cache, env } = machine();
    const started = folder("started");
    mkdirSync(cache, { recursive: true });
    const go = writeGo(folder("go"), `echo half > "$out"; echo $$ > ${started}; exec sleep 60`);
    const child = spawnForTest(...(await setUpEngine(env(go))));
    await eventually(() => existsSync(started) && readFileSync(started, "utf8").trim() !== "");
    const compiler = Number(readFileSync(started, "utf8"));
    afterThisTest(() => void (isAlive(compiler) && process.kill(compiler, "SIGKILL")));
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
    return { folder, cache, env, child, compiler, ended };
  }

  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`by ${signal} ends the compiler and leaves no half engine`, async () => {
      const { cache, child, compiler, ended } = await startEndless();
      child.kill(signal);
      expect(await ended).to.equal(code);
      await eventually(() => !isAlive(compiler));
      expect(readdirSync(cache).filter((name) => name.startsWith(SDK) && !name.endsWith(".lock"))).to.deep.equal([]);
    });
  }

  it("by SIGKILL leaves nothing that the next set-up takes for an engine, and that one removes it", async () => {
    const { folder, cache, env, child, ended } = await startEndless();
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(cache, SDK))).to.equal(false);
    const { code } = await run(env(writeGo(folder("go"), REAL_BUILD)));
    expect(code).to.equal(0);
    expect(readdirSync(cache)).to.deep.equal([SDK]);
  });
});
