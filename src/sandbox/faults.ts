import { movedFoldersOf } from "../config/movedFolders.js";
import { onceOf } from "../config/processes.js";
import type { StackConfig } from "../config/schema.js";
import { shiftOf } from "../config/shift.js";
import { UserError } from "../errors.js";

/**
 * A fault by name and moment: `errors@25%` begins once 25 % of DNS answers are to be the new side's, and is over when
 * the weight goes back below it (somebody mended it), so that the next attempt succeeds. `*` at the end: every time.
 */
export interface Fault {
  name: FaultName;
  /** Percent of DNS answers, or of green, at which it begins. */
  percent?: number;
  /** What `percent` is the weight of. @default DNS */
  of?: "green" | "canary";
  /** A named moment. */
  moment?: string;
  always: boolean;
  state: "waiting" | "active" | "over";
  /** Whether it has struck at least once. */
  came?: true;
}

const NAMES = {
  errors: "12 % of requests on the new side are answered 5xx",
  latency: "the 95th percentile on the new side is 2.5 s",
  slower: "the 95th percentile on the new side is 0.8 s: within the limit, and more than twice the old side's",
  "unhealthy-target": "a third of the new load balancer's targets are unhealthy",
  "own-gates": "the gates of gates.own read beyond their limits",
  "own-unknown": "the gates of gates.own have no reading",
  "throttled-dns": "Route 53 throttles a change: it takes two minutes longer",
  "lag-spike": "the replica lags 45 s when writes stop, and needs four minutes to catch up",
  "data-difference": "three rows differ between source and replica",
  "no-change-log": "what changed cannot be read from the database's log: all of it is compared while writes are stopped",
  "no-reverse": "nothing can stream back from the promoted database (its parameter group has no logical replication)",
  "lost-reverse": "what streams back from the promoted database is lost after it began (its replication slot is gone)",
  "held-connections": "three connections to the side that was left (the old one; blue with green-100%) never end",
  "stuck-run": "what is stopped on the old side does not end until it is started there again",
  "late-file": "somebody writes a file on the old side while maintenance is on, and until it ends",
  "dead-letters": "the new side's workers leave messages in the dead-letter queue",
  crash: "the process is killed right after the named effect",
} as const;
export type FaultName = keyof typeof NAMES;

/** Those that begin with a share of users; the others have moments. */
const BY_PERCENT: readonly FaultName[] = [
  "errors",
  "latency",
  "slower",
  "unhealthy-target",
  "own-gates",
  "own-unknown",
  "throttled-dns",
  "held-connections",
];

const ACCEPTED =
  "errors@NN%, latency@NN%, slower@NN%, unhealthy-target@NN%, own-gates@NN%, own-unknown@NN%, throttled-dns@NN% (green-NN% and canary-NN% for the load balancer's weights), held-connections@100% (green-100% for blue's), lag-spike@promotion, data-difference@verify, no-change-log@verify, no-reverse@promotion, lost-reverse@promotion, late-file@window, stuck-run@handover, dead-letters@handover, crash@EFFECT; * at the end repeats it";

/** @throws UserError listing the accepted forms */
export function parseFault(text: string): Fault {
  const wrong = (): never => {
    throw new UserError({ path: "fault", got: JSON.stringify(text), accepted: ACCEPTED });
  };
  const match = /^([a-z-]+)@(.+?)(\*?)$/.exec(text) ?? wrong();
  const [, name = "", moment = "", star] = match;
  if (!(name in NAMES)) wrong();
  const fault: Fault = { name: name as FaultName, always: star === "*", state: "waiting" };
  const percent = /^(?:(green|canary)-)?(\d{1,3})%$/.exec(moment);
  const byPercent = BY_PERCENT.includes(fault.name);
  if (byPercent !== (percent !== null)) wrong();
  if (percent !== null) {
    const value = Number(percent[2]);
    if (value < 1 || value > 100) wrong();
    // What a side that still gets requests holds shows nothing.
    if (name === "held-connections" && (value !== 100 || percent[1] === "canary")) wrong();
    return { ...fault, percent: value, ...(percent[1] === undefined ? {} : { of: percent[1] as "green" | "canary" }) };
  }
  if (["lag-spike", "no-reverse", "lost-reverse"].includes(name) && moment !== "promotion") wrong();
  if (["stuck-run", "dead-letters"].includes(name) && moment !== "handover") wrong();
  if (name === "late-file" && moment !== "window") wrong();
  if (["data-difference", "no-change-log"].includes(name) && moment !== "verify") wrong();
  return { ...fault, moment };
}

/** As a person writes it. */
export function faultText({ name, percent, of, moment, always }: Fault): string {
  return `${name}@${percent === undefined ? moment : `${of === undefined ? "" : `${of}-`}${percent}%`}${always ? "*" : ""}`;
}

/** Why a fault can never strike a stack; undefined when it can. */
export function cannotStrike({ percent, of, name }: Fault, config: StackConfig): string | undefined {
  const { database, strategy, old, handover, gates } = config;
  if ((name === "own-gates" || name === "own-unknown") && gates.own.length === 0) return "it has no gate of its own (gates.own)";
  if (percent !== undefined && of === undefined && shiftOf(config) === undefined)
    return "it has neither a dns section nor target groups, so no DNS weight and no group's";
  if (name === "throttled-dns" && config.dns === undefined) return "it has no dns section, so no DNS weight";
  if (of === "green" && strategy.kind !== "blue-green") return `its strategy is ${strategy.kind}: there is no green`;
  if (of === "canary" && strategy.kind !== "canary") return `its strategy is ${strategy.kind}: there is no canary`;
  if (["lag-spike", "data-difference", "no-change-log", "no-reverse", "lost-reverse"].includes(name) && database === undefined)
    return "it moves no database";
  if (name === "late-file" && movedFoldersOf(config).length === 0) return "no volume has files that move (copy)";
  if (name === "stuck-run" && (old === undefined || onceOf(config).length === 0)) return "nothing of it may run once";
  const { queues } = handover;
  if (name === "dead-letters" && (old === undefined || queues.every((q) => q.deadLetters === undefined)))
    return "no queue of handover.queues has dead letters that are looked at";
  return undefined;
}

/** Faults after a weight changed, of DNS when not told otherwise. */
export function afterWeight(faults: Fault[], weight: number, of?: "green" | "canary"): Fault[] {
  return faults.map((f) => {
    if (f.percent === undefined || f.of !== of) return f;
    if (f.state === "waiting" && weight >= f.percent) return { ...f, state: "active", came: true };
    if (f.state === "active" && weight < f.percent) return { ...f, state: f.always ? "waiting" : "over" };
    return f;
  });
}

/** Begins, or ends, what a moment of the migration brings. */
export function atMoment(faults: Fault[], name: "stuck-run" | "dead-letters" | "late-file", begins: boolean): Fault[] {
  return faults.map((f) => {
    if (f.name !== name) return f;
    if (begins && f.state === "waiting") return { ...f, state: "active", came: true };
    if (!begins && f.state === "active") return { ...f, state: f.always ? "waiting" : "over" };
    return f;
  });
}

export const isActive = (faults: Fault[], name: FaultName): boolean => faults.some((f) => f.name === name && f.state === "active");
