import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { projectRoot } from "../../src/engine/engine.js";
import { UserError } from "../../src/errors.js";
import { parseInventory } from "../../src/inventory/csv.js";
import { dependencyMap, parseDependencySupplement } from "../../src/inventory/dependencyMap.js";
import { computeWaves, requireKnown, unknownDependencies } from "../../src/inventory/graph.js";
import { assessRisks, riskRegister } from "../../src/inventory/risks.js";

const HEADER = "Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner";
const row = (name: string, dependencies = "S3") => `${name},Python,${dependencies},Hourly,None,Low,Data Team`;
const csv = (...rows: string[]) => [HEADER, ...rows].join("\n");

function problem(content: string | Buffer): string {
  try {
    computeWaves(parseInventory(content, "applications.csv"));
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("was accepted");
}

describe("an inventory", () => {
  it("reads the seed's applications.csv", async () => {
    const { applications } = parseInventory(await readFile(join(projectRoot(), "stacks", "applications.csv")), "applications.csv");
    expect(applications.map((a) => [a.name, a.technology.kind, a.dependencies, a.criticality])).to.deep.equal([
      ["web-api", "nodejs", ["PostgreSQL", "Redis"], "high"],
      ["admin-portal", "static", ["web-api"], "medium"],
      ["batch-processor", "python", ["S3", "SQS"], "low"],
    ]);
    expect(applications[0]?.traffic).to.deep.equal({ text: "10k req/day", perDay: 10_000, from: "users" });
  });

  it("takes quoted commas, CRLF, a byte order mark, columns in any order and columns of its own", () => {
    const text =
      '\uFEFFOwner,Application,Technology,Dependencies,Traffic,Data Store,Critical,Repository\r\n"Team A, Berlin",a,Node.js 20,S3,"1,000 users",None,LOW,git/a\r\n';
    const [a] = parseInventory(Buffer.from(text), "f").applications;
    expect(a).to.deep.include({ name: "a", owner: "Team A, Berlin", criticality: "low", extra: { Repository: "git/a" } });
  });

  it("names the line and column of everything wrong, all at once", () => {
    const message = problem(csv("web-api,Node.js 16,S3,10k req/day,RDS,Urgent,", "Web_API,Python,S3,x,None,Low,o"));
    expect(message).to.contain('applications.csv line 2, column Critical: got "Urgent"; accepted: High, Medium or Low');
    expect(message).to.contain("applications.csv line 2, column Owner: missing");
    expect(message).to.contain('applications.csv line 3, column Application: got "Web_API"');
  });

  const wrong: [string, string | Buffer, RegExp][] = [
    ["a missing column", `${HEADER.replace(",Owner", "")}\na,b,c,d,e,Low`, /line 1, column Owner: missing/],
    ["a column given twice", `${HEADER},Owner\n${row("a")},x`, /column Owner: got the column twice/],
    ["a duplicated application", csv(row("a"), row("b"), row("a")), /line 4, column Application: got a again \(first on line 2\)/],
    ["a ragged row", csv("a,b,c"), /line 2: got 3 cells; accepted: 7 cells/],
    ["an unclosed quote", csv('a,"Python,S3,Hourly,None,Low,o'), /accepted: comma-separated values/],
    ["an empty file", "", /got an empty file/],
    ["a header alone", HEADER, /at least one application/],
    ["bytes that are not UTF-8", Buffer.from([0x41, 0xff, 0xfe]), /not UTF-8/],
  ];
  for (const [what, content, message] of wrong) it(`refuses ${what}`, () => expect(problem(content)).to.match(message));

  it("reports unknown dependencies with the nearest name", () => {
    const inventory = parseInventory(csv(row("web-api"), row("portal", "web-apo;Redis;mainframe")), "f");
    expect(unknownDependencies(inventory).map((u) => [u.dependency, u.suggestion])).to.deep.equal([
      ["web-apo", "web-api"],
      ["mainframe", undefined],
    ]);
    expect(() => requireKnown(inventory)).to.throw(UserError, /did you mean web-api\?/);
  });

  it("orders 10,000 applications in waves", () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => row(`app-${i}`, i === 0 ? "S3" : `app-${Math.floor((i - 1) / 2)}`));
    const waves = computeWaves(parseInventory(csv(...rows), "f"));
    expect(waves.flat()).to.have.length(10_000);
    expect(waves[0]).to.deep.equal(["app-0"]);
    expect(waves).to.have.length(14);
  });

  it("moves what is consumed before its consumers, whatever the graph", () => {
    // Each application may need any with a smaller number, so there is never a cycle.
    const graphs = fc.array(fc.array(fc.nat(1_000), { maxLength: 4 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(graphs, (graph) => {
        const needs = graph.map((list, i) => (i === 0 ? [] : [...new Set(list.map((n) => n % i))]));
        const inventory = parseInventory(csv(...needs.map((list, i) => row(`a${i}`, list.map((n) => `a${n}`).join("/") || "S3"))), "f");
        const waveOf = new Map(computeWaves(inventory).flatMap((names, wave) => names.map((n) => [n, wave] as const)));
        expect(waveOf.size).to.equal(graph.length);
        needs.forEach((list, i) => {
          for (const n of list) expect(waveOf.get(`a${n}`)).to.be.lessThan(waveOf.get(`a${i}`) as number);
        });
      }),
    );
  });
});

describe("the dependency map", () => {
  it("has the seed's form, with consumers derived", async () => {
    const folder = join(projectRoot(), "stacks");
    const inventory = parseInventory(await readFile(join(folder, "applications.csv")), "f");
    const map = dependencyMap(
      inventory,
      parseDependencySupplement(await readFile(join(folder, "dependencies.yaml"), "utf8"), "dependencies.yaml"),
    );
    expect(map).to.contain(`## web-api
- **Depends on:**
  - PostgreSQL database (RDS)
  - Redis cache (ElastiCache)
  - S3 for file storage
  - SES for email
- **Consumed by:**
  - admin-portal
  - mobile-app
  - batch-processor`);
    expect(map).to.contain("## Waves\n\n1. batch-processor, web-api\n2. admin-portal");
  });

  it("draws every application, what it needs, and consumers that are no application", () => {
    const inventory = parseInventory(csv(row("end", "S3/web-api"), row("web-api"), row("alone")), "f");
    const [, graph] = /```mermaid\n([\s\S]*?)\n```/.exec(dependencyMap(inventory, { alone: { consumedBy: ['the "cron"'] } })) ?? [];
    expect(graph?.split("\n")).to.deep.equal([
      "graph LR",
      '  end_0["end"]',
      '  web_api_1["web-api"]',
      '  alone_2["alone"]',
      '  end_0 --> S3_3["S3"]',
      "  end_0 --> web_api_1",
      '  web_api_1 --> S3_3["S3"]',
      '  alone_2 --> S3_3["S3"]',
      '  the__cron__4["the #quot;cron#quot;"] --> alone_2',
    ]);
  });

  it("[applications-7] puts a cycle into one wave, with a finding, and everybody else into theirs", () => {
    const inventory = parseInventory(csv(row("a", "b"), row("b", "c"), row("c", "a"), row("needed"), row("d", "a/needed")), "f");
    expect(computeWaves(inventory)).to.deep.equal([["a", "b", "c", "needed"], ["d"]]);
    expect(dependencyMap(inventory)).to.contain("1. a, b, c, needed\n2. d\n\na, b, c need each other, a cycle: they move in one wave");
  });

  it("refuses a supplement with an unknown key", () => {
    expect(() => parseDependencySupplement("web-api: { needs: [S3] }", "dependencies.yaml")).to.throw(UserError, /web-api.needs/);
  });
});

describe("the risk register", () => {
  const facts = { thirdParties: [], criticality: "high" as const, hasDatabase: true, hasPublicHost: true };

  it("estimates the downtime of a dump from the database's size, as the seed does", () => {
    expect(assessRisks({ ...facts, databaseSizeGb: 500 })[0]?.evidence).to.equal("2-4 hours for 500 GB by dump and restore");
    expect(assessRisks({ ...facts, databaseSizeGb: 50 })[0]?.evidence).to.equal("0.2-0.4 hours for 50 GB by dump and restore");
  });

  it("takes a certificate that ends before the migration does for a high risk", () => {
    const at = (certificateExpiresAt: string) =>
      assessRisks({ ...facts, certificateExpiresAt, now: Date.parse("2026-01-05") }).find((r) => r.id === "certificate");
    expect(at("2026-06-01T00:00:00Z")).to.include({ severity: "medium", evidence: "The old certificate expires on 2026-06-01" });
    expect(at("2026-02-01T00:00:00Z")).to.include({
      severity: "high",
      evidence: "The old certificate expires on 2026-02-01, before a migration of ten weeks ends",
    });
  });

  it("promise 10: an unknown fact makes no risk smaller", () => {
    const unknown = assessRisks(facts);
    const known = assessRisks({ ...facts, databaseSizeGb: 500, dnsTtlSeconds: 300, certificateExpiresAt: "2026-06-01T00:00:00Z" });
    expect(unknown.map((r) => r.severity)).to.deep.equal(known.map((r) => r.severity));
    expect(unknown.find((r) => r.id === "certificate")?.evidence).to.contain("unknown");
  });

  it("names for each risk the steps of the plan that mitigate it", async () => {
    const { modelPlan } = await import("../automation/model.js");
    const ids = new Set(modelPlan().map((s) => s.id));
    for (const risk of assessRisks(facts)) for (const step of risk.mitigatedBy) expect(ids, risk.id).to.include(step);
    expect(riskRegister(assessRisks(facts)))
      .to.contain("## High Risk")
      .and.contain("Mitigation: Use read replica promotion");
  });
});
