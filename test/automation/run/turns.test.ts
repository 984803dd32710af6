import { expect } from "chai";
import { Turns } from "../../../src/automation/run/turns.js";

/** The next round of the event loop. */
const round = () => new Promise((resolve) => setImmediate(resolve));

describe("who has the service's thread", () => {
  /** Notes who began, in order. */
  function looking(turns: Turns, names: string[]): { began: string[]; all: Promise<unknown> } {
    const began: string[] = [];
    return { began, all: Promise.all(names.map((name) => turns.turn().then(() => began.push(name)))) };
  }

  it("those who look begin in their order, one in each round of the event loop", async () => {
    const { began, all } = looking(new Turns(), ["a", "b", "c"]);
    const seen: number[] = [];
    while (began.length < 3) {
      await round();
      seen.push(began.length);
    }
    await all;
    expect(began).to.deep.equal(["a", "b", "c"]);
    const steps = seen.map((n, i) => n - (seen[i - 1] ?? 0));
    expect(Math.max(...steps), "begun in one round").to.equal(1);
  });

  it("[people-24] pieces of what is long go beside those who look, one in each round, in their order", async () => {
    const turns = new Turns();
    const order: string[] = [];
    const pieces = ["p1", "p2", "p3"].map((name) => turns.piece().then(() => order.push(name)));
    const { began, all } = looking(turns, ["a"]);
    while (began.length < 1) await round();
    expect(order.length, "who looks is behind no piece but the first").to.be.at.most(1);
    await Promise.all([...pieces, all]);
    expect(order).to.deep.equal(["p1", "p2", "p3"]);
  });

  it("nobody begins to look while users are sent back, and all do after it", async () => {
    const turns = new Turns(60_000);
    const { began, all } = looking(turns, ["a", "b"]);
    let isClear = false;
    await turns.first(async () => {
      void turns.clear().then(() => {
        isClear = true;
      });
      for (let i = 0; i < 20; i += 1) await round();
      expect(began).to.deep.equal([]);
      expect(isClear, "who waits for them").to.equal(false);
    });
    await all;
    await round();
    expect([began, isClear]).to.deep.equal([["a", "b"], true]);
  });

  it("a way back that fails is in nobody's way any more", async () => {
    const turns = new Turns(60_000);
    const { all } = looking(turns, ["a"]);
    const failed = await turns.first(() => Promise.reject(new Error("refused"))).catch((e: Error) => e.message);
    expect(failed).to.equal("refused");
    await all;
  });

  it("one way back that ends does not end another's", async () => {
    const turns = new Turns(60_000);
    const { began, all } = looking(turns, ["a"]);
    let end = (): void => undefined;
    const longer = turns.first(() => new Promise<void>((resolve) => (end = resolve)));
    await turns.first(round);
    for (let i = 0; i < 20; i += 1) await round();
    expect(began).to.deep.equal([]);
    end();
    await Promise.all([longer, all]);
  });

  it("whoever looks waits for ways back only so long", async () => {
    const turns = new Turns(30);
    let end = (): void => undefined;
    const back = turns.first(() => new Promise<void>((resolve) => (end = resolve)));
    const { began, all } = looking(turns, ["a", "b"]);
    await Promise.all([all, turns.clear()]);
    expect(began).to.deep.equal(["a", "b"]);
    end();
    await back;
  });
});
