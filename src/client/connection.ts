/** Where a service is, and who asks. */
export interface ClientOptions {
  /** Address of the service, for example `https://cutover.example.com`. */
  url: string;
  /** A credential, or what answers one for each request: an identity provider's token ends. An empty one is none. */
  token?: string | (() => string | Promise<string>) | undefined;
  /** Names the person with the local token of a rehearsal, or answers the name for each request. An empty one is none. */
  user?: string | (() => string) | undefined;
  /** How often a request that may be sent again is, when the service does not answer or says 503. @default 2 */
  retries?: number;
  /** @default the global one */
  fetch?: typeof fetch;
  /** Is told of each problem before it is thrown: a page learns from a 401 that its credential is accepted no more. */
  onProblem?: (problem: CutoverProblem) => void;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The same for each sending of one command. @default a random one, kept over retries */
  idempotencyKey?: string;
}

/** One request as the generated methods describe it. */
export interface Call extends CallOptions {
  method: "GET" | "POST";
  path: string;
  query?: object | undefined;
  body?: object | undefined;
  /** Whether it takes an idempotency key. */
  repeatable?: boolean;
  /** Whether the answer is text instead of JSON. */
  text?: boolean;
}

/** What the service refused, and why: a problem document of RFC 9457. Status 0: it did not answer, or not to the end. */
export class CutoverProblem extends Error {
  override readonly name = "CutoverProblem";
  constructor(
    readonly status: number,
    /** Which kind: a path below /problems. */
    readonly type: string,
    detail: string,
    /** What to do next. */
    readonly next?: string,
    readonly requestId?: string,
    /** The whole document. */
    readonly document: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }

  /** What kind it is, for people. */
  get title(): string {
    return typeof this.document.title === "string" ? this.document.title : this.status === 0 ? "No answer" : "It did not work";
  }
}

const SECOND = 1_000;
const NO_ANSWER = "/problems/no-answer";

/** Sends requests with the credential, and answers what came or throws a problem. */
export class Connection {
  constructor(private readonly options: ClientOptions) {}

  async call<T>(call: Call): Promise<T> {
    const { method, path, body, repeatable, text, signal } = call;
    const headers: Record<string, string> = {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(repeatable === true ? { "idempotency-key": call.idempotencyKey ?? randomKey() } : {}),
    };
    const init: RequestInit = {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    const mayRepeat = method === "GET" || repeatable === true;
    for (let left = mayRepeat ? (this.options.retries ?? 2) : 0; ; left -= 1) {
      try {
        const answer = await this.send(path + queryOf(call.query), init, headers);
        return (await this.read(answer, text === true, signal)) as T;
      } catch (error) {
        if (left === 0 || !(error instanceof CutoverProblem) || (error.status !== 0 && error.status !== 503)) throw error;
        await pause(SECOND, signal);
      }
    }
  }

  /** Reads a whole answer. @throws CutoverProblem for one that breaks off, or comes from something else than the service */
  private async read(answer: Response, asText: boolean, signal?: AbortSignal): Promise<unknown> {
    const { url } = this.options;
    const text = await answer.text().catch((error: Error) => {
      if (signal?.aborted === true) throw error;
      throw this.noAnswer(`The answer of ${url} broke off: ${error.message}`);
    });
    if (asText) return text;
    try {
      return JSON.parse(text);
    } catch {
      throw this.noAnswer(
        `${url} answered ${answer.status} with ${text.trim() === "" ? "nothing" : "something that is not JSON"}.`,
        "Check that the address is the service's: a proxy or another service may answer there.",
      );
    }
  }

  /** @throws CutoverProblem for anything but 2xx */
  async send(path: string, init: RequestInit, headers: Record<string, string>): Promise<Response> {
    const [credential, user] = [await current(this.options.token), await current(this.options.user)];
    const all = {
      ...headers,
      ...(credential === "" ? {} : { authorization: `Bearer ${credential}` }),
      ...(user === "" ? {} : { "x-cutover-user": user }),
    };
    const ask = this.options.fetch ?? fetch;
    const answer = await ask(this.addressOf(path), { ...init, headers: all }).catch((error: Error) => {
      if (init.signal?.aborted === true) throw error;
      throw this.noAnswer(`The service at ${this.options.url} does not answer: ${error.message}`);
    });
    if (!answer.ok) throw this.told(await problemOf(answer));
    return answer;
  }

  /** The whole address of a path with its query. */
  addressOf(path: string): string {
    return `${this.options.url.replace(/\/$/, "")}${path}`;
  }

  /** What is thrown where the service does not answer, or not to the end. */
  noAnswer(detail: string, next?: string): CutoverProblem {
    return this.told(new CutoverProblem(0, NO_ANSWER, detail, next));
  }

  private told(problem: CutoverProblem): CutoverProblem {
    this.options.onProblem?.(problem);
    return problem;
  }
}

const current = async (given: string | (() => string | Promise<string>) | undefined): Promise<string> =>
  (typeof given === "function" ? await given() : given) ?? "";

/** A page without TLS has no `crypto.randomUUID`. */
const randomKey = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

async function problemOf(answer: Response): Promise<CutoverProblem> {
  const document = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const said = (name: string): string | undefined => (typeof document[name] === "string" ? document[name] : undefined);
  const detail = said("detail") ?? `The service answered ${answer.status}.`;
  return new CutoverProblem(answer.status, said("type") ?? "about:blank", detail, said("next"), said("requestId"), document);
}

export function queryOf(query: object | undefined): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given}`;
}

/** @throws the signal's reason */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
