import { expect } from "chai";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { type RawConfig, readConfig } from "../../src/config/stackFile.js";
import { parseInventory } from "../../src/inventory/csv.js";
import { reasonsAgainst } from "../../src/rehearsal/judge.js";
import { unfinishedIn } from "../../src/rehearsal/unfinished.js";
import { RAW, STACK } from "../automation/model.js";

const HEADER = "Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner";
const rowOf = (traffic: string, store: string) =>
  parseInventory(`${HEADER}\nweb-api,Java 17,,${traffic},${store},High,o\n`, "f").applications[0];
const configOf = (raw: RawConfig) => readConfig(raw, "test", STACK);
const open = (raw: RawConfig, row = rowOf("900 rps", "RDS PostgreSQL 12")) => unfinishedIn(raw, configOf(raw), row).open;
const without = (...sections: string[]): RawConfig =>
  Object.fromEntries(Object.entries(RAW).filter(([key]) => !sections.includes(key.replace("cutover:", ""))));
const verdict = (reasons: string[]) =>
  reasonsAgainst(
    { stack: STACK, status: "completed", faults: [], rollbacks: [], violations: [], journal: [], open: reasons },
    { usersBackMinutes: 15, mayLoseData: false },
  );

describe("what stands against a GO before anything is tried", () => {
  it("is nothing where everything is stated", () => {
    expect(open(RAW)).to.deep.equal([]);
  });

  it("[people-1] is every placeholder, question and undecided store, with its cure", () => {
    const raw: RawConfig = {
      ...RAW,
      "cutover:dns": { zoneId: "ZREPLACEME", steps: [25, 100], lowTtlForSeconds: 3_600 },
      "cutover:questions": ['Technology "x": Which language?'],
      "cutover:stores": [{ kind: "MySQL" }, { kind: "Redis", name: "cache.example.com", handling: "stays" }],
    };
    const { open: reasons, notTried } = unfinishedIn(raw, configOf(raw), undefined);
    expect(reasons).to.deep.equal([
      "dns.zoneId is still open (ZREPLACEME): aws route53 list-hosted-zones.",
      'questions[0] is still open (not answered): Technology "x": Which language?.',
      "stores[0].handling is still open (undecided): cutover does not move MySQL: stays, or moved-by-people.",
    ]);
    expect(notTried).to.deep.equal(["Redis (cache.example.com) stays where it is: that the new side reaches it."]);
    expect(verdict(reasons)).to.deep.equal(reasons);
  });

  for (const store of ["RDS MySQL 8.0", "Aurora MySQL", "RDS SQL Server 2019", "PostgreSQL on EC2", "Oracle on RDS"])
    it(`[people-1] is a PostgreSQL plan for ${store}`, () => {
      expect(open(RAW, rowOf("900 rps", store))[0]).to.equal(
        `The inventory names "${store}", but the database section moves PostgreSQL on RDS only: correct one of them.`,
      );
    });

  it("[people-2] is a plan that moves no users, and no such plan ends an instance", () => {
    const raw: RawConfig = {
      ...without("dns", "ingress", "database"),
      "cutover:workload": { image: "example.org/web-api:1.0.0" },
      "cutover:strategy": { kind: "rolling", image: "example.org/web-api:1.1.0" },
    };
    expect(open(raw, rowOf("900 rps", "None"))[0]).to.match(/^No step moves its users: add a dns section/);
    const ids = (r: RawConfig) => buildPlan(configOf(r)).map((s) => s.id);
    expect(ids(raw).filter((id) => /terminate|delete|remove/.test(id))).to.deep.equal([]);
    expect(unfinishedIn(raw, configOf(raw), rowOf("Hourly", "None")).notTried).to.deep.equal([
      "Nothing says who reaches the old side, so the clean-up leaves it as it is.",
    ]);
    const nobody = { ...raw, "cutover:old": { ...(raw["cutover:old"] as object), users: "none" } };
    expect(open(nobody, rowOf("Hourly", "None"))).to.deep.equal([]);
    expect(ids(nobody)).to.include("cleanup.terminate-instances");
    expect(ids(RAW)).to.include("cleanup.terminate-instances");
  });
});
