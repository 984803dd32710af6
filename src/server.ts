import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import type { Migrations } from "./automation/migrations.js";
import { UserError } from "./errors.js";
import { notFound, problems, requestIds } from "./http/problems.js";
import { createCutoverRouter, type RouterOptions } from "./http/router.js";

export { createCutoverRouter } from "./http/router.js";

export interface ServerOptions extends RouterOptions {
  migrations: Migrations;
  /** @default "127.0.0.1" */
  host?: string;
  /** 0 takes a free one. @default 8080 */
  port?: number;
  /** Where unexpected errors are written. @default standard error */
  log?: (line: string) => void;
}

export interface RunningServer {
  url: string;
  /** Ends event streams and idle connections. */
  close(): Promise<void>;
}

/** Content comes from this service alone; nothing inline runs. */
const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** The HTTP service. @throws UserError when the port is taken */
export async function startServer({
  host = "127.0.0.1",
  port = 8_080,
  log = (line) => void process.stderr.write(`${line}\n`),
  ...options
}: ServerOptions): Promise<RunningServer> {
  const app = express();
  app.disable("x-powered-by");
  app.use(requestIds, (_, response, next) => {
    response.set(HEADERS);
    next();
  });
  app.use((request, _, next) => {
    const type = request.get("content-type");
    const hasBody = Number(request.get("content-length") ?? 0) > 0 || request.get("transfer-encoding") !== undefined;
    if (hasBody && request.is("application/json") === false)
      next(Object.assign(new Error(`media type ${type}`), { type: "charset.unsupported" }));
    else next();
  });
  app.use(express.json({ limit: "64kb", strict: false }));
  app.use(createCutoverRouter(options));
  app.use(notFound);
  app.use(problems(log));

  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(new UserError({ path: "--port", got: `${port} (${cause.code})`, accepted: "a free port; 0 takes any" }, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
