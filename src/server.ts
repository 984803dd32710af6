import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import cors from "cors";
import express, { type Request, type RequestHandler } from "express";
import helmet from "helmet";
import type { Access } from "./access/access.js";
import { makeLocalToken } from "./access/localToken.js";
import type { Migrations } from "./automation/migrations.js";
import { type AccessConfig, defaultAccess } from "./config/access.js";
import { UserError } from "./errors.js";
import { limitsOf } from "./http/limits.js";
import { notFound, problems, requestIds } from "./http/problems.js";
import { createCutoverRouter } from "./http/router.js";
import { authenticateBy, signIn } from "./http/signIn.js";
import type { Operations } from "./operations/operations.js";

export { createCutoverRouter } from "./http/router.js";

export interface ServerOptions {
  migrations: Migrations;
  /** Folder whose rehearsals are shown. @default none */
  rehearsals?: string;
  /** The credentials that are accepted. @default a local token made now, which may name people */
  access?: Access;
  /** Origins, frames, limits and proxies. @default none allowed, the usual limits */
  settings?: AccessConfig;
  /** @default "127.0.0.1" */
  host?: string;
  /** 0 takes a free one. @default 8080 */
  port?: number;
  /** Counts, logs and traces requests; tells whether the service is ready. @default nothing does */
  operations?: Operations;
  /** Where unexpected errors are written. @default the log of `operations`, or standard error */
  log?: (line: string) => void;
  /** How long a request's headers may take to arrive, in milliseconds. @default 15 s */
  headersTimeoutMs?: number;
}

export interface RunningServer {
  url: string;
  /** The local token, where there is one. */
  token?: string;
  /** Ends event streams and idle connections. */
  close(): Promise<void>;
}

const HEADERS_MS = 15_000;
/** For a whole request, its body included; answers may take longer. */
const REQUEST_MS = 60_000;
/** Longer than the 60 s of most proxies, which would otherwise send into a connection that is just closing. */
const KEEP_ALIVE_MS = 65_000;

/** The HTTP service. @throws UserError when the port is taken */
export async function startServer({
  migrations,
  rehearsals,
  access = { local: makeLocalToken({ namesPeople: true }) },
  settings = defaultAccess(),
  host = "127.0.0.1",
  port = 8_080,
  operations,
  log = operations === undefined ? (line) => void process.stderr.write(`${line}\n`) : (line) => operations.logger.error(line),
  headersTimeoutMs = HEADERS_MS,
}: ServerOptions): Promise<RunningServer> {
  const app = express();
  app.disable("x-powered-by");
  app.set("trust proxy", settings.trustedProxies);
  app.use(requestIds, ...(operations?.requests() ?? []), headers(settings), crossOrigin(settings));
  const limits = limitsOf(settings.limits);
  const elementsForOthers = settings.cors.length > 0;
  app.use(
    createCutoverRouter({
      migrations,
      rehearsals,
      authenticate: authenticateBy(access),
      limits,
      signIn: signIn(access),
      elementsForOthers,
      operations,
      log,
    }),
  );
  app.use(notFound);
  app.use(problems(log));

  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: headersTimeoutMs, connectionsCheckingInterval: headersTimeoutMs },
    app,
  );
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => reject(portTaken(port, cause)));
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound.port}`,
    ...(access.local === undefined ? {} : { token: access.local.token }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const portTaken = (port: number, cause: NodeJS.ErrnoException): UserError =>
  new UserError({ path: "--port", got: `${port} (${cause.code})`, accepted: "a free port; 0 takes any" }, { cause });

/** Known before minutes of work whose end needs the port. @throws UserError when the port is taken */
export function requireFreePort(host: string, port: number): Promise<void> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", (cause: NodeJS.ErrnoException) => reject(portTaken(port, cause)));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/** Content comes from this service alone, nothing inline runs, and only named portals may show it in a frame. */
function headers({ frames }: AccessConfig) {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        objectSrc: ["'none'"],
        frameAncestors: ["'self'", ...frames],
      },
    },
    // It knows no list: where portals are named, the policy above decides alone.
    xFrameOptions: frames.length === 0 ? { action: "sameorigin" } : false,
  });
}

/** Pages of other origins may call the API when they are on the list; with a token, never with this service's cookie. */
function crossOrigin({ cors: origins }: AccessConfig) {
  const answer = cors({
    origin: [...origins],
    methods: ["GET", "POST"],
    allowedHeaders: ["authorization", "content-type", "idempotency-key", "last-event-id", "x-request-id"],
    exposedHeaders: ["location", "retry-after", "x-request-id"],
    maxAge: 600,
  });
  const isPreflight = (request: Request) => request.get("access-control-request-method") !== undefined;
  const handler: RequestHandler = (request, response, next) =>
    request.method === "OPTIONS" && !isPreflight(request) ? next() : answer(request, response, next);
  return handler;
}
