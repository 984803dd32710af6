import { expect } from "chai";
import { kubernetesClusterPort } from "../../../src/adapters/kubernetes/clusterPort.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { patched, type RawConfig, readConfig } from "../../../src/config/stackFile.js";
import { type clusterForSuite, objectsOf } from "../../support/cluster.js";
import { programOf, sampleStacks } from "../../support/samples.js";

const NAMESPACE = "smoke";

/** The config at each step that runs the smoke test. */
function* whereTested(stack: string, first: RawConfig): Generator<{ step: string; config: StackConfig }> {
  let raw = patched(first, { "application.namespace": NAMESPACE });
  for (const step of buildPlan(readConfig(raw, stack, stack))) {
    const config = readConfig(raw, stack, stack);
    if (step.id.endsWith(".smoke")) yield { step: step.id, config };
    if (step.kind === "config") raw = patched(raw, step.change(config));
  }
}

/** That the smoke test asks for a Service that is there, whenever it is run. */
export function smokeChecks(cluster: ReturnType<typeof clusterForSuite>): void {
  before("a namespace for the smoke tests", () =>
    cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
  );

  it("the smoke test asks for a Service that the program registered, in every sample stack at every step that runs it", async () => {
    const clients = await cluster.clients();
    const asked = new Set<string>();
    for (const { stack, raw } of await sampleStacks()) {
      for (const { step, config } of whereTested(stack, raw)) {
        const at = `${stack} ${step}`;
        const services = objectsOf(await programOf(config)).filter((o) => o.kind === "Service");
        for (const service of services) expect((await cluster.apply(service)).status, at).to.be.oneOf([200, 201]);
        const { summary } = await kubernetesClusterPort(clients, () => config).smokeTest({ key: at, fence: 1 });
        const [, name, namespace, port] = /^GET http:\/\/([^.]+)\.([^.]+)\.svc\.cluster\.local:(\d+)\//.exec(summary) ?? [];
        const { status, body } = await cluster.request("GET", `/api/v1/namespaces/${namespace}/services/${name}`);
        expect(status, `${at}: ${summary}`).to.equal(200);
        expect(body.spec.ports[0].port, at).to.equal(Number(port));
        asked.add(`${step} ${name}`);
        // What another step left must not answer for this one.
        for (const { metadata } of services) await cluster.request("DELETE", `/api/v1/namespaces/${NAMESPACE}/services/${metadata.name}`);
      }
    }
    expect([...asked]).to.include.members(["database.smoke web-api-blue", "rollout.smoke web-api-green", "rollout.smoke admin-portal"]);
  });

  it("the integration tests run in the image of the colour that carries everything", async () => {
    const clients = await cluster.clients();
    const { stack, raw } = (await sampleStacks()).find((s) => s.stack === "web-api-production") as { stack: string; raw: RawConfig };
    const at = { "application.namespace": NAMESPACE, "workload.deployed": true, "strategy.green": true };
    for (const [greenWeight, version] of [
      [50, "1.0.0"],
      [100, "1.1.0"],
    ] as const) {
      const config = readConfig(patched(raw, { ...at, "strategy.greenWeight": greenWeight }), stack, stack);
      const { summary } = await kubernetesClusterPort(clients, () => config).integrationTest({ key: version, fence: 1 });
      const [, job] = /^job\/(\S+)/.exec(summary) ?? [];
      const { body } = await cluster.request("GET", `/apis/batch/v1/namespaces/${NAMESPACE}/jobs/${job}`);
      expect(body.spec.template.spec.containers[0].image).to.equal(`ghcr.io/your-org/web-api:${version}`);
    }
  });
}
