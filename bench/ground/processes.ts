import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { ApplicationTask, Told as AppTold } from "./application.js";
import type { BalancerTask, Group, Told } from "./balancer.js";
import type { LoadTask, Order, Snapshot } from "./load.js";
import { realMs, WORLD } from "./pace.js";

const children = new Set<ChildProcess>();
// A run that crashes leaves nobody behind.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

function start(program: string, task: object): ChildProcess {
  const child = fork(new URL(`./${program}.js`, import.meta.url), [JSON.stringify(task)], { execArgv: [] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (isOver(child)) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

/** A server of the application, wherever it runs. */
export class Application {
  /** Once it listens. */
  port: number | undefined;
  private readonly child: ChildProcess;

  /**
   * @param startupSeconds of the world, until it listens
   * @param ordersUrl where it keeps orders; undefined: nowhere
   */
  constructor(version: string, startupSeconds: number, ordersUrl: string | undefined) {
    const task: ApplicationTask = {
      version,
      startupMs: realMs(startupSeconds),
      slowMs: realMs(WORLD.slow),
      keepAliveMs: realMs(WORLD.idle) * 2,
      ...(ordersUrl === undefined ? {} : { ordersUrl }),
    };
    this.child = start("application", task);
    this.child.once("message", (message) => {
      this.port = (message as { port: number }).port;
    });
  }

  get over(): boolean {
    return isOver(this.child);
  }

  /** A regression: this fraction of its answers is 500. */
  fail(failing: number): void {
    if (this.child.connected) this.child.send({ failing } satisfies AppTold);
  }

  stop(): void {
    this.child.kill("SIGTERM");
  }

  kill(): Promise<void> {
    return end(this.child);
  }
}

interface Sample extends Pick<Told, "requests" | "errors" | "took"> {
  /** By the target's clock. */
  at: number;
  /** Of this machine, in milliseconds. */
  realAt: number;
}

/** A load balancer, and what its metrics say. */
export class Balancer {
  private readonly child: ChildProcess;
  private samples: Sample[] = [];
  private told: Told = { requests: 0, errors: 0, took: [], weights: {}, targets: [] };

  /** @param now the target's clock, by which metrics are kept */
  constructor(
    readonly address: string,
    port: number,
    now: () => number,
  ) {
    this.child = start("balancer", { address, port, idleMs: realMs(WORLD.idle) } satisfies BalancerTask);
    this.child.on("message", (told: Told) => {
      this.told = told;
      if (told.requests > 0)
        this.samples.push({ at: now(), realAt: Date.now(), requests: told.requests, errors: told.errors, took: told.took });
    });
  }

  set(groups: Group[]): void {
    if (this.child.connected) this.child.send(groups);
  }

  get over(): boolean {
    return isOver(this.child);
  }
  get targets(): Told["targets"] {
    return this.told.targets;
  }
  get weights(): Told["weights"] {
    return this.told.weights;
  }

  /** Of seconds of the world that ended some seconds ago, by the machine's clock: what a rate of minutes is taken over. */
  rates(windowSeconds: number, delaySeconds: number): { requests: number; errors: number; p95Seconds: number } {
    const to = Date.now() - realMs(delaySeconds);
    const of = this.samples.filter((s) => s.realAt > to - realMs(windowSeconds) && s.realAt <= to);
    const took = of.flatMap((s) => s.took).sort((a, b) => a - b);
    return {
      requests: of.reduce((sum, s) => sum + s.requests, 0),
      errors: of.reduce((sum, s) => sum + s.errors, 0),
      p95Seconds: (took[Math.floor(took.length * 0.95)] ?? 0) / 1_000,
    };
  }

  /** Requests since an instant of the target's clock, by which hours go by faster. */
  since(instant: number): number {
    return this.samples.filter((s) => s.at > instant).reduce((sum, s) => sum + s.requests, 0);
  }

  close(): Promise<void> {
    return end(this.child);
  }
}

/** The users. */
export class Load {
  private readonly child: ChildProcess;

  private constructor(task: LoadTask) {
    this.child = start("load", task);
  }

  static async start(task: LoadTask): Promise<Load> {
    const load = new Load(task);
    await once(load.child, "message");
    return load;
  }

  async snapshot(): Promise<Snapshot> {
    return this.ask({ ask: "snapshot" });
  }

  /** Ids of the orders whose sender was told that they are kept. */
  async accepted(): Promise<string[]> {
    return this.ask({ ask: "accepted" });
  }

  begin(): void {
    this.child.send({ begin: true } satisfies Order);
  }

  /** What `lastFresh` is counted from. */
  mark(): void {
    this.child.send({ mark: true } satisfies Order);
  }

  synthetic(perSecond: number): void {
    this.child.send({ synthetic: perSecond } satisfies Order);
  }

  /** Everybody ends what they are at. */
  stop(): Promise<Snapshot> {
    return this.ask({ stop: true });
  }

  close(): Promise<void> {
    return end(this.child);
  }

  private async ask<T>(order: Order): Promise<T> {
    const answer = once(this.child, "message");
    this.child.send(order);
    return ((await answer) as [T])[0];
  }
}
