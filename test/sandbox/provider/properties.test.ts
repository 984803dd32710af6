import { expect } from "chai";
import { asLive, differences } from "../../../src/sandbox/provider/properties.js";

const action = (weight: number) => ({ "alb/actions.web": `{"weight":${weight}}` });

describe("what a Kubernetes object is compared with", () => {
  it("[providers-24] is what stands there: a field that somebody wrote over is updated although the inputs are the same", () => {
    const inputs = { metadata: { annotations: action(0) }, spec: { replicas: 3 } };
    const live = { metadata: { annotations: { ...action(40), other: "x" }, uid: "1" }, spec: { replicas: 3, paused: false }, status: {} };
    expect(differences(asLive(inputs, live), inputs).map((d) => d.path)).to.deep.equal(['metadata.annotations["alb/actions.web"]']);
    expect(differences(asLive(inputs, { ...live, metadata: { annotations: action(0) } }), inputs)).to.deep.equal([]);
  });

  it("is the input where the object does not show it, and is cut where a list there is shorter", () => {
    const secret = { stringData: { key: "a" }, type: "Opaque" };
    expect(asLive(secret, { data: { key: "YQ==" }, type: "Opaque" })).to.deep.equal(secret);
    const ports = { ports: [{ port: 80 }, { port: 443 }] };
    expect(differences(asLive(ports, { ports: [{ port: 80, protocol: "TCP" }] }), ports)).to.deep.equal([
      { path: "ports[1]", kind: "add" },
    ]);
  });
});
