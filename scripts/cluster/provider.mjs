// Builds the real pulumi-resource-kubernetes from the pinned Go module under cluster/pulumi-kubernetes, once for this machine.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../children.mjs";
import { cacheFolder } from "../engine/find.mjs";
import { Failure, machineFailure } from "../failure.mjs";
import { exists, makeOnce } from "../once.mjs";
import { startProgress } from "../progress.mjs";

const NAME = "pulumi-resource-kubernetes";
const PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4";
const SDK = "github.com/pulumi/pulumi-kubernetes/sdk/v4";
const moduleOf = (root) => join(root, "cluster", "pulumi-kubernetes");

/** The version that the program's SDK asks the engine for: the provider must say the same, or the engine looks for another one. */
async function sdkVersion(root) {
  return JSON.parse(await readFile(join(root, "node_modules", "@pulumi", "kubernetes", "package.json"), "utf8")).version;
}

/** Folder of the built provider, outside the checkout and keyed by its version and its source's. */
async function providerFolder(root, env) {
  const text = await readFile(join(moduleOf(root), "go.mod"), "utf8");
  const source = new RegExp(`${PROVIDER} v\\S+-([0-9a-f]{12})`).exec(text)[1];
  return join(cacheFolder(env), "..", "cluster", `pulumi-kubernetes-${await sdkVersion(root)}-${source}`);
}

/** Folder with the provider if it was built before, or undefined. On PATH, the engine finds it there. */
export async function findKubernetesProvider(root, env = process.env) {
  const folder = await providerFolder(root, env);
  return (await exists(join(folder, "built"))) ? folder : undefined;
}

/** The provider, built when it is not there: about four minutes and 1.6 GB of memory, then never again. */
export async function ensureKubernetesProvider({ root, env = process.env, say }) {
  const folder = await providerFolder(root, env);
  return makeOnce(folder, {
    done: join(folder, "built"),
    onWait: ({ pid }) => say(`Another set-up (process ${pid}) builds the Kubernetes provider: waiting for it.`),
    make: async (partial) => {
      say("Building the engine's Kubernetes provider from Go modules, once for this machine: about four minutes.");
      await mkdir(join(partial, "build"), { recursive: true });
      await build(root, partial, env);
      await rm(join(partial, "build"), { recursive: true });
      await writeFile(join(partial, "built"), new Date().toISOString());
    },
  });
}

async function build(root, target, env) {
  const cwd = moduleOf(root);
  const settings = { cwd, env: { ...env, GOWORK: "off", GOFLAGS: "-mod=mod" } };
  const version = await sdkVersion(root);
  const at = (name) => join(target, "build", name);
  const progress = startProgress(`${NAME} ${version}: building`, { detail: () => `${compiled} packages compiled` });
  let compiled = 0;
  const go = async (args, more = {}) => {
    const { code, stdout, stderr, failed } = await run("go", args, { ...settings, ...more });
    if (code === 0) return stdout.trim();
    progress.stop();
    if (failed === "ENOENT") throw new Failure("No Go to build the Kubernetes provider with: install it from https://go.dev/dl.");
    throw (
      machineFailure(stderr, { doing: `building ${NAME}`, where: target }) ??
      new Failure(`Building ${NAME} failed: ${stderr.trim().split("\n").slice(-2).join(" / ")}`)
    );
  };
  const sourceOf = async (module) => JSON.parse(await go(["mod", "download", "-json", module], { cwd })).Dir;
  const provider = await sourceOf(PROVIDER);
  await useLeanSdk(cwd, await sourceOf(SDK), at);

  // The provider embeds its own schema, with the version that a release would have written into it.
  const assets = join(provider, "cmd", NAME);
  const schema = JSON.parse(await readFile(join(assets, "schema.json"), "utf8"));
  await writeFile(at("schema.json"), JSON.stringify({ ...schema, version }));
  const overlay = {
    Replace: {
      [join(cwd, "schema.json")]: at("schema.json"),
      [join(cwd, "terraform-mapping.json")]: join(assets, "terraform-mapping.json"),
    },
  };
  await writeFile(at("overlay.json"), JSON.stringify(overlay));
  const flags = `-s -w -X ${PROVIDER}/pkg/version.Version=${version}`;
  // One package at a time: a single one of them takes more than a gigabyte to compile.
  const args = ["build", "-v", "-p", "1", "-modfile", at("go.mod"), "-overlay", at("overlay.json"), "-ldflags", flags];
  await go([...args, "-o", join(target, "bin", NAME), "."], {
    onLine: () => {
      compiled += 1;
    },
  });
  progress.done(`${NAME} ${version}: built`);
}

/** A go.mod beside whose SDK has a small file of ours in the place of the one that refers to every kind; see kinds/kinds.go. */
async function useLeanSdk(module, sdk, at) {
  await cp(sdk, at("sdk"), { recursive: true });
  const kinds = at(join("sdk", "go", "kubernetes", "yaml", "v2", "kinds.go"));
  await run("chmod", ["-R", "u+w", at("sdk")]);
  await cp(join(module, "kinds", "kinds.go"), kinds, { force: true });
  const text = await readFile(join(module, "go.mod"), "utf8");
  await writeFile(at("go.mod"), `${text}\nreplace ${SDK} => ${at("sdk")}\n`);
  await cp(join(module, "go.sum"), at("go.sum"));
}
