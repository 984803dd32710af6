import { liveOf, liveUrl } from "../../config/live.js";
import { ownGateOf } from "../../config/ownGates.js";
import { onceOf } from "../../config/processes.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { sourceOf } from "../../config/sources.js";
import { Terminal } from "../../errors.js";
import { counted } from "../../lib/plural.js";
import { compared } from "../../ports/comparison.js";
import { isOwn, type Observation, type ObservationName, type Side } from "../../ports/observations.js";
import type { ClockPort, ClusterPort, DataPort, Evidence, FleetPort, ObserverPort, Target } from "../../ports/target.js";
import { afterWeight, atMoment } from "../faults.js";
import { aheadSeconds, pauseToCompare, tablesOf, wholeInPause } from "../world/comparison.js";
import { openConnections } from "../world/connections.js";
import { copyFiles, quietFiles, useFiles } from "../world/files.js";
import { advance, makeUp, setOnce, webAbsent } from "../world/once.js";
import { retryRollout, rolloutStage, skipPause } from "../world/rollout.js";
import { isReverseLost } from "../world/signals/database.js";
import { signal } from "../world/signals.js";
import { noise, type WorldState } from "../world/state.js";
import { keyOf, type World } from "../world/world.js";
import { sandboxCloud } from "./cloud.js";

/** The sandbox's side of every port: effects change the world once a key, looks read it. */
export function sandboxTarget(world: World, config: () => StackConfig): Target {
  return {
    kind: "sandbox",
    clock: clock(world, config),
    cloud: sandboxCloud(world, config),
    cluster: cluster(world, config),
    data: data(world, config),
    fleet: fleet(world, config),
    observer: observer(world, config),
  };
}

/** Waiting costs nothing: the clock jumps. */
function clock(world: World, config: () => StackConfig): ClockPort {
  return {
    now: () => world.now,
    sleepUntil: async (until, signal) => {
      signal?.throwIfAborted();
      // Lets commands and other stacks in between two jumps.
      await new Promise((resolve) => setImmediate(resolve));
      await world.change((state) => {
        state.now = Math.max(state.now, until);
        // A canary's weight moves with time alone.
        const { weight, pauseLeftMs } = rolloutStage(state, config());
        if (pauseLeftMs > 0) state.faults = afterWeight(state.faults, weight, "canary");
      });
    },
  };
}

function observer(world: World, config: () => StackConfig): ObserverPort {
  return {
    observe: async (name, side, windowSeconds) => {
      const state = await world.look();
      const observe = async (measured: ObservationName, of: Side | undefined): Promise<Observation> => ({
        name: measured,
        ...(of === undefined ? {} : { side: of }),
        reading: signal(measured, { state, config: config(), side: of, windowSeconds }),
        ...sourced(measured, of, state, config()),
      });
      if (name === "open-connections") return { name, side: side ?? "old", ...openConnections(state, config(), side ?? "old") };
      return (await compared(name, observe)) ?? observe(name, side);
    },
  };
}

/** A load balancer's figures are minutes old, here as in CloudWatch. */
function sourced(
  name: ObservationName,
  side: Side | undefined,
  { now }: WorldState,
  config: StackConfig,
): Pick<Observation, "at" | "source" | "delaySeconds"> {
  const own = isOwn(name) ? ownGateOf(config, name)?.source : undefined;
  if (own === undefined && !BY_SOURCE.includes(name)) return { at: now, source: "sandbox" };
  const asked = own === undefined ? "" : ", which is not asked";
  if (own === "prometheus" || (own === undefined && sourceOf(config, side ?? "new") === "prometheus"))
    return { at: now, source: `sandbox prometheus${asked}` };
  return { at: now - 150_000, delaySeconds: 180, source: `sandbox cloudwatch${asked}` };
}
const BY_SOURCE: ObservationName[] = ["error-rate", "latency-p95", "request-count", "traffic-share"];

