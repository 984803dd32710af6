import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Recorded } from "../automation/journal/entries.js";
import { type Call, Connection, CutoverProblem } from "../client/connection.js";
import { eventsOf } from "../client/events.js";
import { type Migration, Operations } from "../client/generated.js";
import { pagesOf } from "../client/pages.js";
import { pathOf } from "../client/paths.js";
import {
  Conflict,
  Forbidden,
  type InputIssue,
  NotFound,
  PromiseViolation,
  Terminal,
  Transient,
  Unauthenticated,
  UserError,
} from "../errors.js";
import { nearest } from "../lib/nearest.js";
import { News } from "./news.js";

export interface ServiceAddress {
  /** Address of the running service. */
  server: string;
  /** Who asks, where the credential does not say it. */
  user: string;
  token?: string;
}

/** A preview runs the engine; nothing takes longer. */
const DEADLINE_MS = 600_000;
const FIRST_STEPS = "Start it with `cutover serve`, or name another with --server or CUTOVER_SERVER.";

/** The token of CUTOVER_TOKEN, or the one that a service on this machine left in its state folder. */
export async function tokenIn(state: string, env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const given = env.CUTOVER_TOKEN ?? (await readFile(join(state, "token"), "utf8").catch(() => undefined));
  return given === undefined || given.trim() === "" ? undefined : given.trim();
}

/** The API's operations as the commands need them: within a deadline, and problems come back as the errors that they were there. */
export class ServiceClient extends Operations {
  private readonly connection: Connection;

  constructor({ server, ...who }: ServiceAddress) {
    const connection = new Connection({ url: server, ...who });
    const ask = <T>(call: Call): Promise<T> => connection.call({ ...call, signal: AbortSignal.timeout(DEADLINE_MS) });
    super((call) =>
      ask<never>(call).catch(async (error: unknown) => {
        const known = error instanceof CutoverProblem ? errorOf(error, server) : error;
        throw known instanceof NotFound ? await withNearest(known, call, new Operations(ask)) : known;
      }),
    );
    this.connection = connection;
  }

  /** @param unreadable is told of each whose journal the service cannot read, with each page. @default nobody is */
  migrations(unreadable?: (stack: string, problem: string) => void): Promise<Migration[]> {
    return everyMigration(this, unreadable);
  }

  /** Entries after a sequence number, in order, to the newest. */
  async journal(stack: string, first = 0): Promise<Recorded[]> {
    const all: Recorded[] = [];
    for await (const { entries } of pagesOf((after: number | undefined = first) => this.getJournal(stack, { after })))
      all.push(...(entries as Recorded[]));
    return all;
  }

  /** What happens to a stack, or to any; to be ended. */
  news(stack?: string): News {
    return new News((options) => eventsOf(this.connection, options), stack);
  }
}

async function everyMigration(api: Operations, unreadable?: (stack: string, problem: string) => void): Promise<Migration[]> {
  const all: Migration[] = [];
  for await (const page of pagesOf((after?: string) => api.listMigrations({ after }))) {
    for (const { stack, problem } of page.unreadable ?? []) unreadable?.(stack, problem);
    all.push(...page.migrations);
  }
  return all;
}

/** A stack's name that was misspelt is answered with the nearest one that the caller sees. */
async function withNearest(error: NotFound, { path }: Call, api: Operations): Promise<NotFound> {
  const below = pathOf((o) => o.getMigration(""));
  if (!path.startsWith(below)) return error;
  const stack = decodeURIComponent(path.slice(below.length).split("/")[0] ?? "");
  const seen = (await everyMigration(api).catch(() => [])).map((m) => m.stack);
  const close = nearest(stack, seen);
  return close === undefined || close === stack ? error : new NotFound(error.message, { cause: error, next: `Did you mean ${close}?` });
}

/** The error that a problem document describes. */
function errorOf({ status, message, next, type, requestId, document }: CutoverProblem, server: string): Error {
  if (status === 0) return unreachable(server, message, next);
  if (status === 401)
    return new Unauthenticated(message, {
      next: "Set CUTOVER_TOKEN to a token of the service; `cutover serve` leaves one in the state folder (--state).",
    });
  if (status === 403) return new Forbidden(message, { next });
  switch (type.split("/").at(-1)) {
    case "not-found":
      return new NotFound(message, { next });
    case "conflict":
      return new Conflict(message, { next, ...(typeof document.holder === "string" ? { holder: document.holder } : {}) });
    case "promise-violation":
      return new PromiseViolation(Number(document.promise), message.replace(/^promise \d+: /, ""), { next });
    case "user": {
      const issues = (document.issues as InputIssue[] | undefined) ?? [];
      return issues.length > 0 ? new UserError(issues, { next }) : new UserError({ path: "request", accepted: message }, { next });
    }
    case "bug":
      return new Terminal(`${message} Request ${requestId}.`, { next: next ?? "Report it with that log." });
  }
  if (status === 429 || status === 503) return new Transient(message, { next });
  return new Terminal(message, { next });
}

function unreachable(server: string, message: string, next = FIRST_STEPS): Error {
  if (!URL.canParse(server) || !/^https?:/.test(server))
    return new UserError(
      { path: "--server", got: server, accepted: "the service's address, for example http://127.0.0.1:8080" },
      { next: FIRST_STEPS },
    );
  return new Transient(message, { next });
}
