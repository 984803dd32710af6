import { expect } from "chai";
import { keptIn, mixedIn, othersIn } from "../../../src/adapters/kubernetes/others.js";
import type { StateObject } from "../../../src/adapters/kubernetes/stateObjects.js";

const WEB = 'k:{"name":"web"}';
const template = <T extends object>(inner: T) => ({ "f:spec": { "f:template": inner } });
const restarted = template({ "f:metadata": { "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/restartedAt": {} } } });
const entry = <T extends object>(manager: string, fieldsV1: T, more: object = {}) => ({
  manager,
  operation: "Update",
  apiVersion: "apps/v1",
  fieldsV1,
  ...more,
});
const ours = entry("cutover", template({ "f:metadata": { "f:annotations": { "f:a": {} } } }), { operation: "Apply" });

describe("what others wrote into an object", () => {
  it("[providers-23] annotations and labels of kubectl's stand under a name that the engine's provider does not take; the rest does not", () => {
    const env = template({ "f:spec": { "f:containers": { [WEB]: { "f:env": { 'k:{"name":"EXTRA"}': { ".": {} } } } } } });
    const both = entry("kubectl-edit", {
      "f:spec": { "f:template": { ...restarted["f:spec"]["f:template"], ...env["f:spec"]["f:template"] } },
    });
    expect(keptIn([ours, both])).to.deep.equal([ours, entry("kubectl-edit", env), entry("kept-kubectl-edit", restarted)]);
    expect(keptIn([ours, entry("kubectl-set", env)])).to.equal(undefined);
    // Of another manager's, and of the number of pods, the provider takes nothing.
    expect(keptIn([ours, entry("an-injector", restarted)])).to.equal(undefined);
    expect(keptIn([entry("kubectl", { "f:spec": { "f:replicas": {} } }, { subresource: "scale" })])).to.equal(undefined);
  });

  it("[providers-23] what is kept already is joined with what came since, and kubectl apply's own notes are not kept", () => {
    const before = entry("kept-kubectl-rollout", restarted);
    const since = entry("kubectl-rollout", { "f:metadata": { "f:labels": { "f:b": {} } } });
    expect(keptIn([ours, before, since])).to.deep.equal([
      ours,
      entry("kept-kubectl-rollout", { ...restarted, "f:metadata": { "f:labels": { "f:b": {} } } }),
    ]);
    const applied = { "f:metadata": { "f:annotations": { "f:kubectl.kubernetes.io/last-applied-configuration": {} } } };
    expect(keptIn([entry("kubectl-client-side-apply", applied)])).to.equal(undefined);
  });

  it("[providers-23] is told with whose it is, and whether it stays, goes or is set back", () => {
    const object: StateObject = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web-api", namespace: "production" },
      urn: "urn",
      type: "kubernetes:apps/v1:Deployment",
      manager: "cutover",
      inputs: { spec: { template: { spec: { containers: [{ name: "web", image: "a:1" }] } } } },
    };
    const pods = { "f:containers": { [WEB]: { "f:image": {}, "f:env": { 'k:{"name":"EXTRA"}': { ".": {}, "f:name": {} } } } } };
    const entries = [
      ours,
      entry("kept-kubectl-rollout", restarted),
      entry("kubectl-set", template({ "f:spec": pods })),
      entry("kubectl", { "f:spec": { "f:replicas": {} } }, { subresource: "scale" }),
      entry("kube-controller-manager", { "f:status": { "f:replicas": {} } }, { subresource: "status" }),
    ];
    expect(othersIn(object, entries).owned.map(({ path, by, next }) => [path, by, next])).to.deep.equal([
      ["spec.template.metadata.annotations", "kubectl-rollout", "stays"],
      ["spec.template.spec.containers[web].image", "kubectl-set", "set-back"],
      ["spec.template.spec.containers[web].env[EXTRA]", "kubectl-set", "goes"],
      ["spec.replicas", "kubectl", "stays"],
    ]);
  });

  it("[providers-23] what another tool wrote into the program's own specification can become the program's; numbers of pods cannot", () => {
    const port = template({ "f:spec": { "f:containers": { [WEB]: { "f:ports": { 'k:{"containerPort":4000}': { ".": {} } } } } } });
    const tool = entry("a-tool", { ...port, "f:metadata": { "f:labels": { "f:a": {} } } });
    const scaled = entry("kube-controller-manager", { "f:spec": { "f:replicas": {} } }, { subresource: "scale" });
    const mixed = mixedIn([ours, tool, scaled]);
    expect(mixed?.entries.slice(1)).to.deep.equal([entry("a-tool", { "f:metadata": { "f:labels": { "f:a": {} } } }), scaled]);
    expect(mixed?.entries[0]?.fieldsV1).to.deep.equal({
      "f:spec": { "f:template": { ...ours.fieldsV1["f:spec"]["f:template"], ...port["f:spec"]["f:template"] } },
    });
    expect(mixedIn([ours, scaled, entry("a-tool", { "f:metadata": { "f:labels": { "f:a": {} } } })])).to.equal(undefined);
    expect(mixedIn([ours, entry("kubectl-set", port)])).to.equal(undefined);
    expect(mixedIn([ours, entry("kept-kubectl-rollout", restarted)]), "what was kept stays").to.equal(undefined);
  });
});
