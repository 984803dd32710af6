import { expect } from "chai";
import { type FieldSet, hasField, pathsOf, pathText, split, union, without } from "../../../src/adapters/kubernetes/fieldSets.js";

const ENV = 'k:{"name":"EXTRA"}';
const WEB = 'k:{"name":"web"}';
const container = (inner: FieldSet): FieldSet => ({ "f:spec": { "f:containers": { [WEB]: inner } } });

describe("sets of fields, as managedFields writes them", () => {
  it("are joined, and what one has alone is told from what both have", () => {
    const a = container({ ".": {}, "f:name": {}, "f:image": {} });
    const b = container({ "f:image": {}, "f:env": { [ENV]: { ".": {}, "f:name": {}, "f:value": {} } } });
    expect(without(union(a, b), a)).to.deep.equal(container({ "f:env": { [ENV]: { ".": {}, "f:name": {}, "f:value": {} } } }));
    expect(without(a, union(a, b))).to.deep.equal({});
  });

  it("name what they hold as a person reads it, an element of a list once", () => {
    const set = container({ "f:image": {}, "f:env": { ".": {}, [ENV]: { ".": {}, "f:name": {}, "f:value": {} } } });
    expect(pathsOf(without(set, container({ "f:env": { ".": {} } }))).map(pathText)).to.deep.equal([
      "spec.containers[web].image",
      "spec.containers[web].env[EXTRA]",
    ]);
    expect(pathText(["f:metadata", "f:annotations", "f:a.b/c"])).to.equal('metadata.annotations["a.b/c"]');
    expect(pathText(["f:metadata", "f:finalizers", 'v:"a"'])).to.equal('metadata.finalizers["a"]');
  });

  it("are split by a rule, each part with the way that leads to it", () => {
    const set: FieldSet = { "f:metadata": { "f:labels": { ".": {}, "f:a": {} }, "f:name": {} } };
    expect(split(set, (path) => path.at(-1) === "f:a")).to.deep.equal({
      taken: { "f:metadata": { "f:labels": { "f:a": {} } } },
      rest: { "f:metadata": { "f:labels": { ".": {} }, "f:name": {} } },
    });
  });

  it("are looked up in an object, elements of lists by their keys", () => {
    const object = { spec: { containers: [{ name: "side" }, { name: "web", env: [{ name: "EXTRA", value: "1" }] }] } };
    const path = ["f:spec", "f:containers", WEB, "f:env", ENV, "f:value"];
    expect(hasField(object, path)).to.equal(true);
    expect(hasField(object, [...path.slice(0, -2), 'k:{"name":"OTHER"}'])).to.equal(false);
    expect(hasField(object, [...path.slice(0, 2), 'k:{"name":"none"}', "f:image"])).to.equal(false);
  });
});
