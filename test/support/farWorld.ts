import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { StackConfig } from "../../src/config/schema.js";
import { CutoverError, Terminal, Transient } from "../../src/errors.js";
import type { OpenTarget, Target } from "../../src/ports/target.js";

/** One call of a method, as it goes over the wire: of a port, or of what else the far side has. */
interface Call {
  stack: string;
  config?: StackConfig;
  object: string;
  method: string;
  args: unknown[];
}
type Answer = { now: number } & ({ result: unknown } | { error: { transient: boolean; message: string } });

export interface FarWorld {
  url: string;
  close(): Promise<void>;
}

/**
 * A far side for processes that come and go: like the real one, it is none of them.
 * @param others what it answers for beside the ports
 * @param silent an error that is no answer: whoever asked is gone
 */
export async function serveFarWorld(
  open: OpenTarget,
  others: Record<string, object> = {},
  silent: (error: unknown) => boolean = () => false,
): Promise<FarWorld> {
  const configs = new Map<string, StackConfig>();
  const answer = async ({ stack, config, object, method, args }: Call): Promise<Answer> => {
    if (config !== undefined) configs.set(stack, config);
    const target = await open(stack, () => configs.get(stack) as StackConfig);
    const asked = (others[object] ?? target[object as keyof Target]) as unknown as Record<string, (...given: unknown[]) => unknown>;
    try {
      const result = await asked[method]?.(...args);
      return { now: target.clock.now(), result: result ?? null };
    } catch (error) {
      if (silent(error)) throw error;
      const { message } = error as Error;
      return { now: target.clock.now(), error: { transient: !(error instanceof CutoverError) || error instanceof Transient, message } };
    }
  };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (data) => {
      text += data;
    });
    request.once("end", () => {
      answer(JSON.parse(text) as Call).then(
        (a) => response.end(JSON.stringify(a)),
        () => response.destroy(),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A signal is of this process alone: the call that carries it ends with it here. */
const withoutSignals = (_: string, value: unknown): unknown => (value instanceof AbortSignal ? undefined : value);

/** Asks a far world in another process. */
class Asking {
  now = 0;

  constructor(
    private readonly url: string,
    private readonly stack: string,
    private readonly config: () => StackConfig | undefined,
  ) {}

  async ask(object: string, method: string, args: unknown[], signal?: AbortSignal): Promise<unknown> {
    const config = this.config();
    const call: Call = { stack: this.stack, ...(config === undefined ? {} : { config }), object, method, args };
    const given = signal === undefined ? {} : { signal };
    const response = await fetch(this.url, { method: "POST", body: JSON.stringify(call, withoutSignals), ...given }).catch(
      (cause: Error) => {
        signal?.throwIfAborted();
        throw new Transient("the far world does not answer", { cause });
      },
    );
    const answered = (await response.json()) as Answer;
    this.now = answered.now;
    if ("result" in answered) return answered.result ?? undefined;
    throw answered.error.transient ? new Transient(answered.error.message) : new Terminal(answered.error.message);
  }

  object<T extends object>(name: string): T {
    return new Proxy({} as T, {
      get:
        (_, method: string) =>
        (...args: unknown[]) =>
          this.ask(name, method, args),
    });
  }
}

/** One stack's ports, answered by another process. */
export async function farTarget(url: string, stack: string, config: () => StackConfig): Promise<Target> {
  const far = new Asking(url, stack, config);
  await far.ask("clock", "now", []);
  return {
    kind: "sandbox",
    clock: { now: () => far.now, sleepUntil: async (until, signal) => void (await far.ask("clock", "sleepUntil", [until], signal)) },
    cloud: far.object("cloud"),
    cluster: far.object("cluster"),
    data: far.object("data"),
    fleet: far.object("fleet"),
    observer: far.object("observer"),
  };
}

/** What else a far world answers for. */
export const farObject = <T extends object>(url: string, name: string): T => new Asking(url, "", () => undefined).object<T>(name);
