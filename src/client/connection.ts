/** Where a service is, and who asks. */
export interface ClientOptions {
  /** Address of the service, for example `https://cutover.example.com`. */
  url: string;
  /** A credential, or what answers one for each request: an identity provider's token ends. */
  token?: string | (() => string | Promise<string>);
  /** Names the person with the local token of a rehearsal. */
  user?: string;
  /** How often a request that may be sent again is, when the service does not answer or says 503. @default 2 */
  retries?: number;
  /** @default the global one */
  fetch?: typeof fetch;
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
}

const SECOND = 1_000;

/** Sends requests with the credential, and answers what came or throws a problem. */
export class Connection {
  constructor(private readonly options: ClientOptions) {}

  async call<T>(call: Call): Promise<T> {
    const { method, path, body, repeatable, text, signal } = call;
    const headers: Record<string, string> = {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(repeatable === true ? { "idempotency-key": call.idempotencyKey ?? crypto.randomUUID() } : {}),
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
      throw new CutoverProblem(0, "/problems/no-answer", `The answer of ${url} broke off: ${error.message}`);
    });
    if (asText) return text;
    try {
      return JSON.parse(text);
    } catch {
      throw new CutoverProblem(
        0,
        "/problems/no-answer",
        `${url} answered ${answer.status} with ${text.trim() === "" ? "nothing" : "something that is not JSON"}.`,
        "Check that the address is the service's: a proxy or another service may answer there.",
      );
    }
  }

  /** @throws CutoverProblem for anything but 2xx */
  async send(path: string, init: RequestInit, headers: Record<string, string>): Promise<Response> {
    const { url, token, user } = this.options;
    const credential = typeof token === "function" ? await token() : token;
    const all = {
      ...headers,
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      ...(user === undefined ? {} : { "x-cutover-user": user }),
    };
    const answer = await (this.options.fetch ?? fetch)(`${url.replace(/\/$/, "")}${path}`, { ...init, headers: all }).catch(
      (error: Error) => {
        if (init.signal?.aborted === true) throw error;
        throw new CutoverProblem(0, "/problems/no-answer", `The service at ${url} does not answer: ${error.message}`);
      },
    );
    if (!answer.ok) throw await problemOf(answer);
    return answer;
  }
}

async function problemOf(answer: Response): Promise<CutoverProblem> {
  const document = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const said = (name: string): string | undefined => (typeof document[name] === "string" ? document[name] : undefined);
  const detail = said("detail") ?? `The service answered ${answer.status}.`;
  return new CutoverProblem(answer.status, said("type") ?? "about:blank", detail, said("next"), said("requestId"), document);
}

function queryOf(query: object | undefined): string {
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
