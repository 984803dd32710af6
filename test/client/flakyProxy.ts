import { once } from "node:events";
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterThisTest } from "../support/cleanup.js";

/** A proxy that breaks connections when it is told to. */
export interface FlakyProxy {
  url: string;
  /** Requests that have reached it, as `METHOD path`. */
  seen: string[];
  /** Lets the next answers get lost on their way back: the service has done what was asked. */
  loseAnswers(count: number): void;
  /** Breaks every connection that is open. */
  breakConnections(): void;
}

/** Ends after the running test. */
export async function startFlakyProxy(to: string): Promise<FlakyProxy> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let losing = 0;
  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    seen.push(`${request.method} ${request.url}`);
    const onward = forward(`${to}${request.url}`, { method: request.method, headers: request.headers }, (answer) => {
      if (losing > 0) {
        losing -= 1;
        answer.resume().once("end", () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => request.socket.destroy());
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  };
  const server = createServer(pass).listen(0, "127.0.0.1");
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await once(server, "listening");
  afterThisTest(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    loseAnswers: (count) => {
      losing = count;
    },
    breakConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
