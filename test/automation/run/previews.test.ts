import { expect } from "chai";
import { decide } from "../../../src/automation/decide/decide.js";
import { stateAfter } from "../history.js";
import { modelPlan, RAW } from "../model.js";

const STEP = "containerize.deploy";

describe("a preview that fails", () => {
  const plan = modelPlan();
  const before = plan[plan.findIndex((s) => s.id === STEP) - 1]?.id ?? "";
  const failing = (transient: boolean, times: number) =>
    decide(
      plan,
      stateAfter(
        RAW,
        before,
        { type: "step.started", step: STEP, attempt: 1 },
        ...Array.from({ length: times }, () => ({ type: "preview.failed" as const, step: STEP, error: "no such file", transient })),
      ),
    );

  it("for a passing reason is asked for again after a pause, a few times", () => {
    for (const times of [1, 2, 3]) expect(failing(true, times), String(times)).to.deep.include({ do: "wait" });
    expect(failing(true, 4).do).to.equal("record");
  });

  it("for good is not asked for again: the step goes back, and a person decides", () => {
    const decision = failing(false, 1);
    const [entry] = decision.do === "record" ? decision.entries : [];
    expect(entry).to.deep.include({ type: "rollback.started", why: `${STEP}: no such file`, path: [] });
  });
});
