import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import type { ClusterClients } from "../../../src/adapters/kubernetes/clients.js";
import { kubernetesClusterPort } from "../../../src/adapters/kubernetes/clusterPort.js";
import { clusterObservation } from "../../../src/adapters/kubernetes/observations.js";
import { rolloutOf } from "../../../src/adapters/kubernetes/rollouts.js";
import { patched } from "../../../src/automation/orchestrator.js";
import { buildPlan } from "../../../src/automation/plan.js";
import { MigratedApp } from "../../../src/components/index.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { type RawConfig, readConfig } from "../../../src/config/stackFile.js";
import { projectRoot } from "../../../src/engine/engine.js";
import { Terminal } from "../../../src/errors.js";
import type { ObservationName } from "../../../src/ports/observations.js";
import { registered } from "../../components/harness.js";
import { clusterForSuite, objectsOf } from "../../support/cluster.js";
import { sampleStacks } from "../../support/samples.js";

const SECRETS = pulumi.secret({
  "database-password": "p",
  "database-url": "postgresql://u:p@h/d",
  "redis-url": "redis://r",
}) as unknown as pulumi.Output<Record<string, string>>;
const effect = (key: string) => ({ key, fence: 1 });
const programOf = (config: StackConfig) => registered(() => new MigratedApp(config.application.name, { config, secrets: SECRETS }));

