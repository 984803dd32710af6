import { Worker } from "node:worker_threads";
import type { UpdateSummary } from "@pulumi/pulumi/automation/index.js";
import { Transient } from "../../errors.js";
import type { Preview } from "../journal/records.js";
import type { Applied, EngineCalls, EngineOptions, ExportedState, Scope, UpOptions } from "./calls.js";
import { fromPlain, type PlainError, unsettled } from "./failures.js";
import type { Planned } from "./preview.js";
import { Progress, type ResourceEvent } from "./progress.js";

export interface Question {
  id: number;
  call: keyof EngineCalls;
  args: unknown[];
  /** Of the engine, for the stack that the call is about. */
  env?: Record<string, string> | undefined;
}

export type Answer = { id: number; result: unknown } | { id: number; error: PlainError };

/** What an update is at, told between question and answer. */
export interface Told {
  stack: string;
  resource: ResourceEvent;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * The engine's calls in a thread of their own. There the program's modules are loaded once and the inline programs run,
 * which keeps a core busy for a tenth of a second at a time: requests to the service would wait for it. A program that
 * ends its thread (out of memory) fails the calls under way as passing, and the next call gets a new thread.
 */
export class EngineThread implements EngineCalls {
  /** What the updates under way are at. */
  readonly progress = new Progress();
  private worker: Worker | undefined;
  private readonly pending = new Map<number, Pending>();
  private last = 0;
  private closed = false;
  private readonly environments = new Map<string, Record<string, string>>();

  constructor(private readonly options: EngineOptions) {}

  warm = (): Promise<void> => this.ask("warm");
  preview = (stack: string, configFile: string, refresh = false, as = stack): Promise<Preview> =>
    this.ask("preview", stack, configFile, refresh, as);
  up = (stack: string, options: UpOptions): Promise<Applied> =>
    this.ask<Applied>("up", stack, options).finally(() => this.progress.end(stack));
  cancel = (stack: string): Promise<void> => this.ask("cancel", stack);
  planned = (stack: string, options: Scope): Promise<Planned[]> => this.ask("planned", stack, options);
  refresh = (stack: string, options: Scope): Promise<void> => this.ask("refresh", stack, options);
  history = (stack: string, most: number): Promise<UpdateSummary[]> => this.ask("history", stack, most);
  exportState = (stack: string): Promise<ExportedState> => this.ask("exportState", stack);
  importState = (stack: string, state: ExportedState): Promise<void> => this.ask("importState", stack, state);

  /** What leads the engine to one stack's far side, beside its own environment. Known before the stack's calls. */
  useEnvironment(stack: string, env: Record<string, string>): void {
    this.environments.set(stack, env);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.worker?.terminate();
  }

  private ask<T>(call: keyof EngineCalls, ...args: unknown[]): Promise<T> {
    if (this.closed) return Promise.reject(new Transient("The service is ending: the engine is not called any more."));
    const worker = this.thread();
    this.last += 1;
    const id = this.last;
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      // A thread that waits for nothing does not keep the process.
      worker.ref();
      worker.postMessage({ id, call, args, env: this.environments.get(String(args[0])) } satisfies Question);
    });
  }

  private thread(): Worker {
    if (this.worker !== undefined) return this.worker;
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: this.options });
    worker.on("message", (message: Answer | Told) => {
      if ("resource" in message) return this.progress.take(message.stack, message.resource);
      const answer = message;
      const waiting = this.pending.get(answer.id);
      this.pending.delete(answer.id);
      if (this.pending.size === 0) worker.unref();
      if ("error" in answer) waiting?.reject(fromPlain(answer.error));
      else waiting?.resolve(answer.result);
    });
    let failure: Error | undefined;
    worker.on("error", (error) => {
      failure = error;
    });
    worker.once("exit", () => {
      this.worker = undefined;
      const what = `The thread that runs the program ended: ${failure?.message ?? "it was stopped"}.`;
      // An engine that it had started ends automatically soon; how far it came is not known.
      for (const { reject } of this.pending.values()) reject(unsettled(new Transient(what, { cause: failure })));
      this.pending.clear();
    });
    this.worker = worker;
    return worker;
  }
}
