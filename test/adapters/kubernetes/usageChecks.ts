import { expect } from "chai";
import type { ClusterPort } from "../../../src/ports/target.js";
import type { clusterForSuite } from "../../support/cluster.js";

type Cluster = ReturnType<typeof clusterForSuite>;
const METRICS = "/apis/metrics.k8s.io/v1beta1";

/** A kind of metrics.k8s.io as the metrics server serves it, kept by the API server itself. */
async function define(cluster: Cluster, kind: string, plural: string, scope: "Cluster" | "Namespaced"): Promise<void> {
  const { status, body } = await cluster.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.metrics.k8s.io`, annotations: { "api-approved.kubernetes.io": "unapproved, stands in for a test" } },
    spec: {
      group: "metrics.k8s.io",
      scope,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: "v1beta1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  });
  expect(status, body.message).to.equal(201);
  for (let tries = 0; (await cluster.request("GET", `${METRICS}/${plural}`)).status !== 200 && tries < 100; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
}

/** What the cluster port says of usage, before and after something measures it. */
export function usageChecks(cluster: Cluster, port: () => ClusterPort): void {
  it("says that nothing measures usage", async () => {
    const { summary, facts } = await port().usage();
    expect(summary).to.contain("is the metrics server installed?");
    expect(facts).to.deep.equal({ pods: 0 });
  });

  it("holds what pods and nodes use against what they ask for and have, and names what the VPA recommends", async () => {
    await define(cluster, "PodMetrics", "pods", "Namespaced");
    await define(cluster, "NodeMetrics", "nodes", "Cluster");
    const create = async (path: string, object: object) => {
      const { status, body } = await cluster.request("POST", path, { apiVersion: "metrics.k8s.io/v1beta1", ...object });
      expect(status, body.message).to.equal(201);
    };
    const pod = (name: string, app: string, cpu: string, memory: string) =>
      create(`${METRICS}/namespaces/production/pods`, {
        kind: "PodMetrics",
        metadata: { name, namespace: "production", labels: { app } },
        containers: [{ name: app, usage: { cpu, memory } }],
      });
    await pod("admin-portal-a", "admin-portal", "20000000n", "131072Ki");
    await pod("admin-portal-b", "admin-portal", "40m", "256Mi");
    await pod("another", "another", "2", "4Gi");
    await create(`${METRICS}/nodes`, { kind: "NodeMetrics", metadata: { name: "node-0" }, usage: { cpu: "8", memory: "32Gi" } });
    await cluster.apply({
      apiVersion: "autoscaling.k8s.io/v1",
      kind: "VerticalPodAutoscaler",
      metadata: { name: "admin-portal-vpa", namespace: "production" },
      status: {
        recommendation: { containerRecommendations: [{ containerName: "admin-portal", target: { cpu: "50m", memory: "300Mi" } }] },
      },
    } as Parameters<Cluster["apply"]>[0]);

    const { summary, facts, files } = await port().usage();
    expect(summary).to.equal(
      "2 pods use 30m CPU each (12 % of 250m) and 192Mi memory (75 % of 256Mi). No pod uses half of the cpu that it asks for. The VPA recommends 50m CPU and 300Mi memory.",
    );
    expect(facts).to.deep.include({ overProvisioned: ["cpu"], recommended: { cpu: "50m", memory: "300Mi" } });
    expect(files?.["usage.md"])
      .to.contain("| admin-portal-b | 40m | 16 % | 256Mi | 100 % |")
      .and.contain("| node-0 | 8000m | 25 % | 32768Mi | 25 % |")
      .and.not.contain("another");
  });
}
