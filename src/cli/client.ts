import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Way } from "../automation/decide/wayBack.js";
import type { Recorded } from "../automation/journal/entries.js";
import type { Preview } from "../automation/journal/records.js";
import { type Call, Connection, CutoverProblem } from "../client/connection.js";
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
import type { migrationView, stepView } from "../http/views.js";
import { nearest } from "../lib/nearest.js";

export type MigrationView = ReturnType<typeof migrationView>;
export type StepView = ReturnType<typeof stepView>;
export interface PreviewView {
  step?: StepView;
  preview?: Preview;
  wayBack?: WayView;
}
/** A way back without the configs that it leads to. */
export type WayView = Omit<Way, "path"> & {
  path: { kind: "config" | "undo"; summary: string; step?: string; afterSeconds?: number; kept?: { path: string; why: string }[] }[];
};

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

/** The running service, as the commands need it. Its problems come back as the errors that they were there. */
export class ServiceClient {
  private readonly server: string;
  private readonly connection: Connection;

  constructor({ server, ...who }: ServiceAddress) {
    this.server = server;
    this.connection = new Connection({ url: server, ...who });
  }

  migration = (stack: string): Promise<MigrationView> => this.get(this.at(stack));
  create = (stack: string): Promise<MigrationView> => this.post("/v1/migrations", { stack });
  steps = async (stack: string): Promise<StepView[]> => (await this.get<{ steps: StepView[] }>(this.at(stack, "/plan"))).steps;
  preview = (stack: string): Promise<PreviewView> => this.post(this.at(stack, "/preview"));
  wayBack = (stack: string, revision: number): Promise<WayView> => this.get(this.at(stack, `/way-back?revision=${revision}`));
  verify = (stack: string): Promise<{ intact: boolean; faults: string[] }> => this.get(this.at(stack, "/verify"));
  command = (stack: string, name: string, body: object = {}): Promise<MigrationView> => this.post(this.at(stack, `/${name}`), body, true);

  /** @param unreadable is told of each whose journal the service cannot read. @default nobody is */
  async migrations(unreadable: (stack: string, problem: string) => void = () => undefined): Promise<MigrationView[]> {
    const all: MigrationView[] = [];
    for (let from: string | undefined = ""; from !== undefined; ) {
      const query = from === "" ? "" : `?after=${encodeURIComponent(from)}`;
      const page: { migrations: MigrationView[]; next?: string; unreadable?: { stack: string; problem: string }[] } = await this.get(
        `/v1/migrations${query}`,
      );
      if (from === "") for (const { stack, problem } of page.unreadable ?? []) unreadable(stack, problem);
      all.push(...page.migrations);
      from = page.next;
    }
    return all;
  }

  /** Entries after a sequence number, in order, to the newest. */
  async journal(stack: string, after = 0): Promise<Recorded[]> {
    const all: Recorded[] = [];
    for (let from: number | undefined = after; from !== undefined; ) {
      const page: { entries: Recorded[]; next?: number } = await this.get(this.at(stack, `/journal?after=${from}`));
      all.push(...page.entries);
      from = page.next;
    }
    return all;
  }

  get<T>(path: string): Promise<T> {
    return this.call({ method: "GET", path });
  }

  /** What is not JSON, such as a report. */
  text(path: string): Promise<string> {
    return this.call({ method: "GET", path, text: true });
  }

  post<T>(path: string, body: object = {}, repeatable = false): Promise<T> {
    return this.call({ method: "POST", path, body, repeatable });
  }

  private at = (stack: string, path = ""): string => `/v1/migrations/${encodeURIComponent(stack)}${path}`;

  private async call<T>(call: Call): Promise<T> {
    try {
      return await this.connection.call<T>({ ...call, signal: AbortSignal.timeout(DEADLINE_MS) });
    } catch (error) {
      const known = error instanceof CutoverProblem ? errorOf(error, this.server) : error;
      throw known instanceof NotFound ? await this.withNearest(known, call.path) : known;
    }
  }

  /** A stack's name that was misspelt is answered with the nearest one that the caller sees. */
  private async withNearest(error: NotFound, path: string): Promise<NotFound> {
    const stack = /^\/v1\/migrations\/([^/?]+)/.exec(path)?.[1];
    if (stack === undefined) return error;
    const seen = (await this.migrations().catch(() => [])).map((m) => m.stack);
    const close = nearest(decodeURIComponent(stack), seen);
    return close === undefined || close === stack ? error : new NotFound(error.message, { cause: error, next: `Did you mean ${close}?` });
  }
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
