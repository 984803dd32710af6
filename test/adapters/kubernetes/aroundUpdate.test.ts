import { expect } from "chai";
import { keepOthers } from "../../../src/adapters/kubernetes/others.js";
import { holdRouting } from "../../../src/adapters/kubernetes/routing.js";
import type { SandboxBackend } from "../../../src/sandbox/backend.js";
import { onCluster } from "../../../src/sandbox/cluster.js";
import { clusterForSuite, pathOf } from "../../support/cluster.js";

const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const APPLY = "application/apply-patch+yaml";
const RESTARTED = "kubectl.kubernetes.io/restartedAt";

const ACTION = "alb.ingress.kubernetes.io/actions.shop";
const WANTED = '{"type":"forward","to":"deployment"}';
const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "shop", namespace: "around" } };
const ROUTED = {
  ...INGRESS,
  metadata: { ...INGRESS.metadata, annotations: { [ACTION]: WANTED, "cutover.dev/routing": "weights" } },
  spec: { ingressClassName: "alb", defaultBackend: { service: { name: "shop", port: { name: "use-annotation" } } } },
};
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "shop", namespace: "around" } };
const MANAGED = { "pulumi.com/patchFieldManager": "cutover", "pulumi.com/patchForce": "true" };
const URL = { name: "URL", valueFrom: { secretKeyRef: { name: "shop", key: "url", optional: true } } };
const deployment = (...env: object[]) => ({
  ...DEPLOYMENT,
  metadata: { ...DEPLOYMENT.metadata, annotations: MANAGED },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "shop" } },
    template: {
      metadata: { labels: { app: "shop" } },
      spec: {
        containers: [{ name: "web", image: "example.org/shop:1", env: [URL, ...env], ports: [{ name: "http", containerPort: 80 }] }],
      },
    },
  },
});
const stateOf = (type: string, inputs: object, outputs: object) => ({ resources: [{ urn: "urn::a", type, inputs, outputs }] });
/** A provider that only passes on. */
const PLAIN: SandboxBackend = {
  create: async (_, inputs) => ({ id: "id", outputs: inputs }),
  read: async () => undefined,
  update: async (_, __, ___, news) => ({ outputs: news }),
  delete: async () => undefined,
};

describe("around an update, on a real API server", function () {
  this.timeout(180_000);
  const cluster = clusterForSuite();
  const access = () => ({ kubeconfig: cluster.kubeconfig() });
  const byHand = async (path: string, manager: string, body: object, type = STRATEGIC) => {
    const { status, body: answer } = await cluster.request("PATCH", `${path}?fieldManager=${manager}`, body, type);
    expect(status, JSON.stringify(answer)).to.equal(200);
  };

  before("a namespace", async () => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "around" } };
    expect((await cluster.request("POST", "/api/v1/namespaces", namespace)).status).to.equal(201);
  });

  it("[providers-24] the load balancer's rule is the config's again after a late write of Argo's, under the one owner that it had", async () => {
    const path = pathOf(INGRESS);
    const state = stateOf("kubernetes:networking.k8s.io/v1:Ingress", ROUTED, INGRESS);
    expect((await cluster.request("PATCH", `${path}?fieldManager=cutover&force=true`, ROUTED, APPLY)).status).to.equal(201);
    expect(await holdRouting(access(), state)).to.deep.equal([]);
    // As the controller writes it: a merge patch, without a thought of who owns it.
    await byHand(path, "rollouts-controller", { metadata: { annotations: { [ACTION]: '{"Type":"forward","to":"stable"}' } } }, MERGE);
    expect(await holdRouting(access(), state)).to.deep.equal([
      "The load balancer's rule in the Ingress shop was not as the config says after the update: somebody had changed it. It was written again once.",
    ]);
    const { metadata } = (await cluster.request("GET", path)).body;
    expect(metadata.annotations[ACTION]).to.equal(WANTED);
    const owners = metadata.managedFields as { manager: string; operation: string }[];
    expect(owners.map((o) => `${o.manager} ${o.operation}`)).to.deep.equal(["cutover Apply"]);
  });

  it("[providers-23] a restart by hand goes with an update unless it is kept, and what makes an object impossible to apply does not stay", async () => {
    const path = pathOf(DEPLOYMENT);
    const backend = onCluster(PLAIN, cluster.kubeconfig());
    const ref = { type: "kubernetes:apps/v1:Deployment", urn: "urn::a" };
    const update = (to: object) => backend.update(ref, "id", {}, to as Record<string, unknown>);
    const pods = async () => (await cluster.request("GET", path)).body.spec.template;
    const restart = (at: string) =>
      byHand(path, "kubectl-rollout", { spec: { template: { metadata: { annotations: { [RESTARTED]: at } } } } });
    const keep = () => keepOthers(access(), stateOf(ref.type, deployment(), DEPLOYMENT));
    await backend.create(ref, deployment() as unknown as Record<string, unknown>);

    await restart("one");
    await update(deployment({ name: "A", value: "1" }));
    expect((await pods()).metadata.annotations?.[RESTARTED], "the provider alone").to.equal(undefined);
    await restart("two");
    const look = await keep();
    await update(deployment());
    expect(await look()).to.deep.equal([]);
    expect((await pods()).metadata.annotations?.[RESTARTED]).to.equal("two");

    const web = (container: object) => ({ spec: { template: { spec: { containers: [{ name: "web", ...container }] } } } });
    await byHand(
      path,
      "a-tool",
      web({
        env: [
          { name: "URL", value: "a", valueFrom: null },
          { name: "MORE", value: "1" },
        ],
      }),
    );
    const refused = await update(deployment({ name: "B", value: "1" })).then(
      () => "nothing",
      (error: Error) => error.message,
    );
    expect(refused).to.contain("may not be specified when `value` is not empty");
    const looked = await keep();
    await update(deployment({ name: "B", value: "1" }));
    expect((await looked()).join(" ")).to.contain("env[URL].value of Deployment shop, written by a-tool, stood in the way of every update");
    expect((await pods()).spec.containers[0].env).to.deep.equal([URL, { name: "B", value: "1" }]);
    expect((await pods()).metadata.annotations?.[RESTARTED]).to.equal("two");
  });
});
