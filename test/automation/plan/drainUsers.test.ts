import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { ActionContext, ActionStep } from "../../../src/automation/plan/step.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { known } from "../../../src/ports/observations.js";
import type { Evidence, Target } from "../../../src/ports/target.js";
import { afterThisTest } from "../../support/cleanup.js";
import { signalGroup, spawnForTest } from "../../support/processes.js";
import { type WeighingProxy, weighingProxy } from "../../support/weighingProxy.js";
import { modelProject, RAW, STACK } from "../model.js";

/** The target's clock runs so much faster: ten minutes in twelve seconds. Connections and processes are real. */
const FASTER = 50;
/** How long what is open when the weights move goes on, in milliseconds. */
const LONG = 1_200;

async function application(name: string): Promise<{ process: ChildProcess; port: number }> {
  const process = spawnForTest(globalThis.process.execPath, [fileURLToPath(new URL("../../support/longApp.mjs", import.meta.url)), name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(process.stdout as NodeJS.EventEmitter, "data")) as [Buffer];
  return { process, port: Number(`${line}`) };
}

/** What users do that takes long. Each says how it ended: `whole`, or how it was cut. */
const USERS = {
  /** Lines to and fro on an upgraded connection, until it says bye. */
  "a WebSocket": (port: number, ms: number) =>
    new Promise<string>((resolve) => {
      const call = request({ host: "127.0.0.1", port, path: "/live", headers: { connection: "Upgrade", upgrade: "lines" } });
      call.on("error", (error) => resolve(error.message));
      call.on("response", ({ statusCode }) => resolve(`answered ${statusCode}`));
      call.on("upgrade", async (_, socket: Socket) => {
        let heard = "";
        socket.on("data", (data) => {
          heard += data;
        });
        socket.on("error", () => undefined);
        socket.once("close", () => resolve(heard.endsWith("bye from old\n") ? "whole" : `cut after ${heard.length} bytes`));
        for (const until = Date.now() + ms; Date.now() < until && !socket.destroyed; await sleep(20)) socket.write("ping\n");
        socket.write("bye\n");
      });
      call.end();
    }),
  "an upload": (port: number, ms: number) =>
    new Promise<string>((resolve) => {
      const call = request({ host: "127.0.0.1", port, method: "POST", path: "/upload", agent: false });
      let sent = 0;
      call.on("error", (error) => resolve(error.message));
      call.on("response", async (response) => {
        let body = "";
        for await (const chunk of response) body += chunk;
        resolve(response.statusCode === 200 && body === `${sent}` ? "whole" : `answered ${response.statusCode} ${body}`);
      });
      void (async () => {
        for (const until = Date.now() + ms; Date.now() < until && !call.destroyed; await sleep(20)) {
          call.write("x".repeat(64));
          sent += 64;
        }
        call.end();
      })();
    }),
  "a long answer": (port: number, ms: number) => get(port, `/report?ms=${ms}`).then((by) => (by === "old" ? "whole" : by)),
};

/** @returns which side answered, to the end */
const get = (port: number, path: string): Promise<string> =>
  new Promise((resolve) => {
    const call = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part) => {
        body += part;
      });
      response.on("error", (error) => resolve(error.message));
      response.on("close", () => resolve(/done by (\w+)$/.exec(body)?.[1] ?? `cut after ${body.length} bytes`));
    });
    call.on("error", (error) => resolve(error.message));
    call.end();
  });

interface World {
  proxy: WeighingProxy;
  /** Carries out an action of the clean-up. */
  act: (id: string, signal?: AbortSignal) => Promise<Evidence>;
  /** The steps of the clean-up about instances, in the plan's order. */
  steps: string[];
  oldRuns: () => boolean;
}

/** Both sides behind a proxy, and the plan's own steps over them: who counts is the proxy, and what is terminated is a process. */
async function world(patch: ConfigPatch = {}): Promise<World> {
  const [old, fresh] = await Promise.all([application("old"), application("new")]);
  const proxy = await weighingProxy({ old: old.port, new: fresh.port });
  const config = readConfig(patched(RAW, patch), "test", STACK);
  const began = Date.now();
  const now = (): number => began + (Date.now() - began) * FASTER;
  const done = new Map<string, Record<string, unknown>>();
  const target = {
    clock: {
      now,
      sleepUntil: async (until: number, signal?: AbortSignal) => {
        while (now() < until)
          await sleep(Math.max(1, (until - now()) / FASTER), undefined, signal === undefined ? {} : { signal }).catch(() =>
            signal?.throwIfAborted(),
          );
      },
    },
    observer: {
      observe: async (name: string) => ({
        name,
        reading: known(name === "open-connections" ? proxy.open("old") : 0),
        at: now(),
        source: "proxy",
      }),
    },
    cloud: {
      terminateInstances: async () => {
        signalGroup(old.process, "SIGKILL");
        await once(old.process, "exit");
        return { summary: "Terminated." };
      },
    },
  } as unknown as Target;
  const plan = buildPlan(config);
  const act: World["act"] = async (id, signal) => {
    const step = plan.find((s) => s.id === id) as ActionStep;
    const effect = { key: id, fence: 1, ...(signal === undefined ? {} : { signal }) };
    const context: ActionContext = {
      target,
      config,
      effect,
      project: modelProject,
      otherStacks: async () => [],
      marks: {},
      factsOf: (of) => done.get(of),
    };
    const evidence = await step.run(context);
    done.set(id, evidence.facts ?? {});
    return evidence;
  };
  const steps = plan.map((s) => s.id).filter((id) => /^cleanup\.(drain|terminate-instances)$/.test(id));
  return { proxy, act, steps, oldRuns: () => old.process.exitCode === null && old.process.signalCode === null };
}

