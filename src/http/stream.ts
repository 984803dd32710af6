import { randomUUID } from "node:crypto";
import type { Request, Response } from "express";
import type { Scope } from "../access/caller.js";
import type { Migrations } from "../automation/migrations.js";
import { currentConfig, type MigrationState } from "../automation/state/state.js";
import { isStillKnown } from "./authentication.js";
import { viewOf } from "./views.js";

/** How often a quiet stream shows that it lives, and the credential is checked again. */
const BEAT_MS = 15_000;
/** Events that a client may have missed and still gets. */
const KEPT = 2_000;
/** What may wait for one client, in bytes: who reads no more is let go, and comes back for what it missed. */
const MOST_WAITING = 1_024 * 1_024;
/** What a client missed goes out in pieces of so many bytes, the next one when it has read this one. */
const PIECE = 64 * 1_024;
/** What a client that missed more is sent, once for each migration. */
const SNAPSHOT = "snapshot";
/** How far the clocks of two processes may be apart, in milliseconds. */
const APART_MS = 300_000;
/** How long the text of a migration serves all who come back at once. */
const SHARED_MS = 5_000;

interface Sent {
  number: number;
  text: string;
  scope: Scope;
}

interface Client {
  sees: Sees;
  /** Number of the last event that it was sent; while it catches up, what happens waits for it in what is kept. */
  at: number;
  live: boolean;
}

/** Whether whoever listens may see what belongs to an application and environment. */
type Sees = (scope: Scope) => boolean;

/** Where a client is: `PROCESS-NUMBER-TIME`, the process that sent it, the event's number there, and when that was. */
const PLACE = /^([0-9a-f]{8})-(\d{1,15})(?:-(\d{1,15}))?$/;

/**
 * Server-sent events: the view of each migration whenever its journal grows. A client that comes back says which event
 * it saw last (`Last-Event-ID`, as EventSource does by itself) and gets what it missed; one that missed too much, or
 * saw another process's events, gets a `snapshot` of each migration that changed since, instead.
 *
 * A client catches up at the speed at which it reads: nothing is made for it that it cannot take, and only then is it sent
 * what happens as it happens. So a hundred that come back at once need the memory of a hundred pieces.
 */
export class ProgressStream {
  /** Tells this process's events from those of another one. */
  private readonly process = randomUUID().slice(0, 8);
  private readonly kept: Sent[] = [];
  private last = 0;
  private readonly clients = new Map<Response, Client>();
  /** Events are written in the order in which they happened. */
  private tail: Promise<void> = Promise.resolve();
  /** Texts that several who come back are sent, as long as somebody does. */
  private readonly shared = new Map<string, { state: MigrationState; madeAt: number; text: string }>();
  private snapshots = 0;

  constructor(
    private readonly migrations: Migrations,
    private readonly beatMs = BEAT_MS,
    private readonly mostWaiting = MOST_WAITING,
  ) {
    migrations.onProgress(({ stack, plan, entry, state }) => {
      this.tail = this.tail
        .then(() => migrations.turns.clear())
        .then(() => viewOf(migrations, { stack, plan, state }))
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
    response.write(seen === undefined ? `: open\n${this.place()}\n` : ": open\n\n");
    const client: Client = { sees, at: this.last, live: seen === undefined };
    this.clients.set(response, client);
    if (seen !== undefined) void this.catchUp(response, client, seen).catch(() => this.leave(response));
    const beat = setInterval(async () => {
      if (await isStillKnown(request)) this.write(response, ": still here\n\n");
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

  private write(response: Response, text: string): void {
    if (!isOpen(response)) return;
    response.write(text);
    if (response.writableLength > this.mostWaiting) response.destroy();
  }

  private send(type: string, view: Scope): void {
    this.last += 1;
    const sent = { number: this.last, text: `${this.place()}${eventOf(type, view)}`, scope: view };
    this.kept.push(sent);
    if (this.kept.length > KEPT) this.kept.shift();
    for (const [response, client] of this.clients) {
      if (!client.live) continue;
      client.at = sent.number;
      if (client.sees(sent.scope)) this.write(response, sent.text);
    }
  }

  private place(): string {
    return `id: ${this.process}-${this.last}-${Date.now()}\n`;
  }

  /** Sends what came after the event that a client saw last, and goes on until it is where everybody is. */
  private async catchUp(response: Response, client: Client, seen: string): Promise<void> {
    const [, process, number, time] = PLACE.exec(seen) ?? [];
    const known = process === this.process && Number(number) <= this.last && Number(number) >= this.oldest() - 1;
    if (known) client.at = Number(number);
    else await this.snapshot(response, client, process === undefined ? "00000000-0-0" : seen, Number(time ?? 0) - APART_MS);
    while (isOpen(response) && client.at < this.last) {
      // Who reads so slowly that what it needs is gone comes back for a snapshot.
      if (client.at < this.oldest() - 1) return void response.destroy();
      for (const sent of this.kept.slice(client.at - this.oldest() + 1)) {
        if (response.writableLength >= PIECE) break;
        client.at = sent.number;
        if (client.sees(sent.scope)) response.write(sent.text);
      }
      await this.drained(response);
    }
    client.live = true;
  }

  /** Number of the oldest event that is kept. */
  private oldest(): number {
    return this.kept[0]?.number ?? this.last + 1;
  }

  /**
   * The view of each migration that changed since, as it is when it is sent. Until all were, the client is where it was: one
   * whose connection breaks meanwhile gets the rest when it comes back.
   */
  private async snapshot(response: Response, client: Client, seen: string, since: number): Promise<void> {
    client.at = this.last;
    this.snapshots += 1;
    try {
      for (const { stack, state } of await this.migrations.list(() => undefined)) {
        if (state.recordedAt < since) continue;
        const shown = await this.shownOf(stack);
        if (shown === undefined || !client.sees(shown.scope)) continue;
        response.write(`id: ${seen}\n${shown.text}`);
        if (response.writableLength < PIECE) continue;
        await this.drained(response);
        if (!isOpen(response)) return;
      }
      response.write(`: that is all\nid: ${this.process}-${client.at}-${Date.now()}\n\n`);
    } finally {
      this.snapshots -= 1;
      if (this.snapshots === 0) this.shared.clear();
    }
  }

  /** Resolves when what was written was read, or nobody reads any more, and it is the turn of the next piece. */
  private async drained(response: Response): Promise<void> {
    await this.migrations.turns.piece();
    if (!isOpen(response) || !response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        response.off("drain", done).off("close", done);
        resolve();
      };
      response.on("drain", done).on("close", done);
    });
  }

  private async shownOf(stack: string): Promise<{ text: string; scope: Scope } | undefined> {
    const migration = this.migrations.known(stack);
    if (migration === undefined) return undefined;
    const { name: application, environment } = currentConfig(migration.state).application;
    const scope = { application, environment };
    const shared = this.shared.get(stack);
    if (shared?.state === migration.state && Date.now() - shared.madeAt < SHARED_MS) return { text: shared.text, scope };
    // One that has no view keeps nobody from the others.
    const view = await viewOf(this.migrations, migration).catch(() => undefined);
    if (view === undefined) return undefined;
    const text = eventOf(SNAPSHOT, view);
    this.shared.set(stack, { state: migration.state, madeAt: Date.now(), text });
    return { text, scope };
  }
}

const eventOf = (type: string, view: object): string => `event: ${type}\ndata: ${JSON.stringify(view)}\n\n`;

const isOpen = (response: Response): boolean => !response.writableEnded && !response.destroyed;
