import { readFileSync } from "node:fs";
import { delimiter } from "node:path";
import { expect } from "chai";
import { clusterAccess, clusterEnvironment } from "../../src/service/clusterAccess.js";
import { tempFolder } from "../support/tmp.js";

describe("the cluster of a stack", () => {
  const of = (raw: Record<string, unknown>, target = {}) => clusterAccess(raw, target, "Pulumi.a-b.yaml");

  it("[providers-19] is one for the service and the engine, whoever names it", () => {
    expect(of({})).to.deep.equal({});
    expect(of({}, { context: "staging" })).to.deep.equal({ context: "staging" });
    expect(of({ "kubernetes:context": "staging" })).to.deep.equal({ context: "staging" });
    expect(of({ "kubernetes:context": "staging", "kubernetes:kubeconfig": "/a" }, { context: "staging" })).to.deep.equal({
      kubeconfig: "/a",
      context: "staging",
    });
  });

  it("[providers-19] is refused where the two would mean different ones, or the service could not read what the engine gets", () => {
    const wrong: [Record<string, unknown>, object, string][] = [
      [{ "kubernetes:context": "a" }, { context: "b" }, 'Pulumi.a-b.yaml: kubernetes:context: got "a"; accepted: nothing, or b'],
      [{ "kubernetes:kubeconfig": "/a" }, { kubeconfig: "/b" }, 'kubernetes:kubeconfig: got "/a"'],
      [{ "kubernetes:kubeconfig": { secure: "v1:x" } }, {}, "kubernetes:kubeconfig: got (hidden)"],
      [{ "kubernetes:kubeconfig": "apiVersion: v1\nkind: Config\n" }, {}, "kubernetes:kubeconfig: got (hidden)"],
      [{ "kubernetes:cluster": "c" }, {}, "kubernetes:cluster"],
    ];
    for (const [raw, target, message] of wrong) expect(() => of(raw, target), JSON.stringify(raw)).to.throw(message);
  });

  it("[providers-19] leads the engine there by its environment, with the context in front of the kubeconfig's own", async () => {
    const folder = tempFolder("context");
    expect(await clusterEnvironment({}, folder)).to.deep.equal({});
    expect(await clusterEnvironment({ kubeconfig: "/a" }, folder)).to.deep.equal({ KUBECONFIG: "/a" });
    const { KUBECONFIG = "" } = await clusterEnvironment({ kubeconfig: "/a", context: "arn:aws:eks:x/prod" }, folder);
    const [first = "", second] = KUBECONFIG.split(delimiter);
    expect(second).to.equal("/a");
    expect(JSON.parse(readFileSync(first, "utf8"))).to.deep.include({ kind: "Config", "current-context": "arn:aws:eks:x/prod" });
  });
});
