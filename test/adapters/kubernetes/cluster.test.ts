import type { V1ConfigMap } from "@kubernetes/client-node";
import { expect } from "chai";
import type { ClusterClients } from "../../../src/adapters/kubernetes/clients.js";
import { kubernetesClusterPort } from "../../../src/adapters/kubernetes/clusterPort.js";
import { type ClusterReading, clusterObservation } from "../../../src/adapters/kubernetes/observations.js";
import { rolloutOf } from "../../../src/adapters/kubernetes/rollouts.js";
import { waitFor } from "../../../src/adapters/kubernetes/waiting.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { patched, type RawConfig, readConfig } from "../../../src/config/stackFile.js";
import { readinessGates } from "../../../src/doctor/cluster.js";

import { Terminal, Transient } from "../../../src/errors.js";
import { clusterPortContract } from "../../contracts/clusterPort.js";
import { clusterForSuite, objectsOf } from "../../support/cluster.js";
import { deployed, rightsIn } from "../../support/deployed.js";
import { PROCESSES } from "../../support/processStack.js";
import { FLEET, objectsOfEveryPhase, programOf, sampleStacks } from "../../support/samples.js";
import { argoRightsChecks } from "./argoRightsChecks.js";
import { forcedChecks } from "./forcedChecks.js";
import { onceChecks } from "./onceChecks.js";
import { probeChecks } from "./probeChecks.js";
import { smokeChecks } from "./smokeChecks.js";
import { usageChecks } from "./usageChecks.js";

