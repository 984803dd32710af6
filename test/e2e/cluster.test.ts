import { expect } from "chai";
import type { Rollout } from "../../src/adapters/kubernetes/rollouts.js";
import { patched } from "../../src/automation/orchestrator.js";
import { StackFile } from "../../src/config/stackFile.js";
import { rehearse } from "../../src/rehearsal/rehearse.js";
import { clusterForSuite } from "../support/cluster.js";
import { inSandbox } from "../support/sandbox.js";

const APPS = "/apis/apps/v1/namespaces/production/deployments";
const ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts";

/** Rollouts once the controller is done with what the autoscaler changed last. */
async function settled(look: () => Promise<Rollout[]>): Promise<Rollout[]> {
  for (let tries = 0; ; tries += 1) {
    const rollouts = await look();
    if (tries > 150 || rollouts.every((r) => r.status?.phase === "Healthy")) return rollouts;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe("a rehearsal whose Kubernetes resources live on a real API server", function () {
  this.timeout(600_000);
  const cluster = clusterForSuite();

  before("namespaces", async () => {
    for (const name of ["production", "staging"])
      await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  });

  it("takes web-api through staging and blue-green, and admin-portal through a canary of the real Argo Rollouts", function () {
    const more = { kubeconfig: cluster.kubeconfig() };
    return inSandbox(
      this,
      "on-cluster",
      async (open) => {
        // The cluster has its controllers already, and nobody waits five minutes for a pause here.
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
          const file = await StackFile.read(open.project.stacksFolder, stack);
          await file.replace(patched(file.raw(), patch)).write();
        }
        const stacks = ["web-api-staging", "web-api-production", "admin-portal-staging", "admin-portal-production"];
        await rehearse(open.migrations, [{ number: 1, applications: ["web-api", "admin-portal"] }], stacks);

        for (const stack of stacks) {
          expect((await open.migrations.get(stack)).state.status, stack).to.equal("completed");
          expect(await open.sandbox.violations(stack)).to.deep.equal([]);
        }
        const deployments = (await cluster.request("GET", APPS)).body.items as {
          metadata: { name: string };
          spec: { template: { spec: { containers: { image: string }[] } } };
        }[];
        expect(deployments.map((d) => d.metadata.name).sort()).to.deep.equal(["web-api-green"]);
        expect(deployments[0]?.spec.template.spec.containers[0]?.image).to.equal("ghcr.io/your-org/web-api:1.1.0");
        const [rollout] = await settled(async () => (await cluster.request("GET", ROLLOUTS)).body.items);
        expect(rollout?.status?.phase, JSON.stringify(rollout?.status)).to.equal("Healthy");
        expect(rollout?.status?.currentPodHash).to.equal(rollout?.status?.stableRS);
        expect(rollout?.spec.template.spec.containers[0]?.image).to.equal("ghcr.io/your-org/admin-portal:1.1.0");
        // The controller, not the engine, wrote the weights at the end.
        const { body } = await cluster.request("GET", "/apis/networking.k8s.io/v1/namespaces/production/ingresses/admin-portal");
        expect(body.metadata.annotations["alb.ingress.kubernetes.io/actions.admin-portal"]).to.match(
          /"ServiceName":"admin-portal-stable"[^}]*"Weight":100/,
        );
        const secret = (await cluster.request("GET", "/api/v1/namespaces/production/secrets/web-api-secrets")).body;
        expect(Buffer.from(secret.data["database-url"], "base64").toString()).to.match(/^postgresql:\/\/app:/);
      },
      more,
    );
  });
});
