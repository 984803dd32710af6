import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "../../src/automation/journal/entries.js";
import type { RawConfig } from "../../src/config/stackFile.js";
import { drive } from "../harness/people.js";
import { stackConfig } from "../harness/stacks.js";
import { type Ground, openGround } from "./ground.js";
import type { Snapshot } from "./load.js";
import type { Kept } from "./orders.js";
import { type Protections, without } from "./protections.js";
import { type Back, kindsOf } from "./table.js";

export interface Run {
  /** Folder of its own. */
  folder: string;
  /** Which protection is switched off. @default none */
  off?: keyof Protections;
  users: number;
  webSockets: number;
  say: (line: string) => void;
}

export interface Upgrade {
  kind: "rolling" | "blue-green";
  replicas: number;
  /** How long the application takes to start, in seconds of the world. */
  startupSeconds: number;
  /** How often the load balancer asks a target for its health. @default 15 */
  healthEverySeconds?: number;
}

/** Until which moment of the migration; `at-once`: to that of the regression, and tried again as soon as it went back. */
export type Extent = "at-once" | "regression" | "emergency" | "end";

export interface Migrated {
  /** After the regression, and at the end. */
  afterRegression: Snapshot;
  /** From the moment that the automatic rollback began; absent where nothing went back, or nobody waited for its end. */
  rolledBack?: Back;
  /** From the emergency's command. */
  emergency?: Back;
  /** What users were answered by a version out of order, from the emergency's command on. */
  brokenAfter?: number;
  end: Snapshot;
  orders: Kept;
}

const IMAGE = "ghcr.io/your-org/web-api";
/** Not taken from anywhere: resolvers that keep answers five times as long as they may, one user's in four. */
export const LATE = { every: 4, factor: 5 };
const ZONE = "Z1234567890ABC";
const HOST = "app-1.example.com";
const WORKLOAD = { image: `${IMAGE}:1.0.0`, secretEnv: { REDIS_URL: "redis-url" } };
/** Slow requests and uploads are part of the load, so that the latency gates have to bear them; so few users scatter the share. */
const GATES = { maxLatencyP95Seconds: 5, maxLatencyOverOld: 20, windowSeconds: 60, trafficTolerance: 0.2, failAfterSamples: 2 };
/** Fractions of answers that a bad version makes errors. */
const REGRESSION = 0.3;
const BROKEN = 0.6;
/** How long users are looked at after an emergency: longer than the late resolvers keep what they were told. */
const LOOK_MS = 25_000;
/** An update of the engine is under way by then. */
const UNDER_WAY_MS = 1_500;

/** A new version of what serves all users already: pod by pod, or colour by colour. */
export function upgrade(run: Run, { kind, replicas, startupSeconds, healthEverySeconds = 15 }: Upgrade): Promise<Snapshot> {
  const stack = "app-1-staging";
  const image = `${IMAGE}:1.1.0`;
  const config = stackConfig("app-1", "staging", {
    "cutover:workload": { ...WORKLOAD, replicas },
    "cutover:ingress": {
      host: HOST,
      certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123",
      healthCheck: { intervalSeconds: healthEverySeconds },
    },
    "cutover:strategy": kind === "rolling" ? { kind, image } : { kind, image, weights: [50, 100], holdSeconds: 60 },
    "cutover:gates": GATES,
  });
  return inGround(run, { stacks: { [stack]: config }, stack, hasOld: false, startupSeconds }, async ({ migrations, plane }) => {
    await drive(migrations, stack, kind === "rolling" ? "rollout.update" : "rollout.green-deploy");
    plane.load.begin();
    await drive(migrations, stack, "end");
    return plane.load.stop();
  });
}

