import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readConfig } from "../../src/config/stackFile.js";
import { byHand } from "../../src/readModels/byHand.js";
import { RAW, STACK } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

const hasJq = (): boolean => {
  try {
    execFileSync("jq", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

describe("users sent back by hand", () => {
  const dns = { ...(RAW["cutover:dns"] as object), also: [{ name: "*.example.com", zoneId: "ZPRIVATE" }] };
  const lines = byHand(readConfig({ ...RAW, "cutover:dns": dns }, "test", STACK));

  it("[safety-1] names each zone with its records and weights", () => {
    expect(lines).to.have.length(4);
    expect(lines[0]).to.equal("Zone Z1234567890ABC, api.example.com: record old-infra to weight 100, record new-infra to weight 0.");
    expect(lines[2]).to.equal("Zone ZPRIVATE, *.example.com: record old-infra to weight 100, record new-infra to weight 0.");
  });

  it("[safety-1] its commands change both records of the name in one batch, and no other record", function () {
    if (!hasJq()) this.skip();
    const record = (Name: string, SetIdentifier: string | undefined, Weight: number) => ({
      Name,
      Type: "A",
      SetIdentifier,
      Weight,
      TTL: 60,
    });
    const ResourceRecordSets = ["api.example.com.", "\\052.example.com.", "www.example.com."].flatMap((name) => [
      record(name, "old-infra", 25),
      record(name, "new-infra", 75),
      record(name, "a-third", 5),
    ]);
    for (const [line, name] of [
      [lines[1], "api.example.com."],
      [lines[3], "\\052.example.com."],
    ] as const) {
      const folder = tempFolder("hand");
      writeFileSync(join(folder, "zone.json"), JSON.stringify({ ResourceRecordSets }));
      // In the place of the AWS CLI, what it would answer.
      const jq = (line ?? "").split(" | ").slice(1).join(" | ").split(" && ")[0];
      execFileSync("sh", ["-c", `cat zone.json | ${jq}`], { cwd: folder });
      const { Changes } = JSON.parse(readFileSync(join(folder, "weights.json"), "utf8")) as {
        Changes: { Action: string; ResourceRecordSet: { Name: string; SetIdentifier: string; Weight: number; TTL: number } }[];
      };
      expect(Changes.map(({ Action, ResourceRecordSet: r }) => [Action, r.Name, r.SetIdentifier, r.Weight, r.TTL])).to.deep.equal([
        ["UPSERT", name, "old-infra", 100, 60],
        ["UPSERT", name, "new-infra", 0, 60],
      ]);
    }
  });
});
