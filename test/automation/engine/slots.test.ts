import { expect } from "chai";
import { memoryBudget, type SlotOptions, Slots } from "../../../src/automation/engine/slots.js";
import { UserError } from "../../../src/errors.js";

/** Operations that end when they are told to. */
class Work {
  readonly begun: string[] = [];
  private readonly ends = new Map<string, () => void>();

  constructor(readonly slots: Slots) {}

  begin(stack: string, name = stack): Promise<void> {
    return this.slots.run(stack, () => {
      this.begun.push(name);
      return new Promise((resolve) => this.ends.set(name, resolve));
    });
  }

  async end(name: string): Promise<void> {
    this.ends.get(name)?.();
    await soon();
  }
}

const soon = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

async function begun(options: SlotOptions, stacks: string[]): Promise<Work> {
  const work = new Work(new Slots(options));
  for (const stack of stacks) void work.begin(stack);
  await soon();
  return work;
}

describe("slots of the engine", () => {
  it("promise 8: operations of one stack run one after another, those of several side by side up to the bound", async () => {
    const work = new Work(new Slots({ parallel: 2 }));
    for (const [stack, name] of ["a1", "a2", "b1", "c1"].map((n) => [n.slice(0, 1), n] as const)) void work.begin(stack, name);
    await soon();
    expect(work.begun).to.deep.equal(["a1", "b1"]);
    await work.end("b1");
    expect(work.begun).to.deep.equal(["a1", "b1", "c1"]);
    await work.end("a1");
    expect(work.begun).to.deep.equal(["a1", "b1", "c1", "a2"]);
  });

  it("an operation that fails gives its place to the next", async () => {
    const slots = new Slots({ parallel: 1 });
    const failed = slots.run("a", () => Promise.reject(new Error("no"))).catch((e: Error) => e.message);
    expect(await Promise.all([failed, slots.run("b", async () => "b")])).to.deep.equal(["no", "b"]);
  });

  it("begins only as many operations as the memory budget holds, by what an engine is taken to need", async () => {
    const work = await begun({ parallel: 8, memoryMb: 650, measure: async () => [] }, ["a", "b", "c", "d", "e"]);
    expect(work.begun).to.deep.equal(["a", "b", "c"]);
    await work.end("a");
    expect(work.begun).to.deep.equal(["a", "b", "c", "d"]);
  });

  it("learns from the engines that ran: large ones leave room for fewer, small ones for more", async () => {
    for (const [size, expected] of [
      [500, ["a", "b"]],
      [50, ["a", "b", "c", "d", "e", "f"]],
    ] as const) {
      const work = await begun({ parallel: 8, memoryMb: 600, measure: async () => [size] }, ["a"]);
      // Long enough to be measured.
      await soon(400);
      await work.end("a");
      for (const stack of ["b", "c", "d", "e", "f"]) void work.begin(stack);
      await soon();
      expect(work.begun, `engines of ${size} MiB`).to.deep.equal(expected);
    }
  });

  it("a budget that not even one engine fits lets one run", async () => {
    const work = await begun({ parallel: 4, memoryMb: 1, measure: async () => [900] }, ["a", "b"]);
    expect(work.begun).to.deep.equal(["a"]);
    await work.end("a");
    expect(work.begun).to.deep.equal(["a", "b"]);
  });

  it("CUTOVER_ENGINE_MEMORY_MB is a whole number of MiB, or absent", () => {
    expect(memoryBudget("2048")).to.equal(2_048);
    expect(memoryBudget("")).to.equal(undefined);
    for (const wrong of ["0", "-1", "1.5", "2 GB", "lots"])
      expect(() => memoryBudget(wrong), wrong).to.throw(UserError, /CUTOVER_ENGINE_MEMORY_MB: got/);
  });
});
