import { expect } from "chai";
import { nearest } from "../../src/lib/nearest.js";

describe("the nearest name", () => {
  const names = ["web-api-production", "web-api-staging", "Orders"];
  for (const [word, found] of [
    ["web-api-prodution", "web-api-production"],
    ["WEB-API-staging", "web-api-staging"],
    ["order", "Orders"],
    ["payments", undefined],
    ["", undefined],
  ] as const)
    it(`of ${JSON.stringify(word)} is ${found ?? "none"}`, () => expect(nearest(word, names)).to.equal(found));
  it("of nothing is none", () => expect(nearest("a", [])).to.equal(undefined));
});
