import type { Command } from "../../src/automation/journal/entries.js";
import type { Migrations } from "../../src/automation/migrations.js";
import type { RawConfig } from "../../src/config/stackFile.js";
import { drive } from "../harness/people.js";
import { stackConfig } from "../harness/stacks.js";
import { type Ground, openGround } from "./ground.js";
import type { Snapshot } from "./load.js";
import { type Protections, without } from "./protections.js";

export interface Run {
  /** Folder of its own. */
  folder: string;
  /** Which protection is switched off. @default none */
  off?: keyof Protections;
  users: number;
  webSockets: number;
  say: (line: string) => void;
}

const IMAGE = "ghcr.io/your-org/web-api";
const LATE = { every: 4, factor: 5 };
const ZONE = "Z1234567890ABC";

/** Slow requests and uploads are part of the load, so that the latency gate has to bear them. */
const GATES = { maxLatencyP95Seconds: 5, maxLatencyOverOld: 20, windowSeconds: 60, trafficTolerance: 0.2, failAfterSamples: 2 };

/** A new version of what serves all users already: pod by pod, or colour by colour. */
export async function upgrade(run: Run, kind: "rolling" | "blue-green"): Promise<Snapshot> {
  const stack = "app-1-staging";
  const config: RawConfig = stackConfig("app-1", "staging", {
    "cutover:ingress": { host: "app-1.example.com", certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123" },
    "cutover:strategy":
      kind === "rolling"
        ? { kind, image: `${IMAGE}:1.1.0` }
        : { kind, image: `${IMAGE}:1.1.0`, weights: [50, 100], holdSeconds: 60 },
    "cutover:gates": GATES,
  });
  return inGround(run, { [stack]: config }, stack, false, async ({ migrations, plane }) => {
    await drive(migrations, stack, kind === "rolling" ? "rollout.update" : "rollout.green-deploy");
    plane.load.begin();
    run.say("users are on the first version");
    await drive(migrations, stack, "end");
  });
}

async function inGround(
  { folder, off, users, webSockets, say }: Run,
  stacks: Record<string, RawConfig>,
  stack: string,
  hasOld: boolean,
  use: (ground: Ground) => Promise<void>,
): Promise<Snapshot> {
  const ground = await openGround({
    folder,
    stacks,
    stack,
    host: "app-1.example.com",
    zoneId: ZONE,
    protections: without(off),
    hasOld,
    users,
    webSockets,
    late: LATE,
  });
  ground.migrations.onProgress(({ entry }) => {
    if (entry.type === "gates.failed" || entry.type === "update.failed" || entry.type === "action.failed") say(JSON.stringify(entry));
  });
  try {
    await use(ground);
    return await ground.plane.load.stop();
  } finally {
    await ground.close();
  }
}

export async function say(migrations: Migrations, stack: string, command: Command, who = "operator") {
  await migrations.command(stack, command, who);
  return migrations.settled(stack);
}
