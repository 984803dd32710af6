import { expect } from "chai";
import type { Rollout } from "../../src/adapters/kubernetes/rollouts.js";
import { patched, StackFile } from "../../src/config/stackFile.js";
import { rehearse } from "../../src/rehearsal/rehearse.js";
import { clusterForSuite } from "../support/cluster.js";
import { peopleOf } from "../support/people.js";
import { inSandbox } from "../support/sandbox.js";

const ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts";

describe("a canary on a real API server, walked by people", function () {
  this.timeout(600_000);
  const cluster = clusterForSuite();
  const STACK = "web-api-production";
  const INGRESS = "/apis/networking.k8s.io/v1/namespaces/production/ingresses/web-api";

  before("namespaces", async () => {
    for (const name of ["production", "staging"])
      await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  });

  async function until<T>(look: () => Promise<T>, right: (value: T) => boolean): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      const value = await look();
      if (right(value) || tries > 200) return value;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const rollout = async (): Promise<Rollout> => (await cluster.request("GET", `${ROLLOUTS}/web-api`)).body;
  const weight = async () => (await rollout()).status?.canary?.weights?.canary.weight;
  const image = async () => (await rollout()).spec.template.spec.containers[0]?.image;
  /** What the load balancer is asked to send to the canary, as the controller wrote it. */
  const asked = async (): Promise<number> => {
    const [{ body }, { status }] = await Promise.all([cluster.request("GET", INGRESS), rollout()]);
    // The Services take turns: which one is the canary's, the Rollout says.
    const service = status?.canary?.stablePingPong === "ping" ? "web-api-pong" : "web-api-ping";
    const action = body.metadata.annotations["alb.ingress.kubernetes.io/actions.web-api"];
    const [, percent] = new RegExp(`"ServiceName":"${service}"[^}]*"Weight":(\\d+)`).exec(action) ?? [];
    return Number(percent ?? 0);
  };

  it("takes web-api through staging, promotes its canary, aborts it, undoes it, and takes it to its end the second time", function () {
    const more = { kubeconfig: cluster.kubeconfig() };
    return inSandbox(
      this,
      "canary-on-cluster",
      async ({ migrations, project, sandbox }) => {
        const file = await StackFile.read(project.stacksFolder, STACK);
        const steps = [20, 40].map((setWeight) => ({ setWeight, pauseSeconds: 3_600 }));
        const strategy = { kind: "canary", image: "ghcr.io/your-org/web-api:1.1.0", steps };
        const raw = { ...file.raw(), "cutover:strategy": strategy };
        await file.replace(patched(raw, { "cluster.provides": ["argo-rollouts", "vpa"] })).write();
        await rehearse(migrations, [{ number: 1, applications: ["web-api"] }], ["web-api-staging"]);

        const { say, standBefore } = peopleOf(migrations, STACK);
        await standBefore("rollout.staging-verified");
        // The new connection string restarted the pods, as `kubectl rollout restart` does: another set of them runs.
        const { body } = await cluster.request("GET", "/apis/apps/v1/namespaces/production/replicasets");
        const sets = body.items as { spec: { replicas: number }; metadata: { ownerReferences: { name: string }[] } }[];
        const ofApp = sets.filter((r) => r.metadata.ownerReferences[0]?.name === "web-api").map((r) => r.spec.replicas);
        expect(ofApp.sort()).to.deep.equal([0, 3]);
        await standBefore("rollout.canary");
        expect((await rollout()).status?.phase).to.equal("Healthy");
        const before = (await migrations.get(STACK)).state.revision;
        const begin = () => migrations.command(STACK, { command: "advance", extent: "step" }, "alice");

        const promote = async () => {
          await until(rollout, (r) => (r.status?.pauseConditions ?? []).length > 0);
          await until(
            async () => (await migrations.get(STACK)).state,
            (state) => state.applied,
          );
          await migrations.command(STACK, { command: "promote" }, "alice");
        };

        await begin();
        expect(await until(weight, (w) => w === 20)).to.equal(20);
        expect(await until(asked, (w) => w === 20)).to.equal(20);
        await promote();
        expect(await until(weight, (w) => w === 40)).to.equal(40);

        // Argo's abort at once, then the earlier image: what `abort` and `undo` of its command line do.
        const back = await say({ command: "rollback", revision: before, why: "users complain" });
        expect(back.status, back.heldReason).to.equal("held");
        const undone = (await migrations.journal(STACK)).findLast((e) => e.type === "action.succeeded" && e.undo);
        expect(undone).to.deep.include({
          step: "rollout.canary",
          summary: "The canary of web-api was aborted; the stable pods carry everything.",
        });
        expect(await image()).to.equal("ghcr.io/your-org/web-api:1.0.0");
        expect((await until(rollout, (r) => r.status?.phase === "Healthy")).status?.phase).to.equal("Healthy");
        expect(await until(asked, (w) => w === 0)).to.equal(0);

        await migrations.command(STACK, { command: "resume" }, "alice");
        if ((await migrations.get(STACK)).state.status === "ready") await begin();
        for (const percent of [20, 40]) {
          expect(await until(weight, (w) => w === percent)).to.equal(percent);
          await promote();
        }
        const state = await migrations.settled(STACK);
        expect(state.steps["rollout.canary"]?.status, state.heldReason).to.equal("done");
        expect(await image()).to.equal("ghcr.io/your-org/web-api:1.1.0");
        expect((await rollout()).status?.phase).to.equal("Healthy");
        expect(await sandbox.violations(STACK)).to.deep.equal([]);
      },
      more,
    );
  });
});
