// Builds a real Kubernetes control plane from the pinned Go modules under cluster/, once for this machine.
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../children.mjs";
import { cacheFolder } from "../engine/find.mjs";
import { Failure, machineFailure } from "../failure.mjs";
import { exists, makeOnce } from "../once.mjs";
import { startProgress } from "../progress.mjs";

const COMPONENT = "k8s.io/component-base/version";

/** Module folder → its programs, the version that is linked in, and the module that pins it. */
const PARTS = [
  {
    folder: "kubernetes",
    module: "k8s.io/kubernetes",
    programs: ["kube-apiserver", "kube-controller-manager", "kube-scheduler"].map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]),
    ldflags: ([major, minor, patch]) =>
      `-X ${COMPONENT}.gitVersion=v${major}.${minor}.${patch} -X ${COMPONENT}.gitMajor=${major} -X ${COMPONENT}.gitMinor=${minor}`,
  },
  { folder: "etcd", module: "go.etcd.io/etcd/server/v3", programs: [["etcd", "go.etcd.io/etcd/server/v3"]] },
  { folder: "kwok", module: "sigs.k8s.io/kwok", programs: [["kwok", "sigs.k8s.io/kwok/cmd/kwok"]] },
  {
    folder: "argo-rollouts",
    module: "github.com/argoproj/argo-rollouts",
    programs: [["argo-rollouts", "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"]],
    definitions: join("manifests", "crds"),
  },
];

async function versionOf(root, { folder, module }) {
  const text = await readFile(join(root, "cluster", folder, "go.mod"), "utf8");
  return new RegExp(`^\\s*(?:require )?${module} v(\\S+)`, "m").exec(text)[1];
}

/** Folder of the built control plane, outside the checkout and keyed by every version. */
export async function clusterFolder(root, env = process.env) {
  const versions = await Promise.all(PARTS.map(async (p) => `${p.folder}-${await versionOf(root, p)}`));
  return join(cacheFolder(env), "..", "cluster", versions.join("_"));
}

/** The control plane if it was built before, or undefined. */
export async function findCluster(root, env = process.env) {
  const folder = await clusterFolder(root, env);
  return (await exists(join(folder, "built"))) ? folder : undefined;
}

/** The control plane, built when it is not there: about ten minutes on two cores, then never again. */
export async function ensureCluster({ root, env = process.env, say }) {
  const folder = await clusterFolder(root, env);
  return makeOnce(folder, {
    done: join(folder, "built"),
    onWait: ({ pid }) => say(`Another set-up (process ${pid}) builds the control plane: waiting for it.`),
    make: async (partial) => {
      say("Building a Kubernetes control plane from Go modules, once for this machine: about ten minutes on two cores.");
      await mkdir(join(partial, "bin"), { recursive: true });
      for (const part of PARTS) await buildPart(root, part, partial, env);
      await writeFile(join(partial, "built"), new Date().toISOString());
    },
  });
}

async function buildPart(root, part, target, env) {
  const cwd = join(root, "cluster", part.folder);
  const settings = { cwd, env: { ...env, GOWORK: "off", GOFLAGS: "-mod=readonly" } };
  const version = await versionOf(root, part);
  const flags = `-s -w ${part.ldflags?.(version.split(".")) ?? ""}`;
  const progress = startProgress(`${part.folder} ${version}: building`);
  for (const [name, source] of part.programs) {
    const { code, stderr, failed } = await run("go", ["build", "-ldflags", flags, "-o", join(target, "bin", name), source], settings);
    if (code === 0) continue;
    progress.stop();
    if (failed === "ENOENT") throw new Failure("No Go to build a Kubernetes control plane with: install it from https://go.dev/dl.");
    throw (
      machineFailure(stderr, { doing: `building ${name}`, where: target }) ??
      new Failure(`Building ${name} failed: ${stderr.trim().split("\n").slice(-2).join(" / ")}`)
    );
  }
  progress.done(`${part.folder} ${version}: built`);
  if (part.definitions === undefined) return;
  const { stdout } = await run("go", ["list", "-m", "-f", "{{.Dir}}", part.module], settings);
  const from = join(stdout.trim(), part.definitions);
  await mkdir(join(target, "crds"), { recursive: true });
  for (const file of (await readdir(from)).filter((f) => f.endsWith("-crd.yaml"))) await cp(join(from, file), join(target, "crds", file));
}
