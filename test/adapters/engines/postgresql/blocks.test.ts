import { expect } from "chai";
import fc from "fast-check";
import { compareBlocks, type StoredTable } from "../../../../src/adapters/engines/postgresql/blockCompare.js";
import { Blocks } from "../../../../src/adapters/engines/postgresql/blocks.js";
import type { Session } from "../../../../src/adapters/engines/postgresql/session.js";

const tableOf = (file: number, blocks: number): StoredTable => ({
  schema: "public",
  name: `t${file}`,
  columns: [{ name: "id", type: "integer" }],
  key: [],
  file,
  columnsOf: "id integer",
  blocks,
});

describe("blocks of tables that are to be compared", () => {
  it("are kept as they were added, taken away and written down", () => {
    const step = fc.record({
      file: fc.integer({ min: 1, max: 3 }),
      block: fc.integer({ min: 0, max: 40_000 }),
      what: fc.constantFrom("add", "remove", "from"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let blocks = new Blocks();
        const single = new Map<number, Set<number>>();
        const tails = new Map<number, number>();
        for (const { file, block, what } of steps) {
          const of = single.get(file) ?? new Set();
          single.set(file, of);
          if (what === "from") {
            blocks.addFrom(file, block);
            tails.set(file, Math.min(block, tails.get(file) ?? block));
          } else if (what === "add") {
            blocks.add(file, block);
            of.add(block);
          } else {
            blocks.remove(file, block);
            of.delete(block);
          }
          const copy = new Blocks();
          copy.addAll(Blocks.from(JSON.parse(JSON.stringify(blocks))));
          blocks = copy;
        }
        for (const [file, of] of single) {
          const tail = tails.get(file) ?? Number.POSITIVE_INFINITY;
          expect([...blocks.of(file)]).to.deep.equal([...of].filter((b) => b < tail).sort((a, b) => a - b));
          expect(blocks.tailOf(file)).to.equal(tails.get(file));
          for (const { block } of steps) expect(blocks.has(file, block)).to.equal(of.has(block) || block >= tail);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("[postgresql-21] are read in halves where a statement takes too long, each once, and a table that cannot be read keeps no other from it", async () => {
    const read: [string, number, number | undefined][] = [];
    // A server that ends what reads more than 16 blocks, and has a lock on one table.
    const server: Session = {
      rows: async (sql) => {
        const parts = sql.split(" UNION ALL ");
        const found = parts.map((part, at) => {
          const table = /"public"\."(t\d)"/.exec(part)?.[1] ?? "";
          const from = Number(/ctid >= '\((\d+)/.exec(part)?.[1] ?? 0);
          const to = /ctid < '\((\d+)/.exec(part)?.[1];
          if (table === "t2") throw Object.assign(new Error("canceling statement due to lock timeout"), { code: "55P03" });
          if ((to === undefined ? (table === "t1" ? 100 : 5) : Number(to)) - from > 16)
            throw Object.assign(new Error("statement timeout"), { code: "57014" });
          read.push([table, from, to === undefined ? undefined : Number(to)]);
          return { at, rows: "1", hash: "1" };
        });
        return found as never[];
      },
      value: async () => undefined as never,
    };
    const tables = [tableOf(1, 100), tableOf(2, 10), tableOf(3, 5)];
    const todo = new Blocks();
    for (const { file } of tables) todo.addFrom(file, 0);
    const skipped: string[] = [];
    for await (const lot of compareBlocks({ source: server, replica: server }, tables, todo))
      if ("skipped" in lot) skipped.push(lot.skipped.name);
    expect(skipped).to.deep.equal(["t2"]);
    expect(read.some(([table]) => table === "t3")).to.equal(true);
    const ranges = read.filter(([table], i) => table === "t1" && read.findIndex((r) => String(r) === String(read[i])) === i);
    let at = 0;
    for (const [, from, to] of ranges) {
      expect(from).to.equal(at);
      at = to ?? 100;
    }
    expect(ranges.at(-1)?.[2]).to.equal(undefined);
  });
});
