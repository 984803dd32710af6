/** A problem document of the service, as people read it: what is wrong, and what to do next. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly next?: string,
    readonly requestId?: string,
  ) {
    super(detail);
  }
}

/** A credential, or what answers one when it is needed (an identity provider's token may change). */
export type Token = string | (() => string | Promise<string>) | undefined;

/** A person's name, or what answers it: a page's name field may change. */
export type User = string | (() => string) | undefined;

export interface ApiOptions {
  /** Where the service is; ends with a slash. */
  base: string;
  token?: Token;
  /** Names the person where the credential does not (the local one). */
  user?: User;
}

export const UNAUTHENTICATED = 401;

/** The service's HTTP API, with problems as errors. */
export class Api {
  /** @param onSignedOut called when the credential is accepted no more */
  constructor(
    private readonly options: ApiOptions,
    private readonly onSignedOut: (problem: Problem) => void = () => undefined,
  ) {}

  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.call("GET", path, undefined, signal);
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.call("POST", path, body);
  }

  /** The text of a file of evidence. */
  async text(path: string): Promise<string> {
    return (await this.fetch(path, { headers: await this.headers() })).text();
  }

  /** The raw answer, for streams. @throws Problem */
  async stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    return this.fetch(path, { headers: { ...(await this.headers()), ...headers }, signal, cache: "no-store" });
  }

  private async call<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
    const headers = { ...(await this.headers()), ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const answer = await this.fetch(path, {
      method,
      headers,
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    return (await answer.json()) as T;
  }

  private async headers(): Promise<Record<string, string>> {
    const { token } = this.options;
    const user = typeof this.options.user === "function" ? this.options.user() : this.options.user;
    const credential = typeof token === "function" ? await token() : token;
    return {
      ...(credential === undefined || credential === "" ? {} : { authorization: `Bearer ${credential}` }),
      ...(user === undefined || user === "" ? {} : { "x-cutover-user": user }),
    };
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(new URL(path, this.options.base), { credentials: "same-origin", ...init });
    } catch (error) {
      if ((error as Error).name === "AbortError") throw error;
      throw new Problem(0, "No answer", "The service does not answer.", "Check that it is running, and that this page may reach it.");
    }
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (problem.status === UNAUTHENTICATED) this.onSignedOut(problem);
    throw problem;
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text();
  try {
    const { title, detail, next, requestId } = JSON.parse(text) as Record<string, string>;
    return new Problem(answer.status, title ?? "It did not work", detail ?? text, next, requestId);
  } catch {
    return new Problem(answer.status, "It did not work", `The service answered ${answer.status}.`);
  }
}

/** Any error as a problem that can be shown. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, "An error of this page", error instanceof Error ? error.message : String(error));
