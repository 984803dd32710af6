import { expect } from "chai";
import { counted } from "../../src/lib/plural.js";

describe("a count with its noun", () => {
  it("[people-20] is singular for one alone", () => {
    expect([0, 1, 2].map((n) => counted(n, "rollback"))).to.deep.equal(["0 rollbacks", "1 rollback", "2 rollbacks"]);
    expect([1, 3].map((n) => counted(n, "entry", "entries"))).to.deep.equal(["1 entry", "3 entries"]);
  });
});
