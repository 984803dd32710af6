/** The application: answers requests, slow ones and uploads, echoes over WebSockets, and stops as a well-behaved server does. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { acceptOf, CLOSE, frame, frames, TEXT } from "./frames.js";

export interface ApplicationTask {
  version: string;
  startupMs: number;
  slowMs: number;
  keepAliveMs: number;
  /** PostgreSQL that orders are written to before they are answered; absent: they are answered alone. */
  ordersUrl?: string;
}

/** What it is told while it runs. */
export type Told = { failing: number };

const { version, startupMs, slowMs, keepAliveMs, ordersUrl } = JSON.parse(process.argv[2] ?? "{}") as ApplicationTask;
/** Fraction of requests that a regression makes it answer with 500. */
let failing = 0;
let stopping = false;
const sockets = new Set<Socket>();
const pool = ordersUrl === undefined ? undefined : new (await import("pg")).default.Pool({ connectionString: ordersUrl, max: 2 });
// A connection that breaks while it is idle; the next statement says so too.
pool?.on("error", () => undefined);

const server = createServer((request, response) => {
  response.setHeader("x-version", version);
  if (stopping) response.setHeader("connection", "close");
  if (request.url === "/health" || request.url === "/ready") return void response.end("ok");
  answer(request, response).catch(() => response.destroy());
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  if (request.url === "/slow") await new Promise((resolve) => setTimeout(resolve, slowMs));
  const order = request.headers["x-order"];
  if (order !== undefined) await pool?.query("INSERT INTO orders (id, version, bytes) VALUES ($1, $2, $3)", [order, version, bytes]);
  if (Math.random() < failing) response.writeHead(500, { "x-injected": "1" });
  response.end(JSON.stringify({ version, bytes }));
}

server.on("upgrade", (request, socket: Socket) => {
  const key = String(request.headers["sec-websocket-key"]);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\nX-Version: ${version}\r\n\r\n`,
  );
  sockets.add(socket);
  socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  socket.on(
    "data",
    frames((opcode, payload) => {
      if (opcode === TEXT) socket.write(frame(TEXT, payload, false));
      if (opcode === CLOSE) socket.end(frame(CLOSE, payload, false));
    }),
  );
  if (stopping) leave(socket);
});

/** 1001: going away. */
const leave = (socket: Socket): void => void socket.end(frame(CLOSE, Buffer.from([0x03, 0xe9]), false));

// Longer than the load balancer's own, or it would meet connections that are just being closed.
server.keepAliveTimeout = keepAliveMs;
process.on("message", (told: Told) => {
  failing = told.failing;
});
process.once("SIGTERM", () => {
  stopping = true;
  for (const socket of sockets) leave(socket);
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
// Nobody is left behind by a run that was killed.
process.once("disconnect", () => process.exit(0));
setTimeout(() => {
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
}, startupMs);
