import type { IncomingMessage } from "node:http";
import express, { type Request, type RequestHandler } from "express";
import { isStale, SIGNATURE_HEADERS } from "../operations/signatures.js";
import { routes } from "./routes/index.js";

const LIMIT = 64 * 1_024;
const raw = new WeakMap<IncomingMessage, Buffer>();

/** The body of a request as it arrived, byte by byte: what a signature is over. */
export const rawBodyOf = (request: Request): Buffer => raw.get(request) ?? Buffer.alloc(0);

/** Whether it is a signed message to a route that takes those: a signature says nothing of the address that it is sent to. */
export const isSigned = (request: Request): boolean =>
  request.method === "POST" &&
  request.get(SIGNATURE_HEADERS.signature) !== undefined &&
  routes.some((r) => r.signed === true && r.path === request.path);

const parserUpTo = (limit: number): RequestHandler => express.json({ limit, strict: false });

const parseUsual = parserUpTo(LIMIT);
const parsers = new Map(
  routes.flatMap(({ method, path, largestBody }) =>
    largestBody === undefined ? [] : [[`${method.toUpperCase()} ${path}`, parserUpTo(largestBody)]],
  ),
);

const SIGNED_LIMIT = Math.max(LIMIT, ...routes.flatMap((r) => (r.signed === true ? [r.largestBody ?? LIMIT] : [])));
const readBytes = express.raw({ limit: SIGNED_LIMIT, type: () => true });

/** How much is coming, as far as the request says; one that does not say may send any amount. */
const bytesOf = (request: IncomingMessage): number =>
  Number(request.headers["content-length"] ?? (hasBody(request) ? Number.POSITIVE_INFINITY : 0));

const hasBody = ({ headers }: IncomingMessage): boolean =>
  Number(headers["content-length"] ?? 0) > 0 || headers["transfer-encoding"] !== undefined;

/** Whether so much of a request is still to come that a refusal does not wait for it: its connection ends instead. */
export const isMuchUnread = (request: IncomingMessage): boolean => !request.complete && bytesOf(request) > LIMIT;

/**
 * A signature is over the body, whose bytes are therefore read before anybody is known; they are parsed only afterwards. What
 * claims to be signed at another time is refused by its headers, unread.
 * @param isSpent whether where it comes from was refused too often: then nothing larger than usual is read
 */
export const readSigned =
  (isSpent: (request: Request) => Promise<boolean> = async () => false): RequestHandler =>
  async (request, response, next) => {
    if (!isSigned(request) || isStale(request.headers)) return next();
    if (bytesOf(request) > LIMIT && (await isSpent(request))) return next();
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
