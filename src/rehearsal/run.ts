import { fork } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recorded } from "../automation/journal/entries.js";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { Terminal, UserError } from "../errors.js";
import { cannotStrike, parseFault } from "../sandbox/faults.js";
import type { Budget } from "./judge.js";
import { ORDER, type Order, OUTCOME, type Told } from "./order.js";
import type { Outcome } from "./outcome.js";

export interface RehearsalOptions {
  /** The checkout, with Pulumi.yaml. */
  root: string;
  /** Folder with the stack configs. */
  stacks: string;
  /** Folder of all rehearsals; each gets one of its own in it. */
  folder: string;
  chosen: string[];
  /** `FAULT` for every chosen stack, or `STACK:FAULT`. */
  faults: string[];
  seed: number;
  budget: Budget;
  onEntry: (stack: string, entry: Recorded) => void;
  onRestart: (restarts: number) => void;
}

/** More crashes than anybody rehearses. */
const MOST_RESTARTS = 20;
const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));

/**
 * Takes stacks through their whole migration in a sandbox of their own, with faults, and judges what came of it. The
 * user's files and the service's state are only read.
 */
export async function runRehearsal(options: RehearsalOptions): Promise<Outcome> {
  const order = await orderOf(options);
  const folder = join(options.folder, order.id);
  await mkdir(folder, { recursive: true });
  await writeAtomically(join(folder, ORDER), JSON.stringify(order));
  for (let restarts = 0; ; restarts += 1) {
    const { signal, code, error } = await once(folder, restarts, options);
    if (error !== undefined) throw new Terminal(error.message, error.next === undefined ? {} : { next: error.next });
    if (code === 0) return JSON.parse(await readFile(join(folder, OUTCOME), "utf8")) as Outcome;
    if (signal !== "SIGKILL" || restarts >= MOST_RESTARTS)
      throw new Terminal(`The rehearsal ended early (${signal ?? `exit code ${code}`}).`, { next: `What it left is in ${folder}.` });
    options.onRestart(restarts + 1);
  }
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  error?: Extract<Told, { kind: "error" }>;
}

/** One process, to its end. */
function once(folder: string, restarts: number, { onEntry }: RehearsalOptions): Promise<Ended> {
  const child = fork(WORKER, [folder, String(restarts)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  let error: Ended["error"];
  child.on("message", (told: Told) => {
    if (told.kind === "entry") onEntry(told.stack, told.entry);
    else error = told;
  });
  // It would otherwise go on for a minute after Ctrl-C of this process alone.
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      process.off("exit", end);
      resolve({ code, signal, ...(error === undefined ? {} : { error }) });
    });
  });
}

/** @throws UserError for a stack or a fault that does not exist, or a fault that could never strike */
async function orderOf({ root, stacks, chosen, faults, seed, budget }: RehearsalOptions): Promise<Order> {
  const names = await StackFile.list(stacks);
  const configs = new Map<string, ReturnType<StackFile["shape"]>>();
  for (const stack of chosen) {
    if (!names.includes(stack))
      throw new UserError({ path: "--stack", got: JSON.stringify(stack), accepted: `one of ${names.join(", ")}` });
    configs.set(stack, (await StackFile.read(stacks, stack)).shape());
  }
  const byStack: Record<string, string[]> = {};
  for (const given of faults) {
    const named = chosen.find((s) => given.startsWith(`${s}:`));
    const text = named === undefined ? given : given.slice(named.length + 1);
    const fault = parseFault(text);
    for (const stack of named === undefined ? chosen : [named]) {
      const config = configs.get(stack);
      const never = config === undefined ? undefined : cannotStrike(fault, config);
      if (never !== undefined && (named !== undefined || chosen.length === 1))
        throw new UserError({ path: "--fault", got: text, accepted: `a fault that can strike ${stack}: ${never}` });
      if (never === undefined) byStack[stack] = [...(byStack[stack] ?? []), text];
    }
  }
  const first = [...configs.values()]
    .filter((c) => c.application.environment !== "staging")
    .map((c) => `${c.application.name}-staging`)
    .filter((s) => names.includes(s) && !chosen.includes(s));
  const madeAt = new Date().toISOString();
  const id = `${madeAt.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}-${chosen[0]}`;
  return { id, madeAt, root, stacks, first: [...new Set(first)], chosen, faults: byStack, seed, budget };
}
