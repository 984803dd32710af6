import { randomUUID } from "node:crypto";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";
import { Conflict, CutoverError, type ErrorCode, PromiseViolation, Transient, Unauthenticated, UserError } from "../errors.js";
import { isMuchUnread } from "./unread.js";

/** The one mapping of our errors to HTTP. */
const STATUS: Record<ErrorCode, { status: number; title: string }> = {
  user: { status: 400, title: "The request is not valid" },
  "not-found": { status: 404, title: "Not found" },
  conflict: { status: 409, title: "Not possible now" },
  transient: { status: 503, title: "Try again" },
  terminal: { status: 422, title: "It cannot be done" },
  "promise-violation": { status: 409, title: "A promise speaks against it" },
  unauthenticated: { status: 401, title: "Unauthenticated" },
  forbidden: { status: 403, title: "Not for this caller" },
};

/** A problem document of RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** What the person can do next. */
  next?: string;
  requestId: string;
  [member: string]: unknown;
}

/** What each status says, in the OpenAPI document too. */
export const PROBLEMS = {
  400: "The request is not valid",
  401: "No credential, or one that is not accepted",
  403: "The credential does not allow it",
  404: "Not found",
  405: "Not with this method",
  409: "Not possible now, or a promise speaks against it",
  413: "The body is too large",
  415: "Not this media type",
  422: "It cannot be done",
  429: "Too many requests",
  500: "A bug in cutover",
  503: "Try again",
} as const;

const REQUEST_ID = "x-request-id";

/** Gives every answer a request id: the caller's own when it is a plain one. */
export const requestIds: RequestHandler = (request, response, next) => {
  const given = request.get(REQUEST_ID);
  // The server around the router has given one already.
  if (!response.hasHeader(REQUEST_ID))
    response.setHeader(REQUEST_ID, given !== undefined && /^[A-Za-z0-9._-]{1,100}$/.test(given) ? given : randomUUID());
  next();
};

function send(response: Response, problem: Omit<Problem, "requestId">): void {
  if (isMuchUnread(response.req)) response.setHeader("Connection", "close");
  response
    .status(problem.status as number)
    .type("application/problem+json")
    .send(JSON.stringify({ ...problem, requestId: response.getHeader(REQUEST_ID) }));
}

export const notFound: RequestHandler = (request, response) => {
  send(response, {
    type: "/problems/not-found",
    title: STATUS["not-found"].title,
    status: 404,
    detail: `There is nothing at ${request.path}.`,
  });
};

/** Answers 429; the headers that say when to come again are set. */
export const tooMany: RequestHandler = (_request, response) => {
  send(response, {
    type: "/problems/too-many",
    title: "Too many requests",
    status: 429,
    detail: `Too many requests in one minute; accepted again in ${response.getHeader("Retry-After")} s.`,
  });
};

/** Answers 405 for a path that exists with other methods. */
export const methodNotAllowed =
  (...allowed: string[]): RequestHandler =>
  (request, response) => {
    response.setHeader("Allow", allowed.join(", "));
    send(response, {
      type: "/problems/method-not-allowed",
      title: "Not with this method",
      status: 405,
      detail: `${request.path} takes ${allowed.join(" or ")}, not ${request.method}.`,
    });
  };

/** Every error ends here. What is none of ours is a bug: its request id is all that the caller learns. */
export function problems(log: (line: string) => void): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, _next) => {
    if (response.headersSent) return void response.destroy();
    if (error instanceof CutoverError) {
      const { status, title } = STATUS[error.code];
      if (error instanceof Unauthenticated) response.setHeader("WWW-Authenticate", 'Bearer realm="cutover"');
      if (error instanceof Transient) response.setHeader("Retry-After", String(error.retryAfterSeconds));
      return send(response, {
        type: `/problems/${error.code}`,
        title,
        status,
        detail: error.message,
        ...(error.next === undefined ? {} : { next: error.next }),
        ...(error instanceof UserError ? { issues: error.issues } : {}),
        ...(error instanceof Conflict && error.holder !== undefined ? { holder: error.holder } : {}),
        ...(error instanceof PromiseViolation ? { promise: error.promise } : {}),
      });
    }
    const parser = bodyProblem(error);
    if (parser !== undefined) return send(response, parser);
    log(`${response.getHeader(REQUEST_ID)} ${request.method} ${request.path}: ${error instanceof Error ? error.stack : String(error)}`);
    send(response, {
      type: "/problems/bug",
      title: "A bug in cutover",
      status: 500,
      detail: "Something unexpected happened; the service's log has it under the request id.",
    });
  };
}

/** What express' body parser refuses. */
function bodyProblem(error: unknown): Omit<Problem, "requestId"> | undefined {
  const type = (error as { type?: string } | undefined)?.type;
  const title = STATUS.user.title;
  switch (type) {
    case "entity.parse.failed":
      return { type: "/problems/user", title, status: 400, detail: "body: got text that is not JSON; accepted: a JSON object" };
    case "entity.too.large":
      return {
        type: "/problems/too-large",
        title: "The body is too large",
        status: 413,
        detail: `body: accepted: at most ${Number((error as { limit?: number }).limit) / 1_024} kB`,
      };
    case "encoding.unsupported":
    case "charset.unsupported":
      return { type: "/problems/media-type", title: "Not this media type", status: 415, detail: "body: accepted: JSON in UTF-8" };
    case "request.aborted":
      return { type: "/problems/user", title, status: 400, detail: "body: the request ended early" };
    default:
      return (error as { status?: number } | undefined)?.status === 400
        ? { type: "/problems/user", title, status: 400, detail: "The address is not valid." }
        : undefined;
  }
}
