import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { renameOwners, underOldNames } from "../../src/adapters/kubernetes/fieldOwners.js";
import type { Rollout } from "../../src/adapters/kubernetes/rollouts.js";
import { patched, StackFile } from "../../src/config/stackFile.js";
import { rehearse } from "../../src/rehearsal/rehearse.js";
import { peopleOf } from "../support/people.js";
import { realProviderForSuite } from "../support/realKubernetes.js";

const STACK = "web-api-staging";
const DEPLOYMENT = "/apis/apps/v1/namespaces/staging/deployments/web-api";
const APPS = "/apis/apps/v1/namespaces/production/deployments";
const ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts";
const SERVICE = "/api/v1/namespaces/staging/services/web-api";

describe("the real Kubernetes provider on a real API server", function () {
  this.timeout(600_000);
  const { cluster, onRealProvider } = realProviderForSuite();

  it("[providers-15] [providers-16] [providers-17] [providers-22] goes over what others wrote, keeps the pods when a secret changes, and leaves no second owner", function () {
    return onRealProvider(this, "real", async ({ migrations, driver, project, env }, real) => {
      const { say, standBefore } = peopleOf(migrations, STACK);
      await standBefore("containerize.deploy");
      const begun = await say({ command: "advance", extent: "step" });
      expect(begun.status, begun.heldReason).to.equal("ready");
      const object = async (path: string) => (await cluster.request("GET", path)).body;
      const managersOf = (o: { metadata: { managedFields: { manager: string; operation: string }[] } }) =>
        o.metadata.managedFields.filter((m) => m.operation === "Apply").map((m) => m.manager);
      const first = await object(DEPLOYMENT);
      expect(managersOf(first)).to.deep.equal(["cutover"]);
      expect(await migrations.lookForDrift(STACK)).to.equal(undefined);

      // A port and a number of pods by hand, with another tool: drift that is told, and no conflict.
      const byHand = (path: string, body: object, manager: string) =>
        cluster.request("PATCH", `${path}?fieldManager=${manager}`, body, "application/strategic-merge-patch+json");
      await byHand(SERVICE, { spec: { ports: [{ port: 80, targetPort: 9_999 }] } }, "another-tool");
      await byHand(DEPLOYMENT, { spec: { replicas: 1 } }, "another-tool");
      const drift = await migrations.lookForDrift(STACK);
      expect(drift?.changes.map((c) => [c.type, c.op, c.paths])).to.have.deep.members([
        ["kubernetes:apps/v1:Deployment", "update", ["spec.replicas"]],
        ["kubernetes:core/v1:Service", "update", ["spec.ports[0].targetPort"]],
      ]);

      const file = () => StackFile.read(project.stacksFolder, STACK);
      const workspace = await LocalWorkspace.create({ workDir: project.folder, envVars: env });
      const [key] = Object.keys((await file()).raw()["cutover:secrets"] as object);
      await workspace.setConfig(STACK, `cutover:secrets.${key}`, { value: "another one", secret: true }, true);
      const changed = patched((await file()).raw(), { "workload.servicePort": 8_080, "workload.env": { NODE_ENV: "test", EXTRA: "1" } });
      const { changes } = await driver.preview(STACK, changed);
      expect(changes.map((c) => [c.type, c.op])).to.have.deep.members([
        ["kubernetes:core/v1:Secret", "update"],
        ["kubernetes:apps/v1:Deployment", "update"],
        ["kubernetes:core/v1:Service", "update"],
      ]);
      expect(JSON.stringify(changes), "promise 9").to.not.match(/another one|YW5vdGhlciBvbmU/);
      await driver.update(STACK, changed, "a port and a secret");
      const second = await object(DEPLOYMENT);
      expect(second.metadata.uid, "the same Deployment").to.equal(first.metadata.uid);
      expect(second.spec.replicas).to.equal(first.spec.replicas);
      expect((await object(SERVICE)).spec.ports).to.deep.equal([{ name: "http", protocol: "TCP", port: 8_080, targetPort: 3_000 }]);
      expect((await driver.preview(STACK, changed)).changes).to.deep.equal([]);

      // A create of which the engine's state knows nothing, as after a kill -9: done again it has the same owner.
      const state = await workspace.exportStack(STACK);
      const deployment = state.deployment as { resources: { type: string; dependencies?: string[]; urn: string }[] };
      deployment.resources = deployment.resources.filter((r) => r.type !== "kubernetes:apps/v1:Deployment");
      await workspace.importStack(STACK, state);
      await driver.update(STACK, changed, "what was created");
      const without = patched(changed, { "workload.env": { NODE_ENV: "test" } });
      await driver.update(STACK, without, "a variable less");
      const third = await object(DEPLOYMENT);
      expect(third.metadata.uid).to.equal(first.metadata.uid);
      const [{ env: variables }] = third.spec.template.spec.containers as { env: { name: string }[] }[] as [{ env: { name: string }[] }];
      expect(variables.map((v) => v.name))
        .to.include("NODE_ENV")
        .and.not.include("EXTRA");
      expect(managersOf(third)).to.deep.equal(["cutover"]);
      expect(real.disagreements).to.deep.equal([]);
    });
  });

  it("[providers-16] objects that an earlier version applied under a made-up name get the one owner that there is now", async () => {
    const path = "/api/v1/namespaces/staging/services/renamed";
    const service = (ports: { name: string; port: number }[]) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "renamed", namespace: "staging", labels: { app: "a" } },
      spec: { selector: { app: "a" }, ports },
    });
    const apply = (manager: string, object: object) =>
      cluster.request("PATCH", `${path}?fieldManager=${manager}&force=true`, object, "application/apply-patch+yaml");
    const ports = async () => ((await cluster.request("GET", path)).body.spec.ports as { port: number }[]).map((p) => p.port);
    const old = "pulumi-kubernetes-0a1b2c3d";
    expect((await apply(old, service([{ name: "http", port: 80 }]))).status).to.equal(201);
    // What was wrong: the port that the old name owns stays, and is a second one of the same name.
    expect((await apply("cutover", service([{ name: "http", port: 8_080 }]))).status).to.equal(422);

    const outputs = { ...service([]), __fieldManager: old };
    const state = {
      resources: [
        { type: "kubernetes:core/v1:Service", outputs },
        { type: "aws:rds/instance:Instance", outputs: {} },
      ],
    };
    const objects = underOldNames(state);
    expect(objects.map((o) => `${o.kind} ${o.metadata.namespace}/${o.metadata.name}`)).to.deep.equal(["Service staging/renamed"]);
    expect(
      underOldNames({ resources: [{ type: "kubernetes:core/v1:Service", outputs: { ...outputs, __fieldManager: "cutover" } }] }),
    ).to.deep.equal([]);
    const gone = { apiVersion: "v1", kind: "Service", metadata: { name: "gone", namespace: "staging" } };
    await renameOwners({ kubeconfig: cluster.kubeconfig() }, [...objects, gone]);
    expect((await apply("cutover", service([{ name: "http", port: 8_080 }]))).status).to.equal(200);
    expect(await ports()).to.deep.equal([8_080]);
  });

  it("takes web-api through blue-green and admin-portal through a canary, each with a way back in between, and the stand-in says the same", function () {
    this.timeout(1_500_000);
    const more = { faults: { "web-api-production": ["errors@green-50%"], "admin-portal-production": ["errors@25%"] } };
    return onRealProvider(
      this,
      "plans",
      async ({ migrations, project, sandbox }, real) => {
        for (const [stack, patch] of [
          [
            "admin-portal-production",
            {
              "cluster.provides": ["argo-rollouts", "vpa"],
              "strategy.steps": [20, 40, 60, 80].map((setWeight) => ({ setWeight, pauseSeconds: 1 })),
            },
          ],
          ["web-api-production", { "cluster.provides": ["vpa"] }],
        ] as const) {
          const file = await StackFile.read(project.stacksFolder, stack);
          await file.replace(patched(file.raw(), patch)).write();
        }
        const stacks = ["web-api-staging", "web-api-production", "admin-portal-staging", "admin-portal-production"];
        await rehearse(migrations, [{ number: 1, applications: ["web-api", "admin-portal"] }], stacks);
        for (const stack of stacks) {
          const { state } = await migrations.get(stack);
          expect(state.status, `${stack}: ${state.heldReason}`).to.equal("completed");
          expect(await sandbox.violations(stack)).to.deep.equal([]);
        }
        for (const stack of ["web-api-production", "admin-portal-production"]) {
          const back = (await migrations.journal(stack)).filter((e) => e.type === "rollback.completed");
          expect(back, stack).to.have.length(1);
        }
        const deployments = (await cluster.request("GET", APPS)).body.items as {
          metadata: { name: string };
          spec: { template: { spec: { containers: { image: string }[] } } };
        }[];
        expect(deployments.map((d) => d.metadata.name).sort()).to.deep.equal(["web-api-green"]);
        expect(deployments[0]?.spec.template.spec.containers[0]?.image).to.equal("ghcr.io/your-org/web-api:1.1.0");
        const rollouts = async (): Promise<Rollout[]> => (await cluster.request("GET", ROLLOUTS)).body.items;
        // The controller is done with what the autoscaler changed last.
        const [rollout] = await once(rollouts, (all) => all.every((r) => r.status?.phase === "Healthy"));
        expect(rollout?.status?.phase, JSON.stringify(rollout?.status)).to.equal("Healthy");
        expect(rollout?.spec.template.spec.containers[0]?.image).to.equal("ghcr.io/your-org/admin-portal:1.1.0");
        // The controller, not the engine, wrote the weights at the end.
        const ingress = "/apis/networking.k8s.io/v1/namespaces/production/ingresses/admin-portal";
        const action = async (): Promise<string> =>
          (await cluster.request("GET", ingress)).body.metadata.annotations["alb.ingress.kubernetes.io/actions.admin-portal"];
        const whole = /"ServiceName":"admin-portal-(stable|ping|pong)"[^}]*"Weight":100/;
        expect(await once(action, (text) => whole.test(text))).to.match(whole);
        expect(real.disagreements).to.deep.equal([]);
        expect(real.compared.diff).to.be.above(100);
      },
      more,
    );
  });
});

/** What is seen once it is as wanted, or after 30 s: controllers act in their own time. */
async function once<T>(look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const seen = await look();
    if (tries > 150 || wanted(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
