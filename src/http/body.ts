import type { IncomingMessage } from "node:http";
import express, { type Request, type RequestHandler } from "express";
import { Unauthenticated } from "../errors.js";
import { isStale, SIGNATURE_HEADERS } from "../operations/signatures.js";
import type { Limits } from "./limits.js";
import { routes } from "./routes/index.js";
import { bytesOf, hasBody, USUAL_BYTES } from "./unread.js";

const raw = new WeakMap<IncomingMessage, Buffer>();

/** The body of a request as it arrived, byte by byte: what a signature is over. */
export const rawBodyOf = (request: Request): Buffer => raw.get(request) ?? Buffer.alloc(0);

/** Whether it is a signed message to a route that takes those: a signature says nothing of the address that it is sent to. */
export const isSigned = (request: Request): boolean =>
  request.method === "POST" &&
  request.get(SIGNATURE_HEADERS.signature) !== undefined &&
  routes.some((r) => r.signed === true && r.path === request.path);

const parserUpTo = (limit: number): RequestHandler => express.json({ limit, strict: false });

const parseUsual = parserUpTo(USUAL_BYTES);
const parsers = new Map(
  routes.flatMap(({ method, path, largestBody }) =>
    largestBody === undefined ? [] : [[`${method.toUpperCase()} ${path}`, parserUpTo(largestBody)]],
  ),
);

const SIGNED_LIMIT = Math.max(USUAL_BYTES, ...routes.flatMap((r) => (r.signed === true ? [r.largestBody ?? USUAL_BYTES] : [])));
const readBytes = express.raw({ limit: SIGNED_LIMIT, type: () => true });

/**
 * A signature is over the body, whose bytes are therefore read before anybody is known; they are parsed only afterwards. What
 * claims to be signed at another time is refused by its headers, unread.
 * @param limits refuse, unread, what is larger than usual from where too much was refused before. @default none
 */
export const readSigned =
  (limits?: Pick<Limits, "failures" | "isSpent">): RequestHandler =>
  async (request, response, next) => {
    if (!isSigned(request) || isStale(request.headers)) return next();
    if (limits !== undefined && bytesOf(request) > USUAL_BYTES && (await limits.isSpent(request))) {
      // Never let through: a signature over nothing would stand for a body that nobody has read.
      const refuse = (error?: unknown): void => next(error ?? new Unauthenticated("The message was not read."));
      return void limits.failures(request, response, refuse);
    }
    readBytes(request, response, (error?: unknown) => {
      if (Buffer.isBuffer(request.body)) raw.set(request, request.body);
      request.body = undefined;
      next(error);
    });
  };

/** Parses JSON bodies; refuses those of other media types, which would count as empty otherwise. */
export const parseBody: RequestHandler = (request, response, next) => {
  if (hasBody(request) && request.is("application/json") === false)
    next(Object.assign(new Error(`media type ${request.get("content-type")}`), { type: "charset.unsupported" }));
  else if (raw.has(request)) next(parsed(request));
  else (parsers.get(`${request.method} ${request.path}`) ?? parseUsual)(request, response, next);
};

/** The body whose bytes were read before. @returns what is wrong with it */
function parsed(request: Request): Error | undefined {
  try {
    request.body = JSON.parse(rawBodyOf(request).toString());
    return undefined;
  } catch (error) {
    return Object.assign(error as Error, { type: "entity.parse.failed" });
  }
}