/** From the old side to the new one: a regression at 25 % that goes back by itself, an emergency at 50 %, the end of the old side. */
export function migration(run: Run, extent: Extent): Promise<Migrated> {
  const stack = "app-1-production";
  const staging = "app-1-staging";
  const stacks: Record<string, RawConfig> = {
    [staging]: stackConfig("app-1", "staging"),
    [stack]: stackConfig("app-1", "production", {
      "cutover:cluster": { name: "production", provides: ["vpa"] },
      // Colours have runs of their own.
      "cutover:strategy": { kind: "rolling", image: `${IMAGE}:1.1.0` },
      "cutover:verification": { syntheticRequestsPerSecond: 0 },
      // Longer than the late resolvers keep what they were told with the TTL from before.
      "cutover:dns": { zoneId: ZONE, steps: [25, 50, 100], holdSeconds: 60, lowTtlForSeconds: 1_200 },
      // Six hours pass in twenty real seconds: the last late resolver has asked again by then.
      "cutover:cleanup": { soakSeconds: 6 * 3_600, unusedSeconds: 3_600 },
      // What is tried again at once is judged over the time that a config without gates of its own has.
      "cutover:gates": extent === "at-once" ? { ...GATES, windowSeconds: 300, failAfterSamples: 3 } : GATES,
    }),
  };
  return inGround(run, { stacks, stack, hasOld: true, startupSeconds: 15, keepsOrders: true }, async (ground) => {
    const { migrations, plane } = ground;
    const order = async (command: Command): Promise<void> => {
      await migrations.command(stack, command, "operator");
      await migrations.settled(stack);
    };
    const finish = async (): Promise<Pick<Migrated, "end" | "orders">> => {
      const end = await plane.load.stop();
      return { end, orders: await ground.orders(await plane.load.accepted()) };
    };
    await drive(migrations, staging, "end");
    plane.load.begin();
    await drive(migrations, stack, "traffic.dns-25");
    run.say("users meet a regression");
    plane.regression = { atPercent: 25, failing: REGRESSION, state: "waiting" };
    await order({ command: "advance", extent: "step" });
    let rolledBack: Back | undefined;
    const wentBack = (await migrations.settled(stack)).status === "held";
    if (wentBack) {
      if (extent !== "at-once") {
        await sleep(LOOK_MS);
        rolledBack = await backSince(ground);
      }
      plane.mend();
      run.say("the new side is mended: again");
      await order({ command: "resume" });
    }
    // Without gates nothing goes back, and nobody learns of it until all users are there.
    await drive(migrations, stack, wentBack ? "traffic.dns-50" : "optimize.alerts");
    const afterRegression = structuredClone(await plane.load.snapshot());
    const first = { afterRegression, ...(rolledBack === undefined ? {} : { rolledBack }) };
    if (extent === "at-once" || extent === "regression") return { ...first, ...(await finish()) };
    run.say("an emergency, while an update is under way");
    await migrations.command(stack, { command: "advance", extent: "step" }, "operator");
    await sleep(UNDER_WAY_MS);
    const before = (await plane.load.snapshot()).injected;
    plane.break(BROKEN);
    plane.load.mark();
    const orderedAt = Date.now();
    await order({ command: "emergency", why: "the new side is out of order" });
    await sleep(LOOK_MS);
    const { lastFresh, injected } = await plane.load.snapshot();
    const emergency = { emergency: { by: mostOf(lastFresh), toldAfter: plane.oldAgainAt - orderedAt }, brokenAfter: injected - before };
    plane.break(0);
    if (extent === "emergency") return { ...first, ...emergency, ...(await finish()) };
    // Whoever resumes sends users to the new side again: it is in order by now.
    run.say("the new side is mended: to the end");
    await order({ command: "resume" });
    await drive(migrations, stack, "end");
    return { ...first, ...emergency, ...(await finish()) };
  });
}

/** Since the rollback that just ended began. */
async function backSince({ plane }: Ground): Promise<Back> {
  const { at = 0, wentBackAt = at } = plane.regression ?? {};
  const foundAfter = wentBackAt - at;
  const { ttl, late } = mostOf((await plane.load.snapshot()).lastFresh);
  return { by: { ttl: Math.max(0, ttl - foundAfter), late: Math.max(0, late - foundAfter) }, foundAfter };
}

const mostOf = (of: Snapshot["lastFresh"]): Back["by"] => ({ ttl: most(of.ttl), late: most(of.late) });

/** Of fewer than a hundred users 99 % are all. */
const most = (values: number[]): number => Math.max(0, ...values);

async function inGround<T>(
  { folder, off, users, webSockets, say }: Run,
  what: Pick<Parameters<typeof openGround>[0], "stacks" | "stack" | "hasOld" | "startupSeconds" | "keepsOrders">,
  use: (ground: Ground) => Promise<T>,
): Promise<T> {
  const protections = without(off);
  const ground = await openGround({ ...what, folder, host: HOST, zoneId: ZONE, protections, users, webSockets, late: LATE });
  ground.migrations.onProgress(({ stack, entry }) => {
    if (stack !== what.stack) return;
    if (
      entry.type === "gates.failed" ||
      entry.type === "update.failed" ||
      entry.type === "action.failed" ||
      entry.type === "migration.held"
    )
      say(`${entry.type}: ${"reason" in entry ? entry.reason : "error" in entry ? JSON.stringify(entry.error) : ""}`);
    if (entry.type === "rollback.started") ground.plane.wentBack();
    if (entry.type === "rollback.started" || entry.type === "rollback.completed") say(entry.type);
    if (entry.type === "step.completed") say(`${entry.step} done`);
  });
  try {
    return await use(ground);
  } catch (error) {
    say(`until then: ${JSON.stringify(Object.fromEntries(kindsOf(await ground.plane.load.snapshot())))} failed`);
    throw error;
  } finally {
    await ground.close();
  }
}
