import { expect } from "chai";
import { lineOf, record, verifyChain } from "../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../src/automation/journal/entries.js";
import { Moved, type Store } from "../../src/automation/store/store.js";
import { Conflict, PromiseViolation } from "../../src/errors.js";

const entry = (reason: string): Entry => ({ type: "migration.held", reason });
const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (e) => e,
  );

export type Tamper = (stack: string, change: (lines: string[]) => string[]) => Promise<void>;

/**
 * What every store keeps.
 * @param open the same journals each time, as after a restart
 * @param tamper puts other lines in the place of a journal's, past every store
 */
export function storeContract(name: string, open: () => Promise<Store>, tamper: Tamper): void {
  describe(`the contract of the store: ${name}`, function () {
    this.timeout(60_000);
    let count = 0;
    const stackName = () => {
      count += 1;
      return `stack-${count}`;
    };

    it("answers only what is new after a number, and how long every journal is", async () => {
      const stack = stackName();
      const store = await open();
      for (const reason of ["one", "two", "three"]) await store.append(stack, entry(reason), 7);
      const newer = async (reader: Store): Promise<void> => {
        expect((await reader.entries(stack, 1)).map((e) => e.seq)).to.deep.equal([2, 3]);
        expect(await reader.entries(stack, 3)).to.deep.equal([]);
        expect((await reader.lengths()).get(stack)).to.equal(3);
      };
      await newer(store);
      const again = await open();
      await newer(again);
      await again.append(stack, entry("four"), 8);
      expect((await again.entries(stack, 3)).map((e) => e.seq)).to.deep.equal([4]);
      expect((await again.entries(stack)).map((e) => e.seq)).to.deep.equal([1, 2, 3, 4]);
    });

    it("keeps the chain while many read what does not stay in memory", async () => {
      const stack = stackName();
      const store = await open();
      // Longer than what a store keeps as objects.
      const text = "x".repeat(3_000_000);
      const others = await Promise.all(
        [1, 2, 3, 4].map(async () => {
          const other = stackName();
          await store.append(other, entry(text), 7);
          return other;
        }),
      );
      await store.append(stack, entry("first"), 7);
      const reading = Array.from({ length: 12 }, (_, i) => store.entries(others[i % 4] as string));
      for (let i = 0; i < 20; i += 1) {
        await store.append(stack, entry(`entry ${i}`), 8);
        expect(await store.entries(stack, i + 1)).to.have.length(1);
      }
      expect((await Promise.all(reading)).every(([e]) => e?.type === "migration.held" && e.reason === text)).to.equal(true);
      for (const reader of [store, await open()]) {
        const entries = await reader.entries(stack);
        expect(entries).to.have.length(21);
        expect(verifyChain(entries)).to.deep.equal([]);
      }
    });

    it("keeps entries, chained and in order, over a restart", async () => {
      const stack = stackName();
      const store = await open();
      expect(await store.entries(stack)).to.deep.equal([]);
      for (const reason of ["one", "two"]) await store.append(stack, entry(reason), 7);
      const again = await open();
      await again.append(stack, entry("three"), 8);
      const entries = await again.entries(stack);
      expect(entries.map((e) => [e.seq, e.type === "migration.held" ? e.reason : ""])).to.deep.equal([
        [1, "one"],
        [2, "two"],
        [3, "three"],
      ]);
      expect(verifyChain(entries)).to.deep.equal([]);
      expect(await again.stacks()).to.include(stack);
    });

    it("promise 8: gives a lease to one, and names it to the other", async () => {
      const stack = stackName();
      const store = await open();
      const first = await store.lease(stack, "one");
      expect(await failure(store.lease(stack, "two")))
        .to.be.instanceOf(Conflict)
        .with.property("holder", "one");
      await store.requireHeld(first);
      expect([...(await store.held([stack, stackName()]))]).to.deep.equal([stack]);
      await store.release(first);
      expect([...(await store.held([stack]))]).to.deep.equal([]);
      expect((await store.lease(stack, "two")).fence).to.equal(first.fence + 1);
    });

    it("promise 6: fences off who held the lease before, in the journal and before effects", async () => {
      const stack = stackName();
      const store = await open();
      const first = await store.lease(stack, "one");
      await store.append(stack, entry("first"), 1, first);
      await store.release(first);
      const second = await store.lease(stack, "two");
      expect(await failure(store.append(stack, entry("late"), 1, first))).to.be.instanceOf(Conflict);
      expect(await failure(store.requireHeld(first))).to.be.instanceOf(Conflict);
      await store.release(first);
      await store.append(stack, entry("mine"), 1, second);
      expect((await store.entries(stack)).map((e) => e.fence)).to.deep.equal([first.fence, second.fence]);
    });

    it("writes a command only on the journal that it was checked against", async () => {
      const stack = stackName();
      const store = await open();
      await store.append(stack, entry("one"), 1, { after: 0 });
      expect(await failure(store.append(stack, entry("two"), 1, { after: 0 }))).to.be.instanceOf(Moved);
      await store.append(stack, entry("two"), 1, { after: 1 });
      expect(await store.entries(stack)).to.have.length(2);
    });

    it("keeps an unbroken chain whoever appends at the same time", async () => {
      const stack = stackName();
      const store = await open();
      await Promise.all(Array.from({ length: 40 }, (_, i) => store.append(stack, entry(String(i)), i)));
      const entries = await store.entries(stack);
      expect(entries).to.have.length(40);
      expect(verifyChain(entries)).to.deep.equal([]);
    });

    it("takes over a whole journal once, and only an intact one", async () => {
      const [from, to] = [stackName(), stackName()];
      const store = await open();
      for (const reason of ["one", "two", "three"]) await store.append(from, entry(reason), 1);
      const entries = await store.entries(from);
      const [one, two, three] = entries as [(typeof entries)[0], (typeof entries)[0], (typeof entries)[0]];
      expect(await failure(store.adopt(to, [one, { ...two, at: 99 }, three]))).to.be.instanceOf(PromiseViolation);
      expect(await failure(store.adopt(to, [one, three]))).to.be.instanceOf(PromiseViolation);
      await store.adopt(to, entries);
      expect(await store.entries(to)).to.deep.equal(entries);
      expect(await failure(store.adopt(to, entries))).to.be.instanceOf(Conflict);
      await store.append(to, entry("four"), 2);
      expect(verifyChain(await store.entries(to))).to.deep.equal([]);
    });

    it("promise 9: verifies what lies there now, not what it remembers: also while it runs", async () => {
      const chain = (count: number) => {
        const all: Recorded[] = [];
        for (let i = 1; i <= count; i += 1) all.push(record(entry(`reason ${i}\u2028`), all.at(-1), 1, 0));
        return all;
      };
      const store = await open();
      const faultsAfter = async (change: (lines: string[]) => string[], count = 5) => {
        const stack = stackName();
        await store.adopt(stack, chain(count));
        await store.entries(stack);
        expect(await store.verify(stack)).to.deep.equal([]);
        await tamper(stack, change);
        return (await store.verify(stack)).map((f) => `${f.seq} ${f.what}`);
      };
      const missing = "5 is missing, or another one than this service has written or read";
      // Longer than what is verified at a time.
      expect(await faultsAfter((lines) => lines.map((l) => l.replace("reason 202", "REASON 202")), 210)).to.deep.equal([
        "202 was changed after it was written",
      ]);
      expect(await faultsAfter((lines) => lines.slice(0, -1))).to.deep.equal([missing]);
      expect(await faultsAfter(() => [])).to.deep.equal([missing]);
      expect(await faultsAfter((lines) => lines.with(2, "no JSON"))).to.deep.equal([
        "3 is no entry any more",
        "4 does not follow the entry before it",
      ]);
      // Hashed again, the chain itself is unbroken.
      const forged = chain(4);
      forged.push(record(entry("another reason"), forged.at(-1), 1, 0));
      expect(await faultsAfter(() => forged.map(lineOf))).to.deep.equal([missing]);
    });

    it("promise 9: goes on from no journal that was cut off while it runs", async () => {
      const stack = stackName();
      const store = await open();
      for (const reason of ["one", "two"]) await store.append(stack, entry(reason), 1);
      await store.entries(stack);
      // Now it has to be read again.
      const other = stackName();
      await store.append(other, entry("x".repeat(9_000_000)), 1);
      await store.entries(other);
      await tamper(stack, (lines) => lines.slice(0, 1));
      expect(await failure(store.entries(stack))).to.be.instanceOf(PromiseViolation);
    });

    it("gives files of evidence back by their names only", async () => {
      const stack = stackName();
      const store = await open();
      await store.keepFile(stack, "risks.md", "text");
      await store.keepFile(stack, "a.log", "with a NUL \0 in it");
      await store.keepFile(stack, "risks.md", "newer text");
      expect(await store.file(stack, "risks.md")).to.equal("newer text");
      expect(await store.file(stack, "a.log")).to.match(/^with a NUL . in it$/);
      expect(await store.file(stack, "../journal.ndjson")).to.equal(undefined);
      expect(await store.files(stack)).to.deep.equal(["a.log", "risks.md"]);
      expect(await store.files(stackName())).to.deep.equal([]);
    });
  });
}
