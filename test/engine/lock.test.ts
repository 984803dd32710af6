import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { tempFolder } from "../support/tmp.js";
import { lockScript } from "./scripts.js";

const lockPath = () => join(tempFolder("lock"), "engine.lock");

function hold(lock: string, owner: { pid: number; host: string }, ageSeconds = 0): void {
  mkdirSync(lock);
  writeFileSync(join(lock, "owner.json"), JSON.stringify({ ...owner, token: "other" }));
  const when = new Date(Date.now() - ageSeconds * 1000);
  utimesSync(join(lock, "owner.json"), when, when);
}

/** A process id that was in use and is not any more. */
const deadPid = () => spawnSync("true").pid;

describe("the set-up's lock", () => {
  it("is gone after it was released, with everything it was made of", async () => {
    const lock = lockPath();
    const release = await lockScript.takeLock(lock);
    expect(existsSync(lock)).to.equal(true);
    await release();
    expect(readdirSync(dirname(lock))).to.deep.equal([]);
  });

  it("is taken over from a process that is dead", async () => {
    const lock = lockPath();
    hold(lock, { pid: deadPid(), host: hostname() });
    const waits: number[] = [];
    const release = await lockScript.takeLock(lock, { onWait: (owner) => waits.push(owner.pid) });
    expect(waits).to.deep.equal([]);
    await release();
  });

  it("is taken over from another machine that has not touched it for a minute, and not before", async () => {
    const lock = lockPath();
    hold(lock, { pid: 1, host: "elsewhere" }, 50);
    const waits: number[] = [];
    const taken = lockScript.takeLock(lock, { waitMs: 10, onWait: (owner) => waits.push(owner.pid) });
    while (waits.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const old = new Date(Date.now() - 70_000);
    utimesSync(join(lock, "owner.json"), old, old);
    await (await taken)();
  });

  it("is waited for while its owner lives, who is named once", async () => {
    const lock = lockPath();
    const releaseFirst = await lockScript.takeLock(lock);
    const waits: number[] = [];
    let second = false;
    const taken = lockScript.takeLock(lock, { waitMs: 5, onWait: (owner) => waits.push(owner.pid) }).then((release) => {
      second = true;
      return release;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(second).to.equal(false);
    expect(waits).to.deep.equal([process.pid]);
    await releaseFirst();
    await (await taken)();
    expect(existsSync(lock)).to.equal(false);
  });

  it("is never held by two at once", async () => {
    const lock = lockPath();
    hold(lock, { pid: deadPid(), host: hostname() });
    let holders = 0;
    let most = 0;
    const work = async () => {
      const release = await lockScript.takeLock(lock, { waitMs: 1 });
      holders += 1;
      most = Math.max(most, holders);
      await new Promise((resolve) => setTimeout(resolve, 5));
      holders -= 1;
      await release();
    };
    await Promise.all(Array.from({ length: 12 }, work));
    expect(most).to.equal(1);
  });

  it("left by another owner meanwhile is not released by the first", async () => {
    const lock = lockPath();
    const release = await lockScript.takeLock(lock);
    writeFileSync(join(lock, "owner.json"), JSON.stringify({ pid: process.pid, host: hostname(), token: "other" }));
    await release();
    expect(existsSync(lock)).to.equal(true);
  });
});
