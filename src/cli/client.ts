import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Recorded } from "../automation/entries.js";
import type { Preview } from "../automation/types.js";
import type { Way } from "../automation/wayBack.js";
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
import type { Problem } from "../http/problems.js";
import type { migrationView, stepView } from "../http/views.js";

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

export interface Connection {
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
  constructor(private readonly connection: Connection) {}

  get server(): string {
    return this.connection.server.replace(/\/$/, "");
  }

  migration = (stack: string): Promise<MigrationView> => this.get(this.at(stack));
  create = (stack: string): Promise<MigrationView> => this.post("/v1/migrations", { stack });
  steps = async (stack: string): Promise<StepView[]> => (await this.get<{ steps: StepView[] }>(this.at(stack, "/plan"))).steps;
  preview = (stack: string): Promise<PreviewView> => this.post(this.at(stack, "/preview"));
  wayBack = (stack: string, revision: number): Promise<WayView> => this.get(this.at(stack, `/way-back?revision=${revision}`));
  verify = (stack: string): Promise<{ intact: boolean; faults: string[] }> => this.get(this.at(stack, "/verify"));
  command = (stack: string, name: string, body: object = {}): Promise<MigrationView> => this.post(this.at(stack, `/${name}`), body);

  async migrations(): Promise<MigrationView[]> {
    const all: MigrationView[] = [];
    for (let from: string | undefined = ""; from !== undefined; ) {
      const query = from === "" ? "" : `?after=${encodeURIComponent(from)}`;
      const page: { migrations: MigrationView[]; next?: string } = await this.get(`/v1/migrations${query}`);
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
    return this.json(path, { method: "GET" });
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.json(path, { method: "POST", body: JSON.stringify(body) });
  }

  /** What is no JSON, such as a report. */
  async text(path: string): Promise<string> {
    return (await this.answer(path, { method: "GET" })).text();
  }

  private at = (stack: string, path = ""): string => `/v1/migrations/${encodeURIComponent(stack)}${path}`;

  private async json<T>(path: string, init: RequestInit): Promise<T> {
    return (await (await this.answer(path, init)).json()) as T;
  }

  private async answer(path: string, init: RequestInit): Promise<Response> {
    const { user, token } = this.connection;
    const headers = {
      "x-cutover-user": user,
      ...(init.method === "POST" ? { "content-type": "application/json", "idempotency-key": randomUUID() } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const answer = await fetch(`${this.server}${path}`, { ...init, headers, signal }).catch((cause: Error) => {
      throw this.unreachable(cause);
    });
    if (answer.ok) return answer;
    throw errorOf(answer.status, (await answer.json().catch(() => ({}))) as Partial<Problem>);
  }

  private unreachable(cause: Error): Error {
    if (/Invalid URL|Failed to parse|unknown scheme/.test(`${cause.message} ${(cause.cause as Error | undefined)?.message}`))
      return new UserError(
        { path: "--server", got: this.connection.server, accepted: "the service's address, for example http://127.0.0.1:8080" },
        { cause, next: FIRST_STEPS },
      );
    const why = (cause.cause as NodeJS.ErrnoException | undefined)?.code ?? cause.message;
    return new Transient(`The service at ${this.server} does not answer (${why}).`, { cause, next: FIRST_STEPS });
  }
}

/** The error that a problem document describes. */
function errorOf(status: number, problem: Partial<Problem>): Error {
  const message = problem.detail ?? `The service answered ${status}.`;
  const { next } = problem;
  if (status === 401)
    return new Unauthenticated(message, {
      next: "Set CUTOVER_TOKEN to a token of the service; `cutover serve` leaves one in the state folder (--state).",
    });
  if (status === 403) return new Forbidden(message, { next });
  switch (problem.type?.split("/").at(-1)) {
    case "not-found":
      return new NotFound(message, { next });
    case "conflict":
      return new Conflict(message, { next, ...(typeof problem.holder === "string" ? { holder: problem.holder } : {}) });
    case "promise-violation":
      return new PromiseViolation(Number(problem.promise), message.replace(/^promise \d+: /, ""), { next });
    case "user": {
      const issues = (problem.issues as InputIssue[] | undefined) ?? [];
      return issues.length > 0 ? new UserError(issues, { next }) : new UserError({ path: "request", accepted: message }, { next });
    }
    case "bug":
      return new Terminal(`${message} Request ${problem.requestId}.`, { next: next ?? "Report it with that log." });
  }
  if (status === 429 || status === 503) return new Transient(message, { next });
  return new Terminal(message, { next });
}
