import { type CutoverClient, pagesOf } from "../../../client/index.js";
import { type ApiOptions, asProblem, clientOf, type Problem } from "./api.js";
import type { Me, Migration } from "./types.js";

/** A change that an element is told of: the stack whose view is new, or nothing for a change of the connection. */
export type Change = { stack: string; statusChanged: boolean } | undefined;

/** Migrations that are asked for at a time: what makes them keeps nobody else waiting for long. */
const PAGE = 200;

/**
 * One service as one credential sees it, shared by all elements of a page: a copy of every migration's view, kept up to
 * date by one stream of events for as long as somebody listens.
 */
export class Session {
  readonly api: CutoverClient;
  readonly migrations = new Map<string, Migration>();
  /** Who the credential stands for; absent until the service has said it. */
  me: Me | undefined;
  /** Whether the first answer is there. */
  loaded = false;
  /** Whether the stream is open: what is shown is as it is now. */
  live = false;
  /** The credential is accepted no more: a stream that is still open says nothing about that. */
  signedOut = false;
  problem: Problem | undefined;
  /** Migrations whose journal the service cannot read, and why. */
  unreadable: { stack: string; problem: string }[] = [];
  private readonly listeners = new Set<(change: Change) => void>();
  private stop: (() => void) | undefined;

  constructor(options: ApiOptions) {
    this.api = clientOf(options, (problem) => {
      if (this.signedOut) return;
      [this.signedOut, this.live, this.problem] = [true, false, problem];
      this.tell(undefined);
    });
  }

  /** @returns how to stop listening; the last one ends the stream */
  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    if (this.stop === undefined) this.start();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.stop?.();
      this.stop = undefined;
      // What nobody follows grows old.
      this.loaded = false;
      this.migrations.clear();
    };
  }

  private start(): void {
    const ending = new AbortController();
    this.stop = () => ending.abort();
    // The stream first: what happens while the list is fetched is not missed.
    void this.follow(ending.signal);
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const onState = (live: boolean, error?: Error): void => {
      this.live = live;
      this.problem = error === undefined ? undefined : asProblem(error);
      if (live) this.signedOut = false;
      // A stream that resumes brings what was missed: all of the list is asked for once.
      if (live) void this.load();
      this.tell(undefined);
    };
    for await (const { migration } of this.api.events({ signal, onState, outlastsRefusal: true })) this.take(migration);
  }

  private async load(): Promise<void> {
    try {
      this.me = await this.api.getMe();
      if (this.loaded) {
        this.unreadable = (await this.api.listMigrations({ limit: 1 })).unreadable ?? [];
        return this.tell(undefined);
      }
      for await (const { migrations, unreadable = [] } of pagesOf((after?: string) => this.api.listMigrations({ after, limit: PAGE }))) {
        this.unreadable = unreadable;
        for (const m of migrations) this.take(m);
      }
      this.loaded = true;
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.tell(undefined);
  }

  /** Takes a view unless a newer one is there. */
  take(view: Migration): void {
    const before = this.migrations.get(view.stack);
    if (before !== undefined && before.lastSeq > view.lastSeq) return;
    this.migrations.set(view.stack, view);
    this.tell({ stack: view.stack, statusChanged: before !== undefined && before.status !== view.status });
  }

  private tell(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}

const sessions = new Map<string, Session>();

/** The session of a service and a credential; the same one for the same options. */
export function sessionOf(options: ApiOptions): Session {
  if (typeof options.token === "function") {
    const known = byFunction.get(options.token);
    if (known !== undefined) return known;
    const made = new Session(options);
    byFunction.set(options.token, made);
    return made;
  }
  // A function for the name stands for the page's own field: there is one.
  const key = JSON.stringify([options.base, options.token, options.user]);
  let session = sessions.get(key);
  if (session === undefined) {
    session = new Session(options);
    sessions.set(key, session);
  }
  return session;
}
const byFunction = new WeakMap<object, Session>();
