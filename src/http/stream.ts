import { randomUUID } from "node:crypto";
import type { Request, Response } from "express";
import type { Scope } from "../access/caller.js";
import type { Migrations } from "../automation/migrations.js";
import { isStillKnown } from "./authentication.js";
import { listed, viewOf } from "./views.js";

/** How often a quiet stream shows that it lives, and the credential is checked again. */
const BEAT_MS = 15_000;
/** Events that a client may have missed and still gets. */
const KEPT = 2_000;
/** What may wait for one client, in bytes: who reads no more is let go, and comes back for what it missed. */
const MOST_WAITING = 1_024 * 1_024;
/** What a client that missed more is sent, once for each migration. */
const SNAPSHOT = "snapshot";

interface Sent {
  number: number;
  text: string;
  scope: Scope;
}

interface Client {
  sees: Sees;
  /** What may wait for it, in bytes: what it had missed, which comes all at once, and some more. */
  mayWait: number;
}

/** Whether whoever listens may see what belongs to an application and environment. */
type Sees = (scope: Scope) => boolean;

/**
 * Server-sent events: the view of each migration whenever its journal grows. A client that comes back says which event
 * it saw last (`Last-Event-ID`, as EventSource does by itself) and gets what it missed; one that missed too much, or
 * saw another process's events, gets a `snapshot` of every migration instead.
 */
export class ProgressStream {
  /** Tells this process's events from those of another one. */
  private readonly process = randomUUID().slice(0, 8);
  private readonly kept: Sent[] = [];
  private last = 0;
  private readonly clients = new Map<Response, Client>();
  /** Events are written in the order in which they happened. */
  private tail: Promise<void> = Promise.resolve();

  constructor(
    private readonly migrations: Migrations,
    private readonly beatMs = BEAT_MS,
    private readonly mostWaiting = MOST_WAITING,
  ) {
    migrations.onProgress(({ stack, entry, state }) => {
      this.tail = this.tail
        .then(() => migrations.get(stack))
        .then(({ plan }) => viewOf(migrations, { stack, plan, state }))
        .then((view) => this.send(entry.type, view))
        .catch(() => undefined);
    });
  }

  /** Answers one request, until the client goes or its credential ends. */
  serve(request: Request, response: Response, sees: Sees): void {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", Connection: "keep-alive" });
    // A client that goes at the wrong moment ends its own stream, not the service.
    response.on("error", () => this.clients.delete(response));
    const seen = request.get("last-event-id");
    // Where it is now, so that a client whose connection breaks before the first event misses nothing either.
    response.write(seen === undefined ? `: open\nid: ${this.process}-${this.last}\n\n` : ": open\n\n");
    const resumed = seen === undefined || this.replay(seen, response, sees);
    const client = { sees, mayWait: this.mostWaiting + response.writableLength };
    this.clients.set(response, client);
    if (!resumed) void this.snapshot(response, client).catch(() => this.leave(response));
    const beat = setInterval(async () => {
      if (await isStillKnown(request)) this.write(response, client, ": still here\n\n");
      else this.leave(response);
    }, this.beatMs);
    response.on("close", () => {
      this.clients.delete(response);
      clearInterval(beat);
    });
  }

  /** Nothing is written after the end. */
  private leave(response: Response): void {
    this.clients.delete(response);
    // An end waits behind what is not read.
    if (response.writableEnded) response.destroy();
    else response.end();
  }

  private write(response: Response, { mayWait }: Client, text: string): void {
    if (response.writableEnded || response.destroyed) return;
    response.write(text);
    if (response.writableLength > mayWait) response.destroy();
  }

  private send(type: string, view: Scope): void {
    this.last += 1;
    const sent = { number: this.last, text: this.textOf(type, view), scope: view };
    this.kept.push(sent);
    if (this.kept.length > KEPT) this.kept.shift();
    for (const [response, client] of this.clients) if (client.sees(sent.scope)) this.write(response, client, sent.text);
  }

  private textOf(type: string, view: object): string {
    return `id: ${this.process}-${this.last}\nevent: ${type}\ndata: ${JSON.stringify(view)}\n\n`;
  }

  /** Sends what came after an event. @returns false when that is not known any more */
  private replay(seen: string, response: Response, sees: Sees): boolean {
    const [process, number] = seen.split("-");
    const from = Number(number);
    const oldest = this.kept[0]?.number ?? this.last + 1;
    if (process !== this.process || !Number.isInteger(from) || from < oldest - 1 || from > this.last) return false;
    for (const sent of this.kept) if (sent.number > from && sees(sent.scope)) response.write(sent.text);
    return true;
  }

  private async snapshot(response: Response, client: Client): Promise<void> {
    const { views } = await listed(this.migrations);
    if (response.writableEnded || response.destroyed) return;
    for (const view of views.filter(client.sees)) response.write(this.textOf(SNAPSHOT, view));
    client.mayWait = this.mostWaiting + response.writableLength;
  }
}
