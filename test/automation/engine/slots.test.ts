import { expect } from "chai";
import { type Lane, memoryBudget, type SlotOptions, Slots } from "../../../src/automation/engine/slots.js";
import { Transient, UserError } from "../../../src/errors.js";

/** Operations that end when they are told to. */
class Work {
  readonly begun: string[] = [];
  private readonly ends = new Map<string, () => void>();

  constructor(readonly slots: Slots) {}

  begin(stack: string, name = stack, lane: Lane = "forward"): Promise<void> {
    const run = () => {
      this.begun.push(name);
      return new Promise<void>((resolve) => this.ends.set(name, resolve));
    };
    return this.slots.run(stack, run, lane);
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

  it("[providers-25] begins only as many operations as the memory budget holds, by what an engine with a real provider is taken to need", async () => {
    const work = await begun({ parallel: 8, memoryMb: 950, measure: async () => [] }, ["a", "b", "c", "d", "e"]);
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

  it("[safety-3] what leads back waits for no update of another stack, no preview, and no memory budget", async () => {
    const work = new Work(new Slots({ parallel: 2, memoryMb: 1, measure: async () => [900] }));
    for (const stack of ["a", "b", "c", "d"]) void work.begin(stack);
    const looks = Array.from({ length: 17 }, (_, i) => work.begin("a", `look ${i}`, "view"));
    void work.begin("e", "back e", "back");
    void work.begin("f", "back f", "back");
    void work.begin("g", "back g", "back");
    await soon();
    expect([...work.begun].sort()).to.deep.equal(["a", "back e", "back f", "look 0"]);
    // Further looks wait, one at a time; what leads back is served before all of them, and before what goes forward.
    await work.end("back e");
    await work.end("look 0");
    expect(work.begun.slice(4)).to.deep.equal(["back g", "look 1"]);
    await work.end("look 1");
    void work.begin("a", "look 17", "view");
    void work.begin("a", "look 18", "view");
    const refused = await work.begin("a", "one too many", "view").catch((e: Error) => e);
    expect(refused).to.be.instanceOf(Transient).with.property("message").that.contains("previews wait already");
    expect(looks).to.have.length(17);
  });

  it("[safety-3] a look at a stack is in no order with its updates", async () => {
    const work = new Work(new Slots({ parallel: 2 }));
    void work.begin("a", "look", "view");
    void work.begin("a", "update");
    void work.begin("a", "back", "back");
    await soon();
    expect(work.begun).to.deep.equal(["look", "update"]);
    await work.end("update");
    expect(work.begun).to.deep.equal(["look", "update", "back"]);
  });

  it("CUTOVER_ENGINE_MEMORY_MB is a whole number of MiB, or absent", () => {
    expect(memoryBudget("2048")).to.equal(2_048);
    expect(memoryBudget("")).to.equal(undefined);
    for (const wrong of ["0", "-1", "1.5", "2 GB", "lots"])
      expect(() => memoryBudget(wrong), wrong).to.throw(UserError, /CUTOVER_ENGINE_MEMORY_MB: got/);
  });
});
