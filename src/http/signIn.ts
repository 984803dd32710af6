import express, { type ErrorRequestHandler, type Request, type Response, type Router } from "express";
import { type Access, callerOf } from "../access/access.js";
import type { Caller } from "../access/caller.js";
import type { WebhookSenders } from "../access/webhooks.js";
import { Forbidden, Unauthenticated } from "../errors.js";
import type { Authenticate } from "./authentication.js";
import { isSigned, rawBodyOf } from "./body.js";

/** How long a browser stays signed in, in seconds; a token that ends or is revoked before then ends it too. */
const SESSION_SECONDS = 12 * 3_600;
/** Browsers take about 4 kB a cookie. */
const LONGEST = 3_500;
const FORM = "16kb";

/** The bearer token of a request, or the cookie of a browser that has signed in. */
export function authenticateBy(access: Access): Authenticate {
  return async (request) => {
    if (access.webhooks !== undefined && isSigned(request)) return senderOf(request, access.webhooks);
    const header = request.get("authorization");
    if (header !== undefined) {
      const bearer = /^Bearer +(\S+)$/i.exec(header)?.[1];
      if (bearer === undefined) throw new Unauthenticated("The header Authorization is not of the form: Bearer TOKEN.");
      return callerOf(access, bearer, request.get("x-cutover-user"));
    }
    const cookie = cookieOf(request);
    if (cookie === undefined) return undefined;
    if (!isSafe(request) && !isSameOrigin(request))
      throw new Forbidden("A browser's cookie counts only for this service's own pages.", {
        next: "Send the header Authorization: Bearer TOKEN instead.",
      });
    return callerOf(access, cookie, request.get("x-cutover-user"));
  };
}

/** A message counts as taken once its sender was told so: after any other answer, or none, it comes again. */
async function senderOf(request: Request, webhooks: WebhookSenders): Promise<Caller> {
  const { caller, end } = await webhooks.accept(request.headers, rawBodyOf(request));
  const { res: response } = request;
  if (response === undefined || response.closed) end(false);
  else response.once("close", () => end(response.writableFinished && response.statusCode < 300));
  return caller;
}

/** How a browser gets in, and what it is shown before. */
export interface SignIn {
  entrance: Router;
  refused: ErrorRequestHandler;
}

/** The way in for browsers: `/?token=…` or the form, once; then a cookie that no script can read and no other site can use. */
export function signIn(access: Access): SignIn {
  const router = express.Router();
  const enter = async (request: Request, response: Response, credential: string): Promise<void> => {
    await callerOf(access, credential);
    if (credential.length > LONGEST) throw new Unauthenticated("The token is too long for a browser's cookie.");
    response.cookie(cookieName(request), credential, { ...attributes(request), maxAge: SESSION_SECONDS * 1_000 });
    // Without the token, so that it stays in no address bar and no history.
    response.redirect(303, `${request.baseUrl}/`);
  };
  router.get("/", async (request, response, next) => {
    const { token } = request.query;
    if (typeof token !== "string") return next();
    await enter(request, response, token);
  });
  router.post("/sign-in", express.urlencoded({ limit: FORM, extended: false }), async (request, response) => {
    if (!isSameOrigin(request)) throw new Forbidden("Only this service's own page signs in by its form.");
    await enter(request, response, String((request.body as { token?: unknown } | undefined)?.token ?? "").trim());
  });
  router.post("/sign-out", (request, response) => {
    response.clearCookie(cookieName(request), attributes(request));
    response.redirect(303, `${request.baseUrl}/`);
  });
  return { entrance: router, refused };
}

/** Shows a person without a credential how to get in; programs get the problem document. */
const refused: ErrorRequestHandler = (error, request, response, next) => {
  if (!(error instanceof Unauthenticated) || request.method !== "GET" || request.accepts("json", "html") !== "html" || isApi(request))
    return next(error);
  response.status(401).type("html").send(PAGE);
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>cutover: sign in</title>
  <link rel="icon" href="icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="portal.css">
  <link rel="stylesheet" href="entrance.css">
</head>
<body>
  <main class="entrance">
    <h1><img src="icon.svg" alt=""> cutover</h1>
    <p>Open the link that the service printed when it started, or give a token.</p>
    <form method="post" action="sign-in">
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required>
      <button type="submit">Sign in</button>
    </form>
  </main>
</body>
</html>
`;

const isApi = (request: Request): boolean => request.path.startsWith("/v1/");
const isSafe = (request: Request): boolean => ["GET", "HEAD", "OPTIONS"].includes(request.method);

/** Browsers say where a request comes from; one that says nothing is none that has a cookie to protect. */
function isSameOrigin(request: Request): boolean {
  const site = request.get("sec-fetch-site");
  if (site !== undefined) return site === "same-origin";
  const origin = request.get("origin");
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.get("host");
}

/** Cookies do not tell ports apart: two services on one machine need two names. */
function cookieName(request: Request): string {
  const port = /:(\d+)$/.exec(request.get("host") ?? "")?.[1];
  return port === undefined ? "cutover" : `cutover_${port}`;
}

function cookieOf(request: Request): string | undefined {
  const prefix = `${cookieName(request)}=`;
  const found = request
    .get("cookie")
    ?.split(/; */)
    .find((c) => c.startsWith(prefix));
  if (found === undefined) return undefined;
  try {
    return decodeURIComponent(found.slice(prefix.length));
  } catch {
    throw new Unauthenticated("The browser's cookie is malformed.", { next: "Sign in again." });
  }
}

const attributes = (request: Request) =>
  ({ httpOnly: true, sameSite: "strict", secure: request.secure, path: request.baseUrl || "/" }) as const;
