import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Told the process id as soon as it runs. */
  onStart?: (pid: number) => void;
}

/** Runs a command to its end and answers what it printed. @throws Error with its output when it ends with another code than 0 */
export function run(command: string, args: readonly string[], { cwd, env, onStart }: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", reject);
    if (child.pid !== undefined) onStart?.(child.pid);
    child.once("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${output.slice(-4_000)}`)),
    );
  });
}

const children = new Set<ChildProcess>();
// A benchmark that crashes leaves nobody behind.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

export interface Helper<Ready> {
  pid: number;
  /** What it said once it was ready. */
  ready: Ready;
  /** Asks it something, and waits for the answer. */
  ask<Answer>(message: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts one of the benchmarks' own programs, and waits until it is ready. @throws Error when it ends before that */
export async function startHelper<Ready>(
  file: URL,
  task: unknown,
  env: Record<string, string> = {},
  execArgv: string[] = [],
): Promise<Helper<Ready>> {
  const child = fork(file, [JSON.stringify(task)], { env: { ...process.env, ...env }, execArgv });
  children.add(child);
  const ended = once(child, "exit").then(([code, signal]) => {
    children.delete(child);
    throw new Error(`${file.pathname} ended with ${code ?? signal}`);
  });
  ended.catch(() => undefined);
  const next = async () => ((await Promise.race([once(child, "message"), ended])) as [unknown])[0];
  const ready = (await next()) as Ready;
  return {
    pid: child.pid as number,
    ready,
    ask: async <Answer>(message: unknown) => {
      child.send(message as object);
      return (await next()) as Answer;
    },
    close: async () => {
      child.kill("SIGTERM");
      await ended.catch(() => undefined);
    },
  };
}

/** A program of its own that runs until it is told to end. */
export interface Program {
  pid: number;
  /** The first group of the first match in what it prints. @throws Error when it ends before */
  said(pattern: RegExp): Promise<string>;
  end(): Promise<void>;
}

export function startProcess(command: string, args: readonly string[], { env, cwd }: RunOptions = {}): Program {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let output = "";
  const heard = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const look of heard) look();
    });
  }
  const ended = once(child, "close").finally(() => children.delete(child));
  return {
    pid: child.pid as number,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(output)?.[1];
          if (found !== undefined) resolve(found);
        };
        heard.add(look);
        look();
        void ended.then(() => reject(new Error(`${command} ${args.join(" ")} ended early:\n${output.slice(-4_000)}`)));
      }),
    end: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
