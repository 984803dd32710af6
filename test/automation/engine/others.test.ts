import { expect } from "chai";
import { withOthers } from "../../../src/automation/engine/others.js";
import { driftOf, previewOf } from "../../../src/automation/engine/preview.js";
import type { ResourceChange } from "../../../src/automation/journal/records.js";
import type { OthersFields } from "../../../src/ports/target.js";

const TYPE = "kubernetes:apps/v1:Deployment";
const change = (name: string, paths: string[]): ResourceChange => ({
  urn: `urn::${name}`,
  type: TYPE,
  name,
  op: "update",
  diff: paths.map((path) => ({ path, before: 1, after: 2 })),
});
const field = (path: string, by: string, next: OthersFields["owned"][number]["next"] = "stays"): OthersFields["owned"][number] => ({
  path,
  names: path.replaceAll(/\[[^\]]*\]/g, "").split("."),
  element: path.endsWith("]"),
  by,
  next,
});
const others = (name: string, ...owned: OthersFields["owned"]): OthersFields => ({ urn: `urn::${name}`, type: TYPE, name, owned });

describe("a preview that knows who else wrote what it changes", () => {
  const IMAGE = "spec.template.spec.containers[web].image";
  const EXTRA = "spec.template.spec.containers[web].env[EXTRA]";

  it("[providers-23] names whose it is, by the fields that it changes and no others", () => {
    const preview = previewOf([change("web", ["spec.replicas", "spec.template.spec.containers[0].image"]), change("other", ["spec.a"])], 1);
    const seen = withOthers(
      preview,
      [others("web", field("spec.replicas", "kubectl"), field(IMAGE, "kubectl-set", "set-back"), field("spec.paused", "somebody"))],
      false,
    );
    expect(seen.changes.map((c) => [c.name, c.by, c.diff.length])).to.deep.equal([
      ["other", undefined, 1],
      ["web", ["kubectl", "kubectl-set"], 2],
    ]);
    expect(seen.digest).to.not.equal(preview.digest);
  });

  it("[providers-23] shows what goes although the engine shows nothing of it, without its value", () => {
    const [web] = withOthers(
      previewOf([change("web", ["spec.a"])], 0),
      [others("web", field(EXTRA, "kubectl-set", "goes"))],
      false,
    ).changes;
    expect(web?.diff.slice(1)).to.deep.equal([{ path: EXTRA, before: "(written by kubectl-set)" }]);
    expect(web?.by).to.deep.equal(["kubectl-set"]);
  });

  it("[providers-23] names a resource that the engine leaves alone only where what is really there was asked for: as drift", () => {
    const all = [others("web", field(EXTRA, "kubectl-set", "goes")), others("kept", field("metadata.labels.a", "kubectl-label"))];
    expect(withOthers(previewOf([], 3), all, false).changes).to.deep.equal([]);
    const drift = driftOf(withOthers(previewOf([], 3), all, true));
    expect(drift.changes).to.deep.equal([{ name: "web", type: TYPE, op: "update", paths: [EXTRA], by: ["kubectl-set"] }]);
  });

  it("[providers-23] is without an update that changes no field, where the refresh took for the program's what stays", () => {
    const preview = previewOf([change("kept", []), change("mixed", [])], 3);
    const all = [
      others("kept", field("metadata.annotations.a", "kubectl-annotate")),
      others("mixed", field("metadata.annotations.a", "kubectl-annotate"), field(EXTRA, "kubectl-set", "goes")),
    ];
    const seen = withOthers(preview, all, true);
    expect(seen.changes.map((c) => [c.name, c.diff.map((d) => d.path)])).to.deep.equal([["mixed", [EXTRA]]]);
    expect(seen.unchanged).to.equal(4);
    expect(withOthers(preview, [], true).changes).to.have.length(2);
  });
});
