import { get, request } from "node:http";
import type { EntryType } from "../../src/automation/journal/entries.js";

interface Event {
  type: EntryType;
  at: number;
  view: { stack: string; status: string; running: boolean; step?: { id: string } };
}

/** The service as another program sees it: commands by HTTP, news by the event stream. */
export class Client {
  private readonly listeners = new Set<(event: Event) => void>();
  private endEvents: () => void = () => undefined;

  private constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  static async open(url: string, token: string): Promise<Client> {
    const client = new Client(url, token);
    await client.listen();
    return client;
  }

  private listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = get(`${this.url}/v1/events`, { headers: { authorization: `Bearer ${this.token}` } }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          const blocks = text.split("\n\n");
          text = blocks.pop() ?? "";
          for (const block of blocks) this.hear(block);
        });
        resolve();
      });
      call.once("error", reject);
      this.endEvents = () => call.destroy();
    });
  }

  private hear(block: string): void {
    const type = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (type === undefined || data === undefined) return;
    const event: Event = { type: type as EntryType, at: performance.now(), view: JSON.parse(data) as Event["view"] };
    for (const listener of this.listeners) listener(event);
  }

  /** Resolves with the moment of the next event of the stack that fits. Ask before what causes it. */
  next(stack: string, fits: (event: Event) => boolean): Promise<Event> {
    return new Promise((resolve) => {
      const listener = (event: Event): void => {
        if (event.view.stack !== stack || !fits(event)) return;
        this.listeners.delete(listener);
        resolve(event);
      };
      this.listeners.add(listener);
    });
  }

  /** Sends a request, and answers how many milliseconds its answer took and what it said. @throws Error for anything but 2xx */
  call<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<{ ms: number; json: T }> {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${this.token}`,
        "x-cutover-user": "benchmark operator",
        ...(text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      };
      const call = request(`${this.url}${path}`, { method, headers }, (response) => {
        let answer = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          answer += chunk;
        });
        response.once("end", () => {
          const ms = performance.now() - began;
          if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${path} answered ${response.statusCode}: ${answer}`));
          else resolve({ ms, json: JSON.parse(answer) as T });
        });
      });
      call.once("error", reject);
      call.end(text);
    });
  }

  /** Seconds from a command until the first such entry stands in the journal. */
  async until(stack: string, path: string, body: unknown, type: EntryType): Promise<number> {
    const outcome = this.next(stack, (e) => e.type === type || e.type === "update.failed" || e.type === "migration.held");
    const began = performance.now();
    await this.call("POST", `/v1/migrations/${stack}/${path}`, body);
    const { type: was, at } = await outcome;
    if (was !== type) throw new Error(`${stack}: ${was} instead of ${type}`);
    return (at - began) / 1_000;
  }

  /** Waits until nothing of the stack runs. */
  async idle(stack: string): Promise<string> {
    for (;;) {
      const { json } = await this.call<{ running: boolean; status: string }>("GET", `/v1/migrations/${stack}`);
      if (!json.running) return json.status;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  end(): void {
    this.endEvents();
  }
}