function fleet(world: World, config: () => StackConfig): FleetPort {
  const names = () => onceOf(config()).map(([name]) => name);
  return {
    setMaintenance: (on, effect) =>
      world.effect(effect, on ? "fleet:MaintenanceOn" : "fleet:MaintenanceOff", "old fleet", (state) => {
        state.old.maintenance = on;
        quietFiles(state, on);
        state.faults = atMoment(state.faults, "late-file", on);
        return { summary: `Maintenance mode is ${on ? "on" : "off"}.` };
      }),
    useDatabase: (side, effect) =>
      world.effect(effect, "fleet:UseDatabase", side, (state) => {
        state.old.uses = side;
        return { summary: `The old fleet uses the ${side} database.` };
      }),
    copyFiles: (from, options, effect) =>
      world.effect(effect, "fleet:CopyFiles", from, (state) => {
        const copied = copyFiles(state, config(), from, options);
        return { summary: `${counted(copied, "file")} copied from the ${from} side.`, facts: { copied } };
      }),
    useFiles: (side, effect) =>
      world.effect(effect, "fleet:UseFiles", side, (state) => {
        useFiles(state, config(), side);
        return { summary: side === "new" ? "The old fleet uses the volumes." : "The old fleet uses its own disks." };
      }),
    setWorkers: (percent, effect) =>
      world.effect(effect, "fleet:SetWorkers", `${percent} %`, (state) => {
        state.old.workers.push({ at: state.now, value: percent });
        // With fewer on the old side, the new side's work shows.
        state.faults = atMoment(state.faults, "dead-letters", percent < 100);
        return { summary: `${percent} % of the old fleet's workers run.` };
      }),
    stopOnce: (effect) =>
      world.effect(effect, "fleet:StopOnce", "old fleet", (state) => {
        setOnce(state.once, config(), "old", names(), false, state.now);
        state.faults = atMoment(state.faults, "stuck-run", true);
        return { summary: `${names().join(", ")} begin no more on the old side.` };
      }),
    startOnce: (missed, effect) =>
      world.effect(effect, "fleet:StartOnce", "old fleet", (state) => {
        setOnce(state.once, config(), "old", names(), true, state.now);
        const runs = makeUp(state.once, missed);
        state.faults = atMoment(state.faults, "stuck-run", false);
        return {
          summary: `${names().join(", ")} run on the old side again${runs === 0 ? "" : `, and ${counted(runs, "missed run")} at once`}.`,
        };
      }),
  };
}

