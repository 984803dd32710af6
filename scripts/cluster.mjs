// npm run cluster: builds (once) and starts a real Kubernetes control plane on loopback, until Ctrl-C. `-- --build` only builds.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureCluster } from "./cluster/build.mjs";
import { ensureKubernetesProvider } from "./cluster/provider.mjs";
import { startCluster } from "./cluster/start.mjs";
import { runScript } from "./failure.mjs";
import { ensurePackages } from "./packages.mjs";
import { ROOT } from "./setup.mjs";

const say = (line) => void process.stderr.write(`${line}\n`);

await runScript(async () => {
  await ensurePackages(ROOT, { say });
  const built = await ensureCluster({ root: ROOT, say });
  const provider = await ensureKubernetesProvider({ root: ROOT, say });
  if (process.argv.includes("--build")) {
    say(`Kubernetes control plane in ${built}, the engine's provider in ${provider}`);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "cutover-cluster-"));
  const cluster = await startCluster({ built, folder });
  say(`A Kubernetes API server with three simulated nodes and Argo Rollouts serves ${cluster.server} until Ctrl-C:`);
  process.stdout.write(`export KUBECONFIG=${cluster.kubeconfig}\nexport PATH=${join(provider, "bin")}:$PATH\n`);
  await new Promise((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
  return 0;
});
