// Builds the engine from the two pinned Go modules under engine/, with progress that counts packages.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../children.mjs";
import { Failure, machineFailure } from "../failure.mjs";
import { startProgress } from "../progress.mjs";
import { CLI, LANGUAGE_HOST } from "./find.mjs";
import { compareVersions, parseVersion } from "./version.mjs";

const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
const GET_GO = "install it from https://go.dev/dl";

/** What a module's go.mod pins: the package to build, the version it comes from and the Go it needs. */
export async function readPins(moduleFolder) {
  const text = await readFile(join(moduleFolder, "go.mod"), "utf8");
  const tool = /^tool (\S+)$/m.exec(text)[1];
  const version = text.split("\n").flatMap((line) => {
    const [, path, pinned] = /^\s*(?:require )?(\S+) v(\S+)/.exec(line) ?? [];
    return path !== undefined && tool.startsWith(`${path}/`) ? [pinned] : [];
  })[0];
  return { tool, version, go: /^go (\S+)$/m.exec(text)[1] };
}

/** One sentence for what `go` said, whatever went wrong. */
export function explainGo(output, { needed, cache }) {
  const tooOld = /requires go >= ([\d.]+) \(running go ([\d.]+)/.exec(output);
  if (tooOld !== null) return new Failure(`Go ${tooOld[2]} is too old to build the engine: ${GET_GO} (${tooOld[1]} or newer).`);
  if (/checksum mismatch|SECURITY ERROR/.test(output)) {
    return new Failure(
      "A downloaded Go module does not match engine/*/go.sum: your module proxy serves something else; do not go on with it.",
    );
  }
  if (/signal: killed/.test(output)) {
    return new Failure("Go's compiler was ended from outside, most likely for lack of memory: the build needs about 2 GB free.");
  }
  const known = machineFailure(output, { doing: "building the engine", where: `${cache} and Go's caches` });
  if (known !== undefined) return known;
  const last = output.trim().split("\n").slice(-2).join(" / ");
  return new Failure(`Building the engine failed: ${last || "go said nothing"} (Go ${needed} or newer is needed).`);
}

async function checkGo(needed, env) {
  const { code, stdout, failed } = await run("go", ["env", "GOVERSION", "GOTOOLCHAIN"], { env });
  if (failed === "ENOENT") {
    throw new Failure(
      `No Pulumi CLI and no Go to build one with: ${GET_GO} (${needed} or newer), or install Pulumi, and run the same command again.`,
    );
  }
  const [have = "", toolchain = ""] = stdout.trim().split("\n");
  const version = parseVersion(
    have
      .replace(/^go(\d+\.\d+)$/, "$1.0")
      .replace(/^go/, "")
      .split(" ")[0],
  );
  // From 1.21 on, Go fetches the toolchain a module asks for, unless it is told to stay with the local one.
  const fetches = toolchain !== "local" && version !== undefined && compareVersions(version, parseVersion("1.21.0")) >= 0;
  if (code !== 0 || version === undefined || (compareVersions(version, parseVersion(needed)) < 0 && !fetches)) {
    throw new Failure(`Go ${have.replace(/^go/, "") || "here"} is too old to build the engine: ${GET_GO} (${needed} or newer).`);
  }
}

async function buildOne(name, moduleFolder, target, { env, cache, linkVersion }) {
  const { tool, go: needed } = await readPins(moduleFolder);
  const settings = { cwd: moduleFolder, env: { ...env, GOWORK: "off" } };
  const fail = ({ stdout, stderr, failed }) => {
    throw explainGo(`${stderr}\n${failed ?? ""}\n${stdout.split("\n").slice(-5).join("\n")}`, { needed, cache });
  };

  let fetched = 0;
  const fetching = startProgress(`${name}: fetching Go modules`, { detail: () => `${fetched} fetched` });
  const countFetched = (line) => (fetched += line.startsWith("go: downloading") ? 1 : 0);
  const listed = await run("go", ["list", "-mod=readonly", "-deps", tool], { ...settings, onLine: countFetched });
  fetching.stop();
  if (listed.code !== 0) fail(listed);

  // `go build -v` names each package as it is compiled; those in Go's own cache are not named, so the total is a bound.
  const packages = new Set(listed.stdout.trim().split("\n"));
  let compiled = 0;
  let linking = false;
  const detail = () => (linking ? "linking" : `${compiled} packages compiled, ${packages.size} at most`);
  const compiling = startProgress(`${name}: building`, { detail });
  const onLine = (line) => {
    compiled += packages.has(line) ? 1 : 0;
    linking ||= line === tool;
  };
  const ldflags = `-s -w -X ${VERSION_VARIABLE}=v${linkVersion}`;
  const built = await run("go", ["build", "-v", "-mod=readonly", "-ldflags", ldflags, "-o", target, tool], { ...settings, onLine });
  if (built.code === 0) {
    compiling.done(`${name}: built`);
    return;
  }
  compiling.stop();
  fail(built);
}

/** Builds both programs into `folder`/bin and gives the versions that were built. */
export async function buildFromSource(folder, { root, env, cache, sdkVersion }) {
  const modules = { cli: join(root, "engine", "cli"), host: join(root, "engine", "nodejs") };
  const [cli, host] = await Promise.all([readPins(modules.cli), readPins(modules.host)]);
  if (cli.version !== sdkVersion) {
    throw new Failure(
      `engine/cli/go.mod pins Pulumi ${cli.version} and @pulumi/pulumi is ${sdkVersion}: set both to one version (engine/README.md).`,
    );
  }
  await checkGo(cli.go, env);
  const settings = { env, cache, linkVersion: sdkVersion };
  await buildOne(CLI, modules.cli, join(folder, "bin", CLI), settings);
  await buildOne(LANGUAGE_HOST, modules.host, join(folder, "bin", LANGUAGE_HOST), settings);
  return { cli: `v${cli.version}`, languageHost: `v${host.version}` };
}