function data(world: World, config: () => StackConfig): DataPort {
  const copy = () => config().database?.target.identifier ?? "the replica";
  const accepting = async (): Promise<string> =>
    (await world.look()).writes.old
      ? `The old database accepts writes, and ${copy()} refuses them: somebody opened it.`
      : `${copy()}, which has all rows, accepts writes again, and the old database refuses them.`;
  return {
    setWrites: (side, allowed, effect) =>
      world.effect(effect, allowed ? "data:AllowWrites" : "data:StopWrites", side, (state) => setWrites(state, side, allowed)),
    // A rehearsal has no schema, no roles and no settings to look at: that is no "all is well".
    readiness: async () => {
      const { now } = await world.look();
      if (config().database === undefined) return { standing: "none", at: now, findings: [] };
      return { standing: "unknown", at: now, findings: [], why: "a rehearsal has no real database: cutover doctor --targets looks at it" };
    },
    testReplica: async () => ({ summary: `12 of the application's queries read the same from ${copy()}.`, facts: { queries: 12 } }),
    compareAhead: (effect) =>
      world.effect(effect, "data:CompareAhead", copy(), (state) => {
        const tables = tablesOf(state);
        if (wholeInPause(state)) {
          for (const fault of state.faults) if (fault.name === "no-change-log") fault.came = true;
          const seconds = pauseToCompare(state, config());
          return {
            summary: `Nothing was compared ahead: what changed cannot be read from the log. With writes stopped all of it is read: about ${seconds} s.`,
            facts: { ahead: false, seconds },
            differences: 0,
            seconds,
          };
        }
        state.now += aheadSeconds(config()) * 1_000;
        state.comparedAheadAt = state.now;
        const seconds = pauseToCompare(state, config());
        return {
          summary: `${counted(tables, "table")} compared while the application runs, no difference; what changed since is compared again with writes stopped: about ${seconds} s.`,
          facts: { ahead: true, tables, differences: 0, seconds },
          differences: 0,
          seconds,
        };
      }),
    compare: (effect) =>
      world.effect(effect, "data:Compare", copy(), (state) => {
        state.now += pauseToCompare(state, config()) * 1_000;
        const fault = state.faults.find((f) => f.name === "data-difference" && f.state === "waiting");
        if (fault !== undefined) Object.assign(fault, { came: true, state: fault.always ? "waiting" : "over" });
        const differences = fault === undefined ? 0 : 3;
        const tables = tablesOf(state);
        return {
          summary: `${counted(tables, "table")} compared, ${counted(differences, "row differs", "rows differ")}.`,
          facts: { tables, differences },
          differences,
        };
      }),
    verifyReadWrite: (effect) =>
      world.effect(effect, "data:VerifyReadWrite", copy(), () => ({ summary: `A row was written to ${copy()}, read and removed.` })),
    startReverseReplication: (effect) =>
      world.effect(effect, "data:StartReverseReplication", copy(), (state) => {
        const fault = state.faults.find((f) => f.name === "no-reverse");
        if (fault !== undefined) fault.came = true;
        if (fault !== undefined)
          return { summary: `Changes of ${copy()} cannot stream back: its WAL has no logical level.`, supported: false };
        state.reverseReplication = true;
        const loss = state.faults.find((f) => f.name === "lost-reverse" && f.state === "waiting");
        if (loss !== undefined) {
          Object.assign(loss, { came: true, state: loss.always ? "waiting" : "over" });
          state.reverseLostAt = state.now;
        }
        return { summary: `Changes of ${copy()} stream back to the old database.`, supported: true };
      }),
    stopReverseReplication: async (effect, { drain = true, refuseWrites = false } = {}) => {
      const lost = await world.change((state) => {
        const was = isReverseLost(state);
        // The side that has all rows accepts writes again, but never both.
        if (was && drain && refuseWrites) state.writes.new = !state.writes.old;
        // Who was told so carries over by hand what is missing.
        if (was) delete state.reverseLostAt;
        return was;
      });
      if (lost && drain)
        throw new Terminal(
          `The stream back from the promoted database is broken: its replication slot is gone.${refuseWrites ? ` ${await accepting()}` : ""}`,
          { next: "Keep the application from writing, carry over what the old database misses, and try again." },
        );
      return world.effect(effect, "data:StopReverseReplication", copy(), (state) => {
        state.reverseReplication = false;
        if (refuseWrites) state.writes.new = false;
        return { summary: "The stream back was drained and ended.", facts: { lagSeconds: 0 } };
      });
    },
  };
}

function setWrites(state: WorldState, side: Side, allowed: boolean): Evidence {
  state.writes[side] = allowed;
  // As the real one does: whatever was done to the promoted side since.
  if (side === "old" && allowed) state.writes.new = false;
  const spike = (from: "waiting" | "active", to: "active" | "over") => {
    state.faults = state.faults.map((f) => (f.name === "lag-spike" && f.state === from ? { ...f, state: to, came: true } : f));
  };
  if (side === "old" && !allowed) {
    state.writesStoppedAt = state.now;
    spike("waiting", "active");
  } else if (side === "old") spike("active", "over");
  return { summary: `The ${side} database ${allowed ? "accepts" : "refuses"} writes.` };
}

