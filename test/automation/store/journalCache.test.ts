import { expect } from "chai";
import { record } from "../../../src/automation/journal/chain.js";
import type { Recorded } from "../../../src/automation/journal/entries.js";
import { JournalCache } from "../../../src/automation/store/journalCache.js";

function journal(length: number): Recorded[] {
  const entries: Recorded[] = [];
  for (let i = 0; i < length; i += 1) entries.push(record({ type: "migration.held", reason: `${i}` }, entries.at(-1), i, 0));
  return entries;
}

describe("the journals that a store keeps in memory", () => {
  it("are those that were used last, as many as fit", () => {
    const cache = new JournalCache(100);
    for (const stack of ["a", "b"]) cache.keep(stack, journal(2), 40);
    expect(cache.entries("a")).to.have.length(2);
    cache.keep("c", journal(2), 40);
    expect(["a", "b", "c"].map((s) => cache.entries(s)?.length)).to.deep.equal([2, undefined, 2]);
  });

  it("keep number and hash of the last entry of every one", () => {
    const cache = new JournalCache(10);
    for (const stack of ["a", "b"]) cache.keep(stack, journal(3), 40);
    const { seq, hash } = journal(3).at(-1) as Recorded;
    expect(cache.head("a")?.seq).to.equal(seq);
    expect(cache.head("a")?.hash).to.have.length(hash.length);
    expect(cache.entries("a")).to.equal(undefined);
    // The one that was used last stays, however large.
    expect(cache.entries("b")).to.have.length(3);
  });

  it("grow with their journals, and make room for that", () => {
    const cache = new JournalCache(100);
    for (const stack of ["a", "b"]) cache.keep(stack, journal(1), 40);
    const [, next] = journal(2);
    cache.add("b", next as Recorded, 40);
    expect(cache.entries("b")).to.have.length(2);
    expect(cache.entries("a")).to.equal(undefined);
    cache.add("a", next as Recorded, 40);
    expect(cache.head("a")?.seq).to.equal(2);
    cache.forget("a");
    expect(cache.head("a")).to.equal(undefined);
  });
});
