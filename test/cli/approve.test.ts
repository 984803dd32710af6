import { expect } from "chai";
import { STACK } from "../automation/model.js";
import * as model from "../automation/modelService.js";
import { peopleOf } from "../support/people.js";
import { modelService } from "./service.js";

const STEP = "database.lower-ttl";

describe("the command approve", () => {
  it("promise 7: asks for the name of what would be lost, and approves it by that name only", async () => {
    let planned = [] as (typeof model.REPLACED_DATABASE)[];
    const { migrations, run, close } = await modelService(
      {},
      model.planning(model.modelService(), () => planned),
    );
    const { say, standBefore } = peopleOf(migrations, STACK);
    await standBefore(STEP);
    planned = [model.REPLACED_DATABASE];
    expect(await say({ command: "advance", extent: "step" })).to.include({ status: "held" });
    for (const args of [[], ["--resource", "web-api"]]) {
      const { code, stderr } = await run(["approve", STACK, ...args]);
      expect([code, stderr]).to.deep.equal([2, stderr]);
      expect(stderr).to.contain("accepted: the name of each resource that would be lost: orders-db");
    }
    expect((await migrations.get(STACK)).state.status).to.equal("held");
    const { code, stderr } = await run(["approve", STACK, "--resource", "orders-db"]);
    expect([code, stderr]).to.deep.equal([0, stderr]);
    expect(stderr).to.contain("It would replace orders-db (aws:rds/instance:Instance).");
    expect((await migrations.settled(STACK)).steps[STEP]?.status).to.equal("done");
    await close();
  });
});
