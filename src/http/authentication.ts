import type { Request, RequestHandler } from "express";
import type { Caller } from "../access/caller.js";
import { Unauthenticated } from "../errors.js";

/**
 * Who is behind a request.
 * @returns undefined without a credential
 * @throws Unauthenticated, Forbidden
 */
export type Authenticate = (request: Request) => Promise<Caller | undefined>;

const callers = new WeakMap<Request, Caller>();

/** Who is behind a request that `authentication` has let through. */
export function callerOfRequest(request: Request): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error("the request was not authenticated");
  return caller;
}

const again = new WeakMap<Request, () => Promise<boolean>>();

/** Whether the credential that a request came with is still accepted: for answers that go on. */
export const isStillKnown = (request: Request): Promise<boolean> => again.get(request)?.() ?? Promise.resolve(false);

/**
 * Lets only known callers through.
 * @param onFailure takes requests whose credential is not accepted, and may answer them; a right one is never held up
 */
export function authentication(authenticate: Authenticate, onFailure?: RequestHandler): RequestHandler {
  return (request, response, next) => {
    authenticate(request).then(
      (caller) => {
        if (caller === undefined)
          return next(
            new Unauthenticated("The request carries no credential.", {
              next: "Send the header Authorization: Bearer TOKEN, or open the link that the service printed.",
            }),
          );
        callers.set(request, caller);
        again.set(request, () =>
          authenticate(request).then(
            (now) => now !== undefined,
            // An identity provider that does not answer has taken nothing back.
            (error: unknown) => !(error instanceof Unauthenticated),
          ),
        );
        next();
      },
      (error: unknown) => {
        if (onFailure === undefined || !(error instanceof Unauthenticated)) next(error);
        else void onFailure(request, response, (other?: unknown) => next(other ?? error));
      },
    );
  };
}
