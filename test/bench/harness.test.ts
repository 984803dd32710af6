import { spawn } from "node:child_process";
import { expect } from "chai";
import { journalOf } from "../../bench/harness/journals.js";
import { exponentOf, inTurns, quantile, ratioOf, sampleOf, slopesOf } from "../../bench/harness/measure.js";
import { memoryOf } from "../../bench/harness/memory.js";
import { compared, growthOf, tableOf } from "../../bench/harness/report.js";
import { sealedConfig, stackConfig } from "../../bench/harness/stacks.js";
import { verifyChain } from "../../src/automation/journal/chain.js";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { fold } from "../../src/automation/state/evolve.js";
import { readConfig } from "../../src/config/stackFile.js";

describe("the benchmarks' harness", () => {
  it("takes medians, quartiles and ratios by pairs", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).to.equal(2.5);
    expect(sampleOf([1, 2, 3, 4, 100])).to.include({ median: 3, low: 2, high: 4 });
    expect(ratioOf(sampleOf([2, 30]), sampleOf([1, 10])).values).to.deep.equal([2, 3]);
  });

  it("names how a figure grows: 0 is flat, 1 is linear", () => {
    const small = { size: 10, value: 3 };
    expect(exponentOf(small, { size: 100, value: 3 })).to.be.closeTo(0, 1e-9);
    expect(exponentOf(small, { size: 100, value: 30 })).to.be.closeTo(1, 1e-9);
    // One outlier of seven moves little.
    expect(slopesOf([1, 2, 3, 4, 5, 6, 7].map((x) => ({ x, y: x === 3 ? 900 : 5 * x + 2 }))).median).to.equal(5);
    expect(slopesOf([1, 2, 3].map((x) => ({ x, y: 5 * x + 2 }))).median).to.be.closeTo(5, 1e-9);
  });

  it("measures in turns, each way first in every other round", async () => {
    const order: string[] = [];
    const way = (name: string) => async (round: number) => order.push(`${name}${round}`);
    await inTurns(2, way("ours"), way("theirs"));
    expect(order).to.deep.equal(["ours0", "theirs0", "theirs1", "ours1"]);
  });

  it("says of each bar whether it is met", () => {
    const pair = (ours: number) => ({ ours: sampleOf([ours]), theirs: sampleOf([10]) });
    const bar = { most: 1.3, limit: "two starts of the CLI" };
    const figures = [
      compared("fast", "s", pair(12), "raw", { bar, size: { of: "rows", value: 1 } }),
      compared("slow", "s", pair(14), "raw", { bar, size: { of: "rows", value: 10 } }),
    ];
    expect(figures.map((f) => f.met)).to.deep.equal([true, false]);
    const text = tableOf({ example: { figures, growths: growthOf("it", figures), notes: ["a note"] } });
    expect(text)
      .to.contain("≤ 1.3 met")
      .and.to.contain("≤ 1.3 NOT MET; its limit: two starts of the CLI")
      .and.to.contain("- example: a note");
    expect(text).to.contain("rows, 1 → 10 | 0.07");
  });

  it("counts the memory of a process and all that it started", async () => {
    const child = spawn("sh", ["-c", "sleep 60 & wait"], { stdio: "ignore", detached: true });
    try {
      // It is a copy of the shell at first.
      while (!("sleep" in (await memoryOf([child.pid as number])).by)) await new Promise((resolve) => setTimeout(resolve, 20));
      const { total, by } = await memoryOf([child.pid as number]);
      expect(Object.keys(by).sort()).to.deep.equal(["sh", "sleep"]);
      expect(total).to.be.greaterThan(0);
    } finally {
      process.kill(-(child.pid as number), "SIGKILL");
    }
  });

  it("makes journals of any length that a service accepts", () => {
    const config = sealedConfig(stackConfig("app-1", "production"));
    const entries = journalOf("app-1-production", config, 200);
    expect(entries).to.have.length(202);
    expect(verifyChain(entries)).to.deep.equal([]);
    expect(fold(entries, buildPlan(readConfig(config, "it", "app-1-production")))).to.include({ lastSeq: 202, status: "held" });
  });
});
