import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { redactText } from "../lib/redact.js";

/** Of the service's own environment every program of a user's gets these; its secrets are none of its business. */
const PASSED_ON = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];
/** Enough that what a secret is known by, such as a key's first line, is rarely cut off before it is hidden. */
const MOST_OUTPUT = 65_536;
/** How long an ended program's last output may take: what it left behind may hold the pipe for ever. */
const GRACE_MS = 500;

export interface ProgramOptions {
  /** The whole environment: see `passedOn`. */
  env: NodeJS.ProcessEnv;
  deadlineMs: number;
  /** What it gets on its standard input. @default nothing to read */
  input?: string;
  /** Ends it early; what it answered is then of no use. */
  signal?: AbortSignal;
}

export interface Ended {
  /** Its exit code, or undefined when a signal ended it. */
  code: number | undefined;
  signal: NodeJS.Signals | undefined;
  /** Whether it was ended at its deadline. */
  late: boolean;
  /** The end of what it said on both streams, without what looks like a credential. */
  output: string;
}

/** The part of the service's environment that a user's program gets. */
export function passedOn(more: RegExp = /^$/, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => PASSED_ON.includes(name) || more.test(name)));
}

/**
 * Runs a user's program until it ends or its deadline passes, whichever is first, whatever it has started: a background
 * process that holds the output delays nothing. What failed or was late is ended with all it started, so that none of it
 * acts after it was given up.
 * @throws the cause when it cannot be started, the signal's reason when that is aborted
 */
export function runProgram([program = "", ...args]: string[], { env, deadlineMs, input, signal }: ProgramOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // A group of its own, so that what it started can be ended with it.
    const child = spawn(program, args, { env, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"], detached: true });
    const output = collected(child);
    let late = false;
    let code: number | undefined;
    let by: NodeJS.Signals | undefined;
    let grace: NodeJS.Timeout | undefined;
    const settle = (error?: Error) => {
      clearTimeout(deadline);
      clearTimeout(grace);
      signal?.removeEventListener("abort", giveUp);
      if (code !== 0) endGroup(child);
      if (signal?.aborted) reject(signal.reason);
      else if (error !== undefined) reject(error);
      else resolve({ code, signal: by, late: late && code !== 0, output: output() });
    };
    // Not even a process that the kernel cannot end is waited for.
    const soon = () => {
      grace ??= setTimeout(settle, GRACE_MS);
    };
    const giveUp = () => {
      endGroup(child);
      soon();
    };
    const deadline = setTimeout(() => {
      late = true;
      giveUp();
    }, deadlineMs);
    signal?.addEventListener("abort", giveUp, { once: true });
    child.on("error", settle);
    child.once("exit", (exit, ended) => {
      code = exit ?? undefined;
      by = ended ?? undefined;
      soon();
    });
    child.once("close", () => settle());
    // One that does not read its input is fine.
    child.stdin?.on("error", () => undefined).end(input);
  });
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

function collected({ stdout, stderr }: ChildProcess): () => string {
  let output = "";
  for (const stream of [stdout, stderr]) {
    // What is left behind may go on writing: it is read, but nothing waits for it.
    (stream as Socket | null)?.unref();
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output = `${output}${text}`.slice(-MOST_OUTPUT);
    });
  }
  return () => redactText(output.trim());
}
