import { expect } from "chai";
import type { Recorded } from "../../../src/automation/journal/entries.js";
import { inWords, sentence } from "../../../src/automation/journal/words.js";

const told = (entry: object): string => sentence(inWords(entry as Recorded));

describe("a journal entry in words", () => {
  it("says what happened, by whom and why", () => {
    expect(told({ type: "command", who: "alice", command: "advance", extent: "phase" })).to.equal("alice: advance (phase).");
    expect(told({ type: "command", who: "bob", command: "pause", why: "lunch" })).to.equal("bob: pause: lunch.");
    expect(told({ type: "rollback.started", revision: 3, automatic: true, why: "error rate 6 %", path: [] })).to.equal(
      "Going back to revision 3, automatically: error rate 6 %.",
    );
    expect(told({ type: "preview.stored", preview: { changes: [1] }, blocked: ["the database"] })).to.equal(
      "Previewed: 1 change: stopped, since it would lose the database.",
    );
  });

  it("marks what went wrong, and says whether it is tried again", () => {
    const failed = inWords({ type: "update.failed", revision: 4, error: "no pods", transient: true } as unknown as Recorded);
    expect(failed).to.deep.equal({
      kind: "update",
      what: "The update to revision 4 failed, trying again",
      detail: "no pods",
      bad: true,
    });
    expect(inWords({ type: "action.succeeded", undo: false, summary: "All well." } as unknown as Recorded).bad ?? false).to.equal(false);
    expect(told({ type: "action.succeeded", undo: false, summary: "All well." })).to.equal("Done: All well.");
  });

  it("names an entry that a later version wrote by its type", () => {
    expect(inWords({ type: "moon.risen" } as unknown as Recorded)).to.deep.equal({ kind: "routine", what: "Moon risen" });
  });
});
