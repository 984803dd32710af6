import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { runForTest } from "../support/processes.js";

const file = join(projectRoot(), "scripts", "audit.mjs");
const { judge, unpinned } = (await import(pathToFileURL(file).href)) as {
  judge(report: object, waived?: Record<string, string>): { asked: boolean; serious: string[]; note: string };
  unpinned(lock: object): string[];
};

describe("the dependency audit", () => {
  const advisory = (severity: string, url: string) => ({ name: "left-pad", title: "pads too far", range: "<1.3.0", severity, url });
  const report = {
    vulnerabilities: {
      "left-pad": { via: [advisory("high", "https://example.com/1"), advisory("moderate", "https://example.com/2")] },
      "right-pad": { via: ["left-pad", advisory("high", "https://example.com/1")] },
    },
  };

  it("fails on what is high or critical, once each, unless it is waived with a reason", () => {
    expect(judge(report).serious).to.deep.equal(["left-pad <1.3.0: pads too far (high, https://example.com/1)"]);
    expect(judge(report, { "https://example.com/1": "never padded" }).serious).to.deep.equal([]);
  });

  it("says when the registry was not asked, and fails nothing then", () => {
    for (const nothing of [{ message: "405 Method Not Allowed" }, { error: { summary: "offline" } }, {}])
      expect(judge(nothing)).to.deep.include({ asked: false, serious: [] });
  });

  it("finds packages that the lock file does not pin", () => {
    const packages = { "": {}, "node_modules/a": { integrity: "sha512-x" }, "node_modules/b": {}, "node_modules/c": { link: true } };
    expect(unpinned({ packages })).to.deep.equal(["node_modules/b"]);
  });

  it("goes through for this checkout, with or without the registry", async () => {
    const { code, stdout } = await runForTest(process.execPath, [file], { cwd: projectRoot() });
    expect(code, stdout).to.equal(0);
  }).timeout(60_000);
});
