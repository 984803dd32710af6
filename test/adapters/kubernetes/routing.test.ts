import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { holdRouting } from "../../../src/adapters/kubernetes/routing.js";
import { afterThisTest } from "../../support/cleanup.js";
import { tempFolder } from "../../support/tmp.js";

const ACTION = "alb.ingress.kubernetes.io/actions.shop";
const WANTED = '{"type":"forward","to":"deployment"}';
const ARGO = '{"Type":"forward","to":"stable"}';
const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "shop", namespace: "routed" } };
const ROLLOUT = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata: { name: "shop", namespace: "routed" } };

const inputs = (routing: "weights" | "rollout") => ({
  ...INGRESS,
  metadata: { ...INGRESS.metadata, annotations: { [ACTION]: WANTED, "cutover.dev/routing": routing } },
  spec: { ingressClassName: "alb", defaultBackend: { service: { name: "shop", port: { name: "use-annotation" } } } },
});
/** What the engine exports after an update. */
const state = (routing: "weights" | "rollout" = "weights") => ({
  resources: [
    { urn: "urn::i", type: "kubernetes:networking.k8s.io/v1:Ingress", inputs: inputs(routing), outputs: INGRESS },
    { urn: "urn::r", type: "kubernetes:argoproj.io/v1alpha1:Rollout", inputs: {}, outputs: ROLLOUT },
  ],
});

describe("the load balancer's rule after an update, where somebody writes it each time or a controller sees nothing", () => {
  /** As much of an API server as is asked: the two objects, and a patch after which the rule is what `patched` says. */
  async function apiServer(options: { rule: string; patched: string; observed: number }) {
    const writes: object[] = [];
    let { rule } = options;
    const server = createServer((request, response) => {
      let text = "";
      request.on("data", (data) => {
        text += data;
      });
      request.once("end", () => {
        const path = (request.url ?? "").split("?")[0] ?? "";
        if (request.method === "PATCH") {
          writes.push(JSON.parse(text) as object);
          rule = options.patched;
        }
        const answer = path.endsWith("/ingresses/shop")
          ? { ...INGRESS, metadata: { ...INGRESS.metadata, annotations: { [ACTION]: rule } } }
          : path.endsWith("/rollouts/shop")
            ? { ...ROLLOUT, metadata: { ...ROLLOUT.metadata, generation: 2 }, status: { observedGeneration: String(options.observed) } }
            : { resources: ["Ingress", "Rollout"].map((kind) => ({ kind, name: pluralOf(kind), namespaced: true })) };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    afterThisTest(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const kubeconfig = join(tempFolder("routing"), "kubeconfig");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "a", cluster: { server: url, "insecure-skip-tls-verify": true } }],
      contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
      users: [{ name: "a", user: {} }],
      "current-context": "a",
    };
    await writeFile(kubeconfig, JSON.stringify(config));
    return { kubeconfig, writes };
  }

  it("[providers-24] it is written again a bounded number of times, and what is wrong then is told", async () => {
    const { kubeconfig, writes } = await apiServer({ rule: ARGO, patched: ARGO, observed: 2 });
    const [told, ...rest] = await holdRouting({ kubeconfig }, state());
    expect(writes).to.have.length(5);
    expect(told).to.contain("in the Ingress shop").and.to.contain("written again 5 times, and somebody changes it each time");
    expect(rest).to.deep.equal([]);
  });

  it("[providers-24] a controller that has not seen the Rollout as it is now is waited for, not for ever, and told of", async () => {
    const { kubeconfig, writes } = await apiServer({ rule: WANTED, patched: WANTED, observed: 1 });
    expect(await holdRouting({ kubeconfig }, state(), 600)).to.deep.equal([
      "Argo Rollouts had not seen the Rollout shop as it is now within 0.6 s, and may still change the load balancer's rule.",
    ]);
    expect(writes).to.deep.equal([]);
  });

  it("[providers-24] a rule that Argo Rollouts decides is left to it", async () => {
    const { kubeconfig, writes } = await apiServer({ rule: ARGO, patched: WANTED, observed: 1 });
    expect(await holdRouting({ kubeconfig }, state("rollout"))).to.deep.equal([]);
    expect(writes).to.deep.equal([]);
  });
});

const pluralOf = (kind: string): string => (kind === "Ingress" ? "ingresses" : "rollouts");