const effect = (key: string) => ({ key, fence: 1 });

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

  const isFirstOrLast = (step: string, isLast: boolean) => isLast || step === "containerize.deploy";
  for (const [what, samples, isLookedAt] of [
    ["every object of every phase of every sample stack", () => sampleStacks(), undefined],
    ["every object of fifteen real applications, deployed and moved,", () => sampleStacks(FLEET), isFirstOrLast],
  ] as const)
    it(`${what} passes the API server's own strict validation`, async () => {
      const seen = new Map<string, string>();
      for (const sample of await samples()) {
        for await (const { step, object } of objectsOfEveryPhase(sample, isLookedAt)) {
          const text = JSON.stringify(object);
          if (seen.has(text)) continue;
          seen.set(text, object.kind);
          const { status, body } = await cluster.apply(object, true);
          expect(status, `${sample.stack} ${step}: ${object.kind} ${object.metadata.name}: ${body.message}`).to.be.oneOf([200, 201]);
        }
      }
      expect(new Set(seen.values()).size).to.be.at.least(14);
    });

  it("promise 10: a wait survives watches that break, end, or are told that their version is too old", async () => {
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "waited", namespace: "production" } };
    await cluster.apply(map);
    const watches: string[] = [];
    // In front of the API server: the first watch breaks, the second is too old, the third ends at once, the rest pass.
    const proxy = await cluster.behind((path, response) => {
      if (!path.includes("watch=true") || watches.push(path) > 3) return false;
      if (watches.length === 1) setTimeout(() => response.destroy(), 100);
      else if (watches.length === 2)
        response.end(
          `${JSON.stringify({ type: "ERROR", object: { kind: "Status", apiVersion: "v1", code: 410, reason: "Expired", message: "too old resource version" } })}\n`,
        );
      else response.end();
      return true;
    });
    try {
      const { core } = proxy.clients;
      const waiting = waitFor<V1ConfigMap>({
        clients: proxy.clients,
        path: "/api/v1/namespaces/production/configmaps",
        name: "waited",
        read: () => core.readNamespacedConfigMap({ name: "waited", namespace: "production" }),
        done: ({ data }) => data?.state,
        timeoutSeconds: 60,
        what: "The config map",
      });
      await eventually(
        async () => watches.length,
        (n) => n > 3,
      );
      await cluster.apply({ ...map, data: { state: "there" } } as typeof map);
      expect(await waiting).to.equal("there");
      expect(watches.length).to.be.at.least(4);
    } finally {
      await proxy.close();
    }
  });

  it("promise 10: a request that is never answered ends at its deadline, and what it was for is unknown", async () => {
    const silent = await cluster.behind(() => true, 300);
    const config = readConfig(
      (await sampleStacks()).find((s) => s.stack === "admin-portal-production")?.raw ?? {},
      "test",
      "admin-portal-production",
    );
    try {
      const error = await kubernetesClusterPort(silent.clients, () => config)
        .logs({ app: "admin-portal" }, 1)
        .catch((e: Error) => e);
      expect(error).to.be.instanceOf(Transient).with.property("message").that.contains("The cluster could not list the pods");
      expect(await clusterObservation(silent.clients, config, "pods-ready")).to.include({ known: false });
    } finally {
      await silent.close();
    }
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

  it("[applications-12] the objects of every kind of process pass the API server's own strict validation", async () => {
    const kinds = new Set<string>();
    for (const object of objectsOf(await programOf(readConfig(PROCESSES, "test", "shop-production")))) {
      kinds.add(object.kind);
      const { status, body } = await cluster.apply(object, true);
      expect(status, `${object.kind} ${object.metadata.name}: ${body.message}`).to.be.oneOf([200, 201]);
    }
    expect([...kinds]).to.include.members(["CronJob", "Job", "PersistentVolume", "PersistentVolumeClaim", "ConfigMap"]);
  });

  smokeChecks(cluster);
  forcedChecks(cluster);
  argoRightsChecks(cluster);

  describe("the cluster port", () => {
    let raw: RawConfig;
    let config: StackConfig;
    let clients: ClusterClients;
    const observe = (name: ClusterReading) => clusterObservation(clients, config, name);
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
      for (const file of ["kubernetes/namespace.yaml", "kubernetes/service-account.yaml", "kubernetes-rbac.yaml"])
        for (const object of await deployed(file)) expect((await cluster.apply(object)).status, file).to.be.oneOf([200, 201]);
      const { body } = await cluster.request("POST", "/api/v1/namespaces/cutover/serviceaccounts/cutover/token", {
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

    clusterPortContract("the API server and Argo Rollouts", async () => ({
      cluster: port(),
      observer: {
        observe: async (name) => ({
          name,
          reading: await observe(name as ClusterReading),
          at: Date.now(),
          source: "kubernetes",
        }),
      },
      change: (image) => deploy({ "workload.image": image }),
      shows: async (name, value) => {
        const reading = await eventually(
          () => observe(name as ClusterReading),
          (r) => r.known && r.value === value,
          60,
        );
        return reading?.known === true ? reading.value : (reading?.reason ?? "not measured");
      },
    }));

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

    it("has the real Argo Rollouts write the canary's weights into the load balancer's rule, and take them back", async () => {
      await deploy({ "workload.image": "ghcr.io/your-org/admin-portal:1.1.0" });
      expect(await eventually(weights, ([, canary]) => canary === 20)).to.deep.equal([80, 20]);
      await eventually(rollout, (r) => (r?.status?.pauseConditions ?? []).length > 0);
      await port().rolloutPromote(effect("p1"));
      expect(await eventually(weights, ([, canary]) => canary === 40)).to.deep.equal([60, 40]);
      // Under load the controller has not seen its own change of the Ingress at once, and would find nothing to take back.
      await eventually(rollout, (r) => r?.status?.canary?.weights?.canary.weight === 40 && (r.status.pauseConditions ?? []).length > 0);
      await port().rolloutAbort(effect("a1"));
      expect(await eventually(weights, ([, canary]) => canary === 0)).to.deep.equal([100, 0]);
      const aborted = await eventually(rollout, (r) => r?.status?.phase === "Degraded");
      expect(aborted?.status?.phase).to.equal("Degraded");
      await deploy({ "workload.image": "ghcr.io/your-org/admin-portal:1.0.0" });
      await eventually(rollout, (r) => r?.status?.phase === "Healthy" && r.status.abort !== true);
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
    });

    it("is looked at by the doctor: whether the namespace asks for readiness gates", async () => {
      const look = () => readinessGates("admin-portal-production", config, clients);
      const unlabelled = await look();
      expect(unlabelled.standing, unlabelled.detail).to.equal("warning");
      expect(unlabelled.detail).to.contain("the namespace production does not ask for them");
      const labels = { "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled" };
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "production", labels } };
      expect((await cluster.apply(namespace)).status).to.equal(200);
      expect(await look()).to.include({ standing: "ok", detail: "the namespace production asks for them" });
    });

    usageChecks(cluster, () => port());
    probeChecks(cluster, () => port());
    onceChecks(cluster, () => clients);

    describe("afterwards", () => {
      it("has asked the API server for exactly what deploy/kubernetes-rbac.yaml allows", async () => {
        expect([...clients.calls].sort()).to.deep.equal(rightsIn(await deployed("kubernetes-rbac.yaml")));
      });

      it("promise 6: ran one Job a key: two of the contract, one that did not come to its end", async () => {
        const { body } = await cluster.request("GET", "/apis/batch/v1/namespaces/production/jobs");
        const ofPort = body.items.filter((job: { metadata: { name: string } }) => !job.metadata.name.startsWith("shop-"));
        expect(ofPort).to.have.length(3);
      });
    });
  });
});