function cluster(world: World, config: () => StackConfig): ClusterPort {
  const app = () => config().application;
  const need = async (what: "pods-ready" | "load-balancer-ready", problem: string): Promise<WorldState> => {
    const state = await world.look();
    const reading = signal(what, { state, config: config(), side: undefined, windowSeconds: 300 });
    if (!reading.known || reading.value < 1) throw new Terminal(problem);
    return state;
  };
  const answered = async (url: string): Promise<void> => {
    if (webAbsent((await world.look()).once, config(), "new")) throw new Terminal(`curl: (22) ${url} answered 503: no pod is behind it`);
  };
  return {
    smokeTest: async (effect) => {
      const url = liveUrl(config());
      const { resources } = await need("pods-ready", `curl: (22) ${url} did not answer 200: the pods are not ready`);
      await answered(url);
      // A name in the cluster is a Service there.
      if (resources[keyOf("kubernetes:core/v1:Service", `${namespaceOf(config())}/${liveOf(config()).service}`)] === undefined)
        throw new Terminal(`curl: (6) Could not resolve host: ${new URL(url).hostname}`);
      return world.effect(effect, "cluster:SmokeTest", app().name, () => ({
        summary: `GET ${url} answered 200.`,
        files: { "smoke-test.log": "HTTP/1.1 200 OK\n" },
      }));
    },
    integrationTest: async (effect) => {
      await need("pods-ready", "job/integration-tests failed: the pods are not ready");
      return world.effect(effect, "cluster:IntegrationTest", app().name, (state) => {
        const tests = 120 + Math.floor(noise(state.seed, `${app().name}-tests`, 0) * 80);
        state.now += 95_000;
        return {
          summary: `job/integration-tests completed in 95 s: ${tests} passed.`,
          facts: { seconds: 95, passed: tests, failed: 0 },
          files: { "integration-tests.log": `${tests} passing (95s)\n` },
        };
      });
    },
    logs: async (selector, tail) => {
      const state = await world.look();
      const line = (i: number) =>
        `${new Date(state.now - (tail - i) * 700).toISOString()} ${selector.app}-${selector.version ?? "pod"} GET /health 200 ${2 + Math.floor(noise(state.seed, "log", i) * 9)}ms`;
      const lines = Array.from({ length: tail }, (_, i) => line(i));
      return { summary: `${counted(tail, "log line")} kept, none of them an error.`, files: { "pods.log": `${lines.join("\n")}\n` } };
    },
    probeLoadBalancer: async () => {
      await need("load-balancer-ready", "the ingress has no address yet");
      await answered("/health");
      return { summary: `GET /health with Host ${config().ingress?.host} answered 200.`, facts: { status: 200 } };
    },
    runRelease: (process, effect) =>
      world.effect(effect, "cluster:RunRelease", process, (state) => {
        state.now += 40_000;
        return { summary: `${process} ended well in 40 s.`, facts: { seconds: 40 }, files: { [`${process}.log`]: "done\n" } };
      }),
    stopOnce: (effect) =>
      world.effect(effect, "cluster:StopOnce", app().name, (state) => {
        const names = onceOf(config()).map(([name]) => name);
        setOnce(state.once, config(), "new", names, false, state.now);
        // It waits for what runs.
        state.now = Math.max(state.now, state.once.ends.new);
        return { summary: `Nothing of ${names.join(", ")} runs on the new side.` };
      }),
    catchUp: (since, effect) =>
      world.effect(effect, "cluster:CatchUp", app().name, (state) => {
        advance(state.once, config(), state.now);
        const due = state.once.missed.map((m) => ({ process: m.slice(0, m.indexOf("@")), at: Date.parse(m.slice(m.indexOf("@") + 1)) }));
        const runs = makeUp(
          state.once,
          due.filter((d) => d.at > since),
        );
        return { summary: runs === 0 ? "No schedule missed a run." : `${counted(runs, "missed run")} made up for.`, facts: { runs } };
      }),
    rolloutAbort: (effect) =>
      world.effect(effect, "argo:Abort", app().name, (state) => {
        if (rolloutStage(state, config()).pauseLeftMs === 0) return { summary: "No canary is under way: there is nothing to abort." };
        state.rolloutAborted = true;
        state.faults = afterWeight(state.faults, 0, "canary");
        return { summary: "The rollout was aborted; the stable pods carry the traffic." };
      }),
    rolloutPromote: (effect) =>
      world.effect(effect, "argo:Promote", app().name, (state) => {
        if (retryRollout(state, config())) return { summary: `The aborted canary of ${app().name} begins again.` };
        const weight = skipPause(state, config());
        if (weight === undefined) throw new Terminal("No canary is in a pause that could be ended.");
        return { summary: `The pause at ${weight} % was ended.` };
      }),
    usage: async () => {
      const state = await world.look();
      const cpu = Math.round(60 + noise(state.seed, "cpu", state.now) * 60);
      const memory = Math.round(120 + noise(state.seed, "memory", state.now) * 50);
      const { requests } = config().workload.resources;
      return {
        summary: `Pods use about ${cpu}m CPU of ${requests.cpu} and ${memory}Mi memory of ${requests.memory} requested.`,
        facts: { cpuMillicores: cpu, memoryMi: memory, requests },
      };
    },
  };
}
