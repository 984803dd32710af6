import { expect } from "chai";
import { patched, StackFile } from "../../src/config/stackFile.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { peopleOf } from "../support/people.js";
import { realProviderForSuite } from "../support/realKubernetes.js";

const RESTARTED = "kubectl.kubernetes.io/restartedAt";
const STRATEGIC = "application/strategic-merge-patch+json";
const MERGE = "application/merge-patch+json";

describe("what others write into the cluster, on the real Kubernetes provider and a real API server", function () {
  this.timeout(600_000);
  const { cluster, onRealProvider } = realProviderForSuite();
  const object = async (path: string) => (await cluster.request("GET", path)).body;

  it("[providers-23] a restart by hand and others' annotations stay, and what an update takes away is told before and after it", function () {
    const STACK = "web-api-staging";
    const DEPLOYMENT = "/apis/apps/v1/namespaces/staging/deployments/web-api";
    const SERVICE = "/api/v1/namespaces/staging/services/web-api";
    return onRealProvider(this, "others", async ({ migrations, driver, project }) => {
      const { say, standBefore } = peopleOf(migrations, STACK);
      await standBefore("containerize.deploy");
      const begun = await say({ command: "advance", extent: "step" });
      expect(begun.status, begun.heldReason).to.equal("ready");
      const first = await object(DEPLOYMENT);
      const [{ name, image }] = first.spec.template.spec.containers;

      /** As kubectl does it: its patches, under the names of its subcommands. */
      const byHand = async (path: string, manager: string, body: object, type = STRATEGIC) => {
        const { status, body: answer } = await cluster.request("PATCH", `${path}?fieldManager=${manager}`, body, type);
        expect(status, JSON.stringify(answer)).to.equal(200);
      };
      const pods = (template: object) => ({ spec: { template } });
      const restart = (at: string) => byHand(DEPLOYMENT, "kubectl-rollout", pods({ metadata: { annotations: { [RESTARTED]: at } } }));
      await restart("2026-01-05T02:00:00Z");
      await byHand(DEPLOYMENT, "kubectl-annotate", { metadata: { annotations: { "team/note": "restarted at night" } } }, MERGE);
      await byHand(SERVICE, "kubectl-label", { metadata: { labels: { "team/owner": "web" } } }, MERGE);
      await byHand(DEPLOYMENT, "an-injector", pods({ metadata: { annotations: { "injector/status": "injected" } } }));
      // Nothing of this is drift: the program names none of it, and it stays.
      expect(JSON.stringify(await migrations.lookForDrift(STACK))).to.equal(undefined);

      await byHand(DEPLOYMENT, "kubectl-set", pods({ spec: { containers: [{ name, env: [{ name: "EXTRA", value: "by hand" }] }] } }));
      await byHand(DEPLOYMENT, "kubectl-set", pods({ spec: { containers: [{ name, image: "example.org/by-hand:1" }] } }));
      await byHand(`${DEPLOYMENT}/scale`, "kubectl", { spec: { replicas: 1 } }, MERGE);
      const [drift, ...more] = (await migrations.lookForDrift(STACK))?.changes ?? [];
      expect(more).to.deep.equal([]);
      const extra = `spec.template.spec.containers[${name}].env[EXTRA]`;
      // kubectl puts its variable first, so the provider shows the others in other places too.
      expect(drift?.paths).to.include.members(["spec.replicas", "spec.template.spec.containers[0].image", extra]);
      expect(drift?.by).to.deep.equal(["kubectl", "kubectl-set"]);

      const file = await StackFile.read(project.stacksFolder, STACK);
      const config = patched(file.raw(), { "workload.env": { NODE_ENV: "test", SECOND: "2" } });
      const [change] = (await driver.preview(STACK, config)).changes;
      expect(change?.by).to.deep.equal(["kubectl-set"]);
      expect(change?.diff.filter((d) => String(d.before).includes("kubectl-set"))).to.have.deep.members([
        { path: extra, before: "(written by kubectl-set)" },
        {
          path: `spec.template.spec.containers[${name}].image`,
          before: "(written by kubectl-set)",
          after: "(as the program has it)",
        },
      ]);
      const { notes } = await driver.update(STACK, config, "a variable");
      expect(notes).to.have.members([
        `${extra} of Deployment web-api, written by kubectl-set, went with this update.`,
        `spec.template.spec.containers[${name}].image of Deployment web-api, written by kubectl-set, was set back with this update.`,
      ]);

      const annotationsOf = async () => (await object(DEPLOYMENT)).spec.template.metadata.annotations as Record<string, string>;
      const after = await object(DEPLOYMENT);
      expect(after.spec.template.metadata.annotations).to.include({ [RESTARTED]: "2026-01-05T02:00:00Z", "injector/status": "injected" });
      expect(after.metadata.annotations).to.include({ "team/note": "restarted at night" });
      expect((await object(SERVICE)).metadata.labels).to.include({ "team/owner": "web" });
      expect(after.spec.template.spec.containers[0].image).to.equal(image);
      expect(JSON.stringify(after.spec.template.spec.containers[0].env)).to.contain("SECOND").and.not.to.contain("EXTRA");
      expect(after.spec.replicas).to.equal(first.spec.replicas);

      // It stays through the next ones, another restart is kept as well, and one that was taken back does not return.
      await driver.update(STACK, patched(config, { "workload.env": { NODE_ENV: "test" } }), "a variable less");
      expect(await annotationsOf()).to.include({ [RESTARTED]: "2026-01-05T02:00:00Z" });
      await restart("2026-01-06T02:00:00Z");
      await driver.update(STACK, config, "a variable more");
      expect(await annotationsOf()).to.include({ [RESTARTED]: "2026-01-06T02:00:00Z" });
      // A value beside the program's reference to a secret: the API server refuses that, and force removes nothing.
      const env = after.spec.template.spec.containers[0].env as { name: string; valueFrom?: object }[];
      const { name: variable } = env.find((e) => e.valueFrom !== undefined) ?? { name: "" };
      await byHand(
        DEPLOYMENT,
        "a-tool",
        pods({ spec: { containers: [{ name, env: [{ name: variable, value: "a", valueFrom: null }] }] } }),
      );
      const third = patched(config, { "workload.env": { NODE_ENV: "test", THIRD: "3" } });
      expect((await driver.preview(STACK, third)).changes.map((c) => c.name)).to.deep.equal(["web-api"]);
      await byHand(
        DEPLOYMENT,
        "a-tool",
        pods({ spec: { containers: [{ name, env: [{ name: variable, value: "b", valueFrom: null }] }] } }),
      );
      expect((await driver.update(STACK, third, "over a tool's")).notes?.join(" ")).to.contain(
        `.env[${variable}].value of Deployment web-api, written by a-tool, stood in the way of every update`,
      );
      expect(JSON.stringify((await object(DEPLOYMENT)).spec.template.spec.containers[0].env))
        .to.contain("valueFrom")
        .and.not.contain('"b"');

      await byHand(DEPLOYMENT, "kubectl-edit", pods({ metadata: { annotations: { [RESTARTED]: null } } }));
      await driver.update(STACK, patched(config, { "workload.env": { NODE_ENV: "test" } }), "a variable less again");
      expect(await annotationsOf()).to.not.have.property(RESTARTED);
    });
  });

  it("[providers-24] a late write of Argo's over the rule that was taken back from it does not last until the next config", async function () {
    const STACK = "admin-portal-production";
    const INGRESS = "/apis/networking.k8s.io/v1/namespaces/production/ingresses/admin-portal";
    const ROLLOUT = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/admin-portal";
    const ACTION = "alb.ingress.kubernetes.io/actions.admin-portal";
    const action = async () => (await object(INGRESS)).metadata.annotations[ACTION] as string;
    let late: { manager: string; action: string } | undefined;
    let writes = 0;
    /** What a reconcile of Argo's does that began before the Rollout had changed. */
    const updated = async (urn: string) => {
      if (late === undefined || !urn.includes("networking.k8s.io/v1:Ingress")) return;
      const body = { metadata: { annotations: { [ACTION]: late.action } } };
      await cluster.request("PATCH", `${INGRESS}?fieldManager=${late.manager}`, body, MERGE);
      writes += 1;
    };
    const run = async ({ driver, project }: OpenSandbox) => {
      const file = await StackFile.read(project.stacksFolder, STACK);
      const steps = [{ setWeight: 20, pauseSeconds: 1 }];
      const rollout = patched(file.raw(), {
        "cluster.provides": ["argo-rollouts", "vpa"],
        "workload.deployed": true,
        "strategy.steps": steps,
        "strategy.pingPong": true,
        "strategy.workload": "rollout",
      });
      await driver.update(STACK, rollout, "a Rollout");
      const routed = await once(action, (text) => text.includes("ServiceName"));
      expect(routed, "the controller writes it").to.match(/"ServiceName":"admin-portal-(ping|pong)","ServicePort":"80","Weight":100/);
      await once(
        async () => (await object(ROLLOUT)).status?.phase,
        (phase) => phase === "Healthy",
      );
      const owners = (await object(INGRESS)).metadata.managedFields as { manager: string; fieldsV1: object }[];
      const owner = owners.find((o) => JSON.stringify(o.fieldsV1).includes(`f:${ACTION}`));
      late = { manager: owner?.manager ?? "", action: routed };
      expect(late.manager).to.not.be.oneOf(["", "cutover"]);

      const both = patched(rollout, { "strategy.workload": "both", "strategy.rolloutWeight": 100 });
      const { notes } = await driver.update(STACK, both, "back to both");
      expect(writes, "the race").to.equal(1);
      expect(notes?.join(" ")).to.contain("The load balancer's rule in the Ingress admin-portal was not as the config says");
      expect(JSON.parse(await action()).forwardConfig.targetGroups).to.deep.equal([
        { serviceName: "admin-portal", servicePort: "80", weight: 0 },
        { serviceName: "admin-portal-ping", servicePort: "80", weight: 100 },
      ]);
      late = undefined;
      expect((await driver.preview(STACK, both, { refresh: true })).changes).to.deep.equal([]);
      const back = patched(both, { "strategy.rolloutWeight": 0 });
      expect((await driver.update(STACK, back, "to the Deployment")).notes).to.equal(undefined);
      expect(JSON.parse(await action()).forwardConfig.targetGroups.map((g: { weight: number }) => g.weight)).to.deep.equal([100, 0]);
    };
    await onRealProvider(this, "late", run, { updated });
  });
});

/** What is seen once it is as wanted, or after 60 s: controllers act in their own time. */
async function once<T>(look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const seen = await look();
    if (tries > 300 || wanted(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
