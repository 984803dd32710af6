import { expect } from "chai";
import { readConfig } from "../../src/config/stackFile.js";
import { type Budget, reasonsAgainst, type Seen } from "../../src/rehearsal/judge.js";
import type { RehearsedRollback } from "../../src/rehearsal/outcome.js";
import { cannotStrike, faultText, parseFault } from "../../src/sandbox/faults.js";
import { RAW, STACK } from "../automation/model.js";

const MINUTE = 60_000;
const good: Seen = { stack: STACK, status: "completed", faults: [], rollbacks: [], violations: [], journal: [] };
const back: RehearsedRollback = {
  at: 0,
  why: "traffic.dns-25: error-rate 12 %",
  automatic: true,
  revision: 17,
  usersBackMs: 2 * MINUTE,
  doneMs: MINUTE,
  usersOnNew: 0.25,
  loses: [],
};
const budget: Budget = { usersBackMinutes: 15, mayLoseData: false };
const judged = (more: Partial<Seen>, bear = budget): string[] => reasonsAgainst({ ...good, ...more }, bear);

describe("the verdict of a rehearsal", () => {
  it("is a go when all is completed, and when an automatic rollback brought users back in time", () => {
    expect(judged({})).to.deep.equal([]);
    expect(judged({ rollbacks: [back], faults: [{ fault: "errors@25%", came: true }] })).to.deep.equal([]);
  });

  it("is a no-go when the migration did not get through, and says where it stood", () => {
    expect(judged({ status: "held" })).to.deep.equal([`${STACK} ended held, not completed.`]);
    expect(judged({ status: "held", failure: "it does not get past traffic.dns-25" })).to.deep.equal([
      "it does not get past traffic.dns-25",
    ]);
  });

  it("[observing-7] is a no-go when nothing can answer a gate on the real targets", () => {
    expect(judged({ unanswered: ["traffic-share: old side: name a source"] })).to.deep.equal([
      "Nothing can answer a gate on the real targets: traffic-share: old side: name a source.",
    ]);
  });

  it("is a no-go when a promise was broken, or the journal is not whole", () => {
    expect(judged({ violations: ["promise 3: both databases accept writes"] })[0]).to.contain("promise 3");
    expect(judged({ journal: ["entry 7 was changed"] })[0]).to.contain("entry 7 was changed");
  });

  it("[people-3] is a no-go when writes were stopped for longer than their budget, or than the team bears", () => {
    const pause = { totalMs: 7 * MINUTE, untilPromotionMs: 43_000, budgetMs: MINUTE };
    expect(judged({ writePause: pause })).to.deep.equal([]);
    expect(judged({ writePause: { ...pause, untilPromotionMs: 61_000 } })[0]).to.contain(
      "Writes were stopped for 1 min 1 s until the promotion began; accepted: 1 min (database.writePauseSeconds).",
    );
    expect(judged({ writePause: { ...pause, totalMs: 16 * MINUTE } })[0]).to.contain("Users could not write for 16 min");
    expect(judged({ writePause: pause }, { ...budget, writePauseMinutes: 5 })[0]).to.contain("accepted: 5 min (--write-pause)");
  });

  it("is a no-go when a fault never came about: nothing was shown of it", () => {
    expect(judged({ faults: [{ fault: "crash@rds:Nothing", came: false }] })[0]).to.contain("crash@rds:Nothing never came about");
  });

  it("is a no-go when users were back too late or never, or data was lost, within what the team bears", () => {
    const late = { ...back, usersBackMs: 16 * MINUTE };
    expect(judged({ rollbacks: [late] })[0]).to.contain("took 16 min until users were back; accepted: 15 min");
    expect(judged({ rollbacks: [late] }, { ...budget, usersBackMinutes: 20 })).to.deep.equal([]);
    const { usersBackMs: _, doneMs: __, ...stuck } = back;
    expect(judged({ rollbacks: [stuck] })).to.have.length(2);
    const lost = { ...back, loses: ["what was written after this step"] };
    expect(judged({ rollbacks: [lost] })[0]).to.contain("lost data: what was written after this step");
    expect(judged({ rollbacks: [lost] }, { ...budget, mayLoseData: true })).to.deep.equal([]);
  });
});

describe("faults", () => {
  it("read back as a person writes them", () => {
    for (const text of [
      "errors@25%",
      "unhealthy-target@green-10%",
      "throttled-dns@50%*",
      "lag-spike@promotion",
      "crash@rds:PromoteReadReplica",
    ])
      expect(faultText(parseFault(text))).to.equal(text);
  });

  it("that can never strike a stack are told before it begins", () => {
    const config = readConfig(RAW, "test", STACK);
    const { dns: _, database: __, ...bare } = config;
    expect(cannotStrike(parseFault("errors@25%"), config)).to.equal(undefined);
    expect(cannotStrike(parseFault("errors@25%"), bare as typeof config)).to.contain("no DNS weight");
    expect(cannotStrike(parseFault("errors@canary-20%"), config)).to.contain("there is no canary");
    expect(cannotStrike(parseFault("lag-spike@promotion"), bare as typeof config)).to.equal("it moves no database");
  });
});