async function eventually<T>(look: () => Promise<T>, right: (value: T) => boolean, seconds = 30): Promise<T> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const value = await look();
    if (right(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe("on a real Kubernetes control plane", function () {
  this.timeout(180_000);
  const cluster = clusterForSuite();

  before("namespaces", async () => {
    for (const name of ["production", "staging", "argo-rollouts"])
      expect(
        (await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } })).status,
      ).to.equal(201);
  });

  it("every object of every phase of every sample stack passes the API server's own strict validation", async () => {
    const seen = new Map<string, string>();
    for (const sample of await sampleStacks()) {
      let raw = sample.raw;
      for (const step of buildPlan(readConfig(raw, sample.stack, sample.stack))) {
        if (step.kind !== "config") continue;
        raw = patched(raw, step.change(readConfig(raw, sample.stack, sample.stack)));
        for (const object of objectsOf(await programOf(readConfig(raw, sample.stack, sample.stack)))) {
          const text = JSON.stringify(object);
          if (seen.has(text)) continue;
          seen.set(text, object.kind);
          const { status, body } = await cluster.apply(object, true);
          expect(status, `${sample.stack} ${step.id}: ${object.kind} ${object.metadata.name}: ${body.message}`).to.be.oneOf([200, 201]);
        }
      }
    }
    expect(new Set(seen.values()).size).to.be.at.least(14);
  });

  it("refuses what the validation is for: a field that does not exist", async () => {
    const wrong = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a", namespace: "production" },
      spec: { ports: [{ port: 80 }], sessionAfinity: "None" },
    };
    const { status, body } = await cluster.apply(wrong, true);
    expect(status).to.be.at.least(400);
    expect(body.message).to.contain("sessionAfinity");
  });

  describe("the cluster port", () => {
    let raw: RawConfig;
    let config: StackConfig;
    let clients: ClusterClients;
    const observe = (name: ObservationName) => clusterObservation(clients, config, name);
    const port = () => kubernetesClusterPort(clients, () => config);
    const rollout = () => rolloutOf(clients, "production", "admin-portal");
    /** Weights that the controller asks of the load balancer. */
    const weights = async (): Promise<number[]> => {
      const { body } = await cluster.request("GET", "/apis/networking.k8s.io/v1/namespaces/production/ingresses/admin-portal");
      const action = JSON.parse(body.metadata.annotations["alb.ingress.kubernetes.io/actions.admin-portal"]);
      const groups = action.ForwardConfig?.TargetGroups ?? action.forwardConfig?.targetGroups;
      const of = (name: string) => groups.find((g: Record<string, unknown>) => (g.ServiceName ?? g.serviceName) === `admin-portal-${name}`);
      return ["stable", "canary"].map((name) => Number(of(name)?.Weight ?? of(name)?.weight ?? 0));
    };
    const deploy = async (patch: Record<string, unknown>) => {
      raw = patched(raw, patch);
      config = readConfig(raw, "test", "admin-portal-production");
      for (const object of objectsOf(await programOf(config)).filter((o) => o.metadata.namespace === "production")) {
        // The controller owns the weights from the first rollout on, as the component's ignoreChanges says.
        if (
          object.kind === "Ingress" &&
          (await cluster.request("GET", "/apis/networking.k8s.io/v1/namespaces/production/ingresses/admin-portal")).status === 200
        )
          continue;
        const { status, body } = await cluster.apply(object);
        expect(status, `${object.kind}: ${body.message}`).to.be.oneOf([200, 201]);
      }
    };

    /** An identity with the rights of deploy/kubernetes-rbac.yaml, and no others. */
    const leastPrivileged = async (): Promise<ClusterClients> => {
      const text = await readFile(join(projectRoot(), "deploy", "kubernetes-rbac.yaml"), "utf8");
      for (const document of parseAllDocuments(text)) expect((await cluster.apply(document.toJS())).status).to.be.oneOf([200, 201]);
      const { body } = await cluster.request("POST", "/api/v1/namespaces/production/serviceaccounts/cutover/token", {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {},
      });
      return cluster.clients(body.status.token);
    };

    before("admin-portal as a Rollout", async () => {
      clients = await leastPrivileged();
      raw = (await sampleStacks()).find((s) => s.stack === "admin-portal-production")?.raw ?? {};
      await deploy({
        "workload.deployed": true,
        "strategy.workload": "rollout",
        "strategy.steps": [20, 40].map((setWeight) => ({ setWeight, pauseSeconds: 3_600 })),
        "verification.integrationTimeoutSeconds": 10,
      });
      const healthy = await eventually(rollout, (r) => r?.status?.phase === "Healthy", 60);
      expect(healthy?.status?.phase, healthy?.status?.message).to.equal("Healthy");
    });

    it("runs the smoke test and the integration tests once a key, and keeps their logs", async () => {
      expect((await port().smokeTest(effect("one"))).summary).to.equal(
        "GET http://admin-portal.production.svc.cluster.local:80/health answered 200.",
      );
      await port().smokeTest(effect("one"));
      const tests = await port().integrationTest(effect("one"));
      expect(tests.summary).to.match(/^job\/integration-tests-[0-9a-f]{10} completed in \d+ s\.$/);
      const { body } = await cluster.request("GET", "/apis/batch/v1/namespaces/production/jobs");
      expect(body.items).to.have.length(2);
      expect(Object.keys(tests.files ?? {})).to.deep.equal(["integration-tests.log"]);
    });

    it("tells a run that does not come to its end", async () => {
      for (const name of ["node-0", "node-1", "node-2"])
        await cluster.request("PATCH", `/api/v1/nodes/${name}`, { spec: { unschedulable: true } }, "application/merge-patch+json");
      const error = await port()
        .integrationTest(effect("two"))
        .catch((e: Error) => e);
      expect(error)
        .to.be.instanceOf(Terminal)
        .with.property("message")
        .that.matches(/^job\/integration-tests-\w+ failed\./);
      for (const name of ["node-0", "node-1", "node-2"])
        await cluster.request("PATCH", `/api/v1/nodes/${name}`, { spec: { unschedulable: null } }, "application/merge-patch+json");
    });

    it("walks a canary through the load balancer's weights with the real Argo Rollouts: promote, abort, undo", async () => {
      expect(
        await port()
          .rolloutPromote(effect("early"))
          .catch((e: Error) => e.message),
      ).to.contain("No canary is in a pause");
      expect((await port().rolloutAbort(effect("early"))).summary).to.contain("nothing to abort");

      await deploy({ "workload.image": "ghcr.io/your-org/admin-portal:1.1.0" });
      expect(await eventually(weights, ([, canary]) => canary === 20)).to.deep.equal([80, 20]);
      await eventually(rollout, (r) => (r?.status?.pauseConditions ?? []).length > 0);
      expect(await observe("rollout-healthy")).to.deep.equal({ known: true, value: 0 });
      expect(await observe("rollout-weight")).to.deep.equal({ known: true, value: 20 });
      expect((await port().rolloutPromote(effect("p1"))).summary).to.equal("The pause at 20 % was ended.");
      expect(await eventually(weights, ([, canary]) => canary === 40)).to.deep.equal([60, 40]);

      expect((await port().rolloutAbort(effect("a1"))).summary).to.contain("was aborted");
      expect(await eventually(weights, ([, canary]) => canary === 0)).to.deep.equal([100, 0]);
      // Asked again, as after a crash.
      await port().rolloutAbort(effect("a1"));
      const aborted = await eventually(rollout, (r) => r?.status?.phase === "Degraded");
      expect(aborted?.status?.phase).to.equal("Degraded");

      // Undo: the earlier image, at once, without steps.
      await deploy({ "workload.image": "ghcr.io/your-org/admin-portal:1.0.0" });
      const back = await eventually(rollout, (r) => r?.status?.phase === "Healthy" && r.status.abort !== true);
      expect(back?.status?.phase).to.equal("Healthy");
      expect(await observe("rollout-healthy")).to.deep.equal({ known: true, value: 1 });
      expect(await observe("pods-ready")).to.deep.equal({ known: true, value: 1 });
      expect(await weights()).to.deep.equal([100, 0]);
    });

    it("says what it may not do, and where that is allowed", async () => {
      config = { ...config, application: { ...config.application, namespace: "staging" } };
      const error = await port()
        .smokeTest(effect("elsewhere"))
        .catch((e: Terminal) => e);
      config = readConfig(raw, "test", "admin-portal-production");
      expect(error)
        .to.be.instanceOf(Terminal)
        .with.property("message")
        .that.contains("The cluster does not allow it to run the job staging/smoke-test-");
      expect((error as Terminal).next).to.equal("Allow it in the role of deploy/kubernetes-rbac.yaml.");
    });

    it("promise 10: an autoscaler or a Deployment that is not there is not ready", async () => {
      expect(await observe("hpa-active")).to.deep.equal({ known: true, value: 0 });
      expect(await observe("green-ready")).to.deep.equal({ known: true, value: 0 });
      expect(await observe("spot-nodes-ready")).to.deep.equal({ known: true, value: 0 });
      expect(await observe("dns-ttl")).to.equal(undefined);
    });

    it("says that nothing measures usage, and that the ingress has no address", async () => {
      expect((await port().usage()).summary).to.contain("is the metrics server installed?");
      const missing = await port()
        .probeLoadBalancer()
        .catch((e: Error) => e.message);
      expect(missing).to.contain("The ingress production/admin-portal has no address yet.");
    });
  });
});
