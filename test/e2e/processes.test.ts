import type { ChildProcess } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { verifyChain } from "../../src/automation/journal/chain.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { type Finding, recordFinding } from "../support/findings.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { signalGroup } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import { as, post, sharedParts, startService, view } from "../support/serviceProcesses.js";
import { tempFolder } from "../support/tmp.js";

/** 40 in the nightly tier: about as many minutes of two cores as there are tens of them. */
const MIGRATIONS = Number(process.env.CUTOVER_MIGRATIONS ?? 6);
const MINUTES = 60_000;
/** Between two looks at a migration: the service allows one caller so many requests a minute. */
const LOOK_MS = Math.max(300, MIGRATIONS * 100);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("several service processes over one PostgreSQL", function () {
  this.timeout((10 + 2 * MIGRATIONS) * MINUTES);
  const postgres = postgresForSuite();

  it(`promises 6 and 8: two processes and a third that is killed again and again bring ${MIGRATIONS} migrations to their right end`, async function () {
    await requireEngine(this);
    const server = await postgres.primary("processes");
    const folder = tempFolder("processes");
    const names = Array.from({ length: MIGRATIONS }, (_, i) => `app-${String(i).padStart(2, "0")}`);
    const parts = await sharedParts(server, folder, names);
    const { stacks, sandbox, settings } = parts;
    const kills: Finding = { fault: "SIGKILL of one of three service processes", where: "at random moments", tried: 0, outcome: "" };
    let over = false;
    try {
      const [one, two] = await Promise.all([startService(settings("one")), startService(settings("two"))]);
      let third = await startService(settings("three"));
      const killing = (async () => {
        while (!over) {
          // Killed while it has something to lose, at any moment of that.
          while (!over && !(await runsSomething(server, third.child))) await pause(20);
          await pause(Math.random() * 2_500);
          signalGroup(third.child, "SIGKILL");
          kills.tried += 1;
          third = await startService(settings("three"));
        }
      })();
      const anyone = () => [one, two, third][Math.floor(Math.random() * 3)] ?? one;
      const advance = (stack: string) => post(anyone(), `/${stack}/advance`, { extent: "step" });
      const deadline = Date.now() + (6 + MIGRATIONS) * MINUTES;
      await inParallel(stacks, async (stack) => {
        expect(await post(one, "", { stack })).to.equal(201);
        for (;;) {
          const { status, heldReason } = await view(two, stack);
          if (status === "completed") break;
          expect(status, `${stack}: ${heldReason} ${one.errors()} ${two.errors()}`).to.be.oneOf(["ready", "running"]);
          expect(Date.now(), `${stack} takes too long`).to.be.below(deadline);
          // Refused while something runs, and lost with a process that dies: then it is asked for again.
          if (status === "ready") expect(await advance(stack)).to.be.oneOf([202, 409, 429, undefined]);
          await pause(LOOK_MS);
        }
        // What one process says, the other says too.
        expect((await view(one, stack)).status).to.equal("completed");
      });
      over = true;
      await killing;
      for (const stack of stacks) {
        const verified = (await (await fetch(`${one.url}/v1/migrations/${stack}/verify`, { headers: as(one.token) })).json()) as {
          intact: boolean;
          faults: string[];
        };
        expect(verified.faults, stack).to.deep.equal([]);
        expect(await sandbox.violations(stack)).to.deep.equal([]);
        const effects = await sandbox.effects(stack);
        expect(effects.filter((e) => e.kind === "kubernetes:Deployment:Create")).to.have.length(1);
        expect(new Set(effects.flatMap((e) => e.key ?? [])).size).to.equal(effects.filter((e) => e.key !== undefined).length);
      }
    } finally {
      over = true;
      await parts.close();
    }
    const store = await SqlStore.open(urlOf(server));
    try {
      let takenOver = 0;
      for (const stack of stacks) {
        const entries = await store.entries(stack);
        expect(verifyChain(entries)).to.deep.equal([]);
        const fences = entries.map((e) => e.fence).filter((f) => f > 0);
        expect(fences, `the tokens of ${stack} only grow`).to.deep.equal([...fences].sort((a, b) => a - b));
        if (entries.some((e) => e.type === "runner.recovered")) takenOver += 1;
      }
      kills.outcome = `all ${MIGRATIONS} migrations completed, each effect once, every journal intact; ${takenOver} of them were in the middle of an effect`;
      await recordFinding(kills);
    } finally {
      await store.close();
    }
    expect(kills.tried).to.be.at.least(1);
    expect(await readdir(join(folder, "engine", ".pulumi", "locks"), { recursive: true })).to.satisfy((left: string[]) =>
      left.every((f) => !f.endsWith(".json")),
    );
  });

  it("[people-25] a second process takes its share of what the first one has, between steps, and both work", async function () {
    await requireEngine(this);
    const server = await postgres.primary("shares");
    const folder = tempFolder("shares");
    const parts = await sharedParts(server, folder, ["east", "west", "north", "south"], { leaseSeconds: 3 });
    const { stacks, sandbox, settings } = parts;
    /** Which process had which fencing token of a stack. */
    const holders = new Map<string, string>();
    let most = 0;
    try {
      const [one, two] = await Promise.all([startService(settings("one")), startService(settings("two"))]);
      // Everything is asked of the first one, which takes all of it.
      for (const stack of stacks) {
        expect(await post(one, "", { stack })).to.equal(201);
        expect(await post(one, `/${stack}/advance`, { extent: "end" })).to.equal(202);
      }
      const nameOf = (holder: string): string => (holder.endsWith(`process ${two.child.pid}`) ? "two" : "one");
      for (const deadline = Date.now() + 8 * MINUTES; ; await pause(50)) {
        expect(Date.now(), `takes too long: ${one.errors()} ${two.errors()}`).to.be.below(deadline);
        const rows = await server.sql((s) =>
          s.rows<{ stack: string; fence: number; holder: string; released: boolean }>(
            "SELECT stack, fence, holder, released FROM cutover.lease",
          ),
        );
        for (const { stack, fence, holder } of rows) holders.set(`${stack} ${fence}`, nameOf(holder));
        most = Math.max(most, rows.filter((r) => !r.released && nameOf(r.holder) === "two").length);
        const views = await Promise.all(stacks.map((stack) => view(two, stack)));
        for (const { status, heldReason } of views) expect(status, heldReason).to.be.oneOf(["running", "completed"]);
        if (views.every((v) => v.status === "completed")) break;
        await pause(400);
      }
      for (const stack of stacks) {
        expect(await sandbox.violations(stack)).to.deep.equal([]);
        const keys = (await sandbox.effects(stack)).flatMap((e) => e.key ?? []);
        expect(new Set(keys).size, "each effect once").to.equal(keys.length);
      }
    } finally {
      await parts.close();
    }
    expect(most, "leases of the second process at once").to.be.within(1, 2);
    const store = await SqlStore.open(urlOf(server));
    const steps = { one: 0, two: 0 };
    try {
      for (const stack of stacks)
        for (const entry of await store.entries(stack)) {
          // What was handed over had nothing under way.
          expect(entry.type).to.not.equal("runner.recovered");
          if (entry.type === "step.completed") steps[holders.get(`${stack} ${entry.fence}`) === "two" ? "two" : "one"] += 1;
        }
    } finally {
      await store.close();
    }
    expect(steps.two, `steps of the two processes: ${JSON.stringify(steps)}`).to.be.at.least(2);
  });
});

const inParallel = async (stacks: string[], run: (stack: string) => Promise<void>): Promise<void> =>
  void (await Promise.all(stacks.map(run)));

/** Whether a process holds a lease now. */
const runsSomething = ({ sql }: Postgres, { pid }: ChildProcess): Promise<boolean> =>
  sql(async (s) => {
    const held = "SELECT count(*)::int FROM cutover.lease WHERE NOT released AND holder LIKE '%process ' || $1";
    return (await s.value<number>(held, [String(pid)])) > 0;
  });
