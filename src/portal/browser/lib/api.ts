import { type ClientOptions, CutoverClient, CutoverProblem } from "../../../client/index.js";

/** What did not work, as people read it, and what to do next. */
export interface Problem {
  /** Of the answer; 0 where none came. */
  status: number;
  title: string;
  detail: string;
  next?: string | undefined;
  requestId?: string | undefined;
}

export type Token = ClientOptions["token"];

export type User = ClientOptions["user"];

export interface ApiOptions {
  /** Where the service is. */
  base: string;
  token?: Token;
  /** Names the person where the credential does not (the local one). */
  user?: User;
}

const UNAUTHENTICATED = 401;
const NO_ANSWER = "Check that it is running, and that this page may reach it.";

/**
 * The service's HTTP API as a page asks it. Nothing is sent again: a person sees at once that nothing answers, and what is
 * shown is asked for again when the stream of events is back.
 * @param onSignedOut called when the credential is accepted no more
 */
export const clientOf = ({ base, token, user }: ApiOptions, onSignedOut: (problem: Problem) => void): CutoverClient =>
  new CutoverClient({
    url: base,
    token,
    user,
    retries: 0,
    fetch: (input, init) => fetch(input, { credentials: "same-origin", cache: "no-store", ...init }),
    onProblem: (problem) => {
      if (problem.status === UNAUTHENTICATED) onSignedOut(asProblem(problem));
    },
  });

/** Any error as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (!(error instanceof CutoverProblem))
    return { status: 0, title: "An error of this page", detail: error instanceof Error ? error.message : String(error) };
  const { status, title, message, next, requestId } = error;
  return { status, title, detail: message, next: next ?? (status === 0 ? NO_ANSWER : undefined), requestId };
}
