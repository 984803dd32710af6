import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import { clusterForSuite, realProvider } from "../support/cluster.js";
import { peopleOf } from "../support/people.js";
import { type RealKubernetes, realKubernetes } from "../support/realKubernetes.js";
import { inSandbox } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "web-api-staging";
const DEPLOYMENT = "/apis/apps/v1/namespaces/staging/deployments/web-api";
const SERVICE = "/api/v1/namespaces/staging/services/web-api";

describe("the real Kubernetes provider on a real API server", function () {
  this.timeout(600_000);
  const cluster = clusterForSuite();
  let bin: string;
  let open: RealKubernetes | undefined;

  before("namespaces", async function () {
    bin = await realProvider(this);
    for (const name of ["production", "staging"])
      await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  });

  async function onRealProvider(context: Mocha.Context, name: string, run: Parameters<typeof inSandbox>[2]): Promise<void> {
    const state = tempFolder(name);
    const real = await realKubernetes({ bin, kubeconfig: cluster.kubeconfig(), state, request: cluster.request });
    open = real;
    try {
      await inSandbox(context, name, run, { state, kubeconfig: cluster.kubeconfig(), providers: real.env });
    } finally {
      await real.close();
    }
  }

  it("by hand", function () {
    return onRealProvider(this, "real", async ({ migrations, driver, project, env }) => {
      const { say, standBefore } = peopleOf(migrations, STACK);
      await standBefore("containerize.deploy");
      const state = await say({ command: "advance", extent: "step" });
      expect(state.status, state.heldReason).to.equal("ready");
      const deployment = async () => (await cluster.request("GET", DEPLOYMENT)).body;
      const first = await deployment();
      const managers = (o: { metadata: { managedFields: { manager: string; operation: string; subresource?: string }[] } }) =>
        o.metadata.managedFields.map((m) => `${m.manager} ${m.operation} ${m.subresource ?? ""}`);
      console.log("managers", managers(first));
      console.log("drift", JSON.stringify(await migrations.lookForDrift(STACK)));
      const byHand = (path: string, body: object, manager: string) =>
        cluster.request("PATCH", `${path}?fieldManager=${manager}`, body, "application/strategic-merge-patch+json");
      const at = { spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "2026-11-28T20:00:00Z" } } } } };
      console.log((await byHand(DEPLOYMENT, at, "kubectl-rollout")).status);
      console.log("drift after restart", JSON.stringify(await migrations.lookForDrift(STACK)));
      console.log((await byHand(SERVICE, { spec: { ports: [{ port: 80, targetPort: 9999 }] } }, "kubectl-edit")).status);
      console.log((await byHand(DEPLOYMENT, { spec: { replicas: 1 } }, "kubectl")).status);
      console.log("drift after edits", JSON.stringify(await migrations.lookForDrift(STACK)));
      const raw = (await StackFile.read(project.stacksFolder, STACK)).raw();
      const workspace = await LocalWorkspace.create({ workDir: project.folder, envVars: env });
      const key = Object.keys(raw["cutover:secrets"] as object)[0];
      await workspace.setConfig(STACK, `cutover:secrets.${key}`, { value: "another one", secret: true }, true);
      const changed = (await StackFile.read(project.stacksFolder, STACK)).raw();
      const preview = await driver.preview(STACK, changed);
      console.log("preview", JSON.stringify(preview.changes.map((c) => [c.type, c.op, c.diff.map((d) => d.path)])));
      console.log("refreshed", JSON.stringify((await driver.preview(STACK, changed, { refresh: true })).changes.map((c) => [c.type, c.op, c.diff.map((d) => d.path)])));
      console.log(await driver.update(STACK, changed, "by-hand"));
      const after = await deployment();
      console.log("same", after.metadata.uid === first.metadata.uid, after.spec.replicas, JSON.stringify(after.spec.template.metadata.annotations));
      console.log((await cluster.request("GET", SERVICE)).body.spec.ports, managers(after));
      console.log("again", JSON.stringify((await driver.preview(STACK, changed)).changes.map((c) => [c.type, c.op, c.diff.map((d) => d.path)])));
      console.log(open?.compared, JSON.stringify(open?.disagreements, null, 1));
    });
  });
});