/** New requests, one after another, until told to stop. */
function others(port: number): { stop: () => Promise<string[]> } {
  let on = true;
  const answers: string[] = [];
  const running = (async () => {
    for (; on; await sleep(10)) answers.push(await get(port, "/"));
  })();
  const stop = async (): Promise<string[]> => {
    on = false;
    await running;
    return answers;
  };
  afterThisTest(async () => void (await stop()));
  return { stop };
}

/** Opens one of each, and moves the users as soon as all are open on the old side. */
async function opened({ proxy }: World, ms: number): Promise<Promise<Record<string, string>>[]> {
  const outcomes = Object.entries(USERS).map(async ([name, use]) => ({ [name]: await use(proxy.port, ms) }));
  while (proxy.open("old") < outcomes.length) await sleep(5);
  proxy.sendTo("new");
  return outcomes;
}

const settled = async (outcomes: Promise<Record<string, string>>[]): Promise<Record<string, string>> =>
  Object.assign({}, ...(await Promise.all(outcomes)));
const ALL_WHOLE = { "a WebSocket": "whole", "an upload": "whole", "a long answer": "whole" };

describe("users who hold on to a side that is removed", function () {
  this.timeout(60_000);

  it("[traffic-9] finish their WebSockets, uploads and long answers before it goes, and new ones are answered throughout", async () => {
    const w = await world();
    const outcomes = await opened(w, LONG);
    const load = others(w.proxy.port);
    expect(w.steps).to.deep.equal(["cleanup.drain", "cleanup.terminate-instances"]);
    const summaries: string[] = [];
    for (const id of w.steps) summaries.push((await w.act(id)).summary);
    expect(w.oldRuns()).to.equal(false);
    expect(await settled(outcomes)).to.deep.equal(ALL_WHOLE);
    const answers = await load.stop();
    expect(new Set(answers)).to.deep.equal(new Set(["new"]));
    expect(answers.length).to.be.greaterThan(10);
    expect(summaries[0]).to.match(/^The old side is drained: 3 connections open at the beginning, 0 after \d+ s\.$/);
  });

  it("[traffic-9] the same in the plan of an earlier version, which has no such step: the removal waits itself", async () => {
    const w = await world();
    const outcomes = await opened(w, LONG);
    const { summary } = await w.act("cleanup.terminate-instances");
    expect(await settled(outcomes)).to.deep.equal(ALL_WHOLE);
    expect(summary).to.contain("The old side is drained: 3 connections open at the beginning");
  });

  it("[traffic-9] are cut where the drain is switched off", async () => {
    const w = await world({ "drain.seconds": 0 });
    const outcomes = await opened(w, LONG);
    for (const id of w.steps) await w.act(id);
    const ended = await settled(outcomes);
    for (const [name, how] of Object.entries(ended)) expect(how, name).to.not.equal("whole");
  });

  it("[traffic-9] are cut after the stated time and no earlier, and the evidence says how many", async () => {
    const w = await world({ "drain.seconds": 120 });
    const outcomes = await opened(w, 20_000);
    const { summary, facts } = await w.act("cleanup.drain");
    expect(w.oldRuns()).to.equal(true);
    expect(w.proxy.open("old")).to.equal(3);
    expect(summary).to.equal("3 connections of the old side are still open after 120 s: removing it ends them; 3 at the beginning.");
    expect(facts?.seconds).to.be.at.least(120);
    await w.act("cleanup.terminate-instances");
    const ended = await settled(outcomes);
    for (const [name, how] of Object.entries(ended)) expect(how, name).to.not.equal("whole");
  });

  it("[traffic-9] keep nobody from going back: the wait ends at once, and nothing was removed", async () => {
    const w = await world();
    const outcomes = await opened(w, LONG);
    const abort = new AbortController();
    const waiting = w.act("cleanup.drain", abort.signal).catch((error: Error) => error.message);
    await sleep(100);
    w.proxy.sendTo("old");
    abort.abort(new Error("users are sent back"));
    expect(await waiting).to.equal("users are sent back");
    expect(w.oldRuns()).to.equal(true);
    expect(await get(w.proxy.port, "/")).to.equal("old");
    expect(await settled(outcomes)).to.deep.equal(ALL_WHOLE);
  });
});
