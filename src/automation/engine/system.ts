import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { EngineStart } from "../journal/records.js";

const read = (look: () => string): string | undefined => {
  try {
    return look().trim();
  } catch {
    return undefined;
  }
};

/** This system, on Linux. */
export function thisSystem(): string | undefined {
  const boot = read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  const processes = read(() => readlinkSync("/proc/self/ns/pid"));
  return boot === undefined || processes === undefined ? undefined : `${boot} ${processes}`;
}

export function engineStart(now = new Date()): EngineStart {
  const system = thisSystem();
  return { ...(system === undefined ? {} : { system }), at: now.toISOString() };
}

/** Ticks of a second in /proc: the same on every architecture that Node.js runs on. */
const TICKS = 100;

/**
 * When the first process of this Pod's container began, in milliseconds since the epoch; undefined outside a Pod. The
 * manifests name the Pod in POD_NAME; with the host's network a Pod has the host's name, which is not its own.
 */
export function containerStart(environment: NodeJS.ProcessEnv = process.env, proc = "/proc"): number | undefined {
  if (environment.POD_NAME === undefined || environment.POD_NAME !== hostname()) return undefined;
  const first = read(() => readFileSync(`${proc}/1/stat`, "utf8"));
  const boot = /^btime (\d+)$/m.exec(read(() => readFileSync(`${proc}/stat`, "utf8")) ?? "")?.[1];
  // The name of the program stands in brackets and may hold anything; 20 fields after it comes the start, in ticks since boot.
  const ticks = first
    ?.slice(first.lastIndexOf(")") + 2)
    .split(" ")
    .at(19);
  return boot === undefined || ticks === undefined ? undefined : Number(boot) * 1_000 + (Number(ticks) * 1_000) / TICKS;
}
