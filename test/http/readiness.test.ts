import { expect } from "chai";
import { readinessFindings } from "../../src/doctor/database.js";
import { FINDINGS, STACK } from "../automation/model.js";
import { type ModelService, modelService } from "../cli/service.js";
import { peopleOf } from "../support/people.js";
import { expectConforming } from "./conforming.js";

describe("the readiness of the databases, for whoever asks", () => {
  let service: ModelService;
  beforeEach(async () => {
    service = await modelService();
  });
  afterEach(() => service.close());

  it("is one report in the API, worst first, each finding with its meaning and its cure", async () => {
    await peopleOf(service.migrations, STACK).standBefore("database.approve");
    const path = `/v1/migrations/${STACK}/readiness`;
    const response = await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${service.token}` } });
    const body = (await response.json()) as { standing: string; findings: unknown };
    expectConforming({ method: "GET", path, status: response.status, contentType: response.headers.get("content-type"), body });
    expect(body).to.deep.include({ standing: "computed", findings: FINDINGS });
  });

  it("promise 10: says that it is not known, and why, where the databases cannot be asked", async () => {
    await peopleOf(service.migrations, STACK).standBefore("database.approve");
    expect((await service.migrations.readiness(STACK)).standing).to.equal("computed");
    expect(readinessFindings(STACK, { standing: "unknown", at: 0, findings: [], why: "no address" })).to.deep.equal([
      { check: "database readiness", of: STACK, standing: "unknown", detail: "no address" },
    ]);
  });

  it("is the doctor's as well: what refuses is broken, the rest a warning with its cure", () => {
    const refusal = { kind: "refuses", what: "stopping writes", means: "left over is prepared", cure: "ROLLBACK PREPARED" } as const;
    const found = readinessFindings(STACK, { standing: "computed", at: 0, findings: [refusal, ...FINDINGS] });
    expect(found.map((f) => f.standing)).to.deep.equal(["failed", "warning", "warning"]);
    expect(found[0]).to.include({ detail: "refuses: stopping writes, left over is prepared", mend: "ROLLBACK PREPARED" });
    expect(readinessFindings(STACK, { standing: "computed", at: 0, findings: [] })[0]?.standing).to.equal("ok");
    expect(readinessFindings(STACK, { standing: "none", at: 0, findings: [] })).to.deep.equal([]);
  });
});
