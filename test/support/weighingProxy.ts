import { type Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Side } from "../../src/ports/observations.js";
import { afterThisTest } from "./cleanup.js";

/** A reverse proxy before both sides: it sends by weight, and counts the connections that it holds to each. */
export interface WeighingProxy {
  port: number;
  /** Where what comes from now on goes; what is open stays where it is. */
  sendTo(side: Side): void;
  open(side: Side): number;
}

export async function weighingProxy(ports: Record<Side, number>): Promise<WeighingProxy> {
  let to: Side = "old";
  const open: Record<Side, Set<Socket>> = { old: new Set(), new: new Set() };
  const held = new Set<Socket>();
  const keep = (socket: Socket): void => {
    held.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => held.delete(socket));
  };
  const upstream = (side: Side, { method, url, headers }: IncomingMessage) => {
    // A connection of its own for each request, so that one is open as long as its request runs.
    const call = request({ host: "127.0.0.1", port: ports[side], method, path: url, headers, agent: false as unknown as Agent });
    call.on("socket", (socket) => {
      keep(socket);
      open[side].add(socket);
      socket.once("close", () => open[side].delete(socket));
    });
    return call;
  };
  const server: Server = createServer((incoming, answer) => {
    const call = upstream(to, incoming);
    call.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.on("error", () => answer.destroy());
      response.on("aborted", () => answer.destroy());
      response.pipe(answer);
    });
    call.on("error", () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
    incoming.pipe(call);
  });
  server.on("connection", keep);
  server.on("upgrade", (incoming: IncomingMessage, client: Socket) => {
    const call = upstream(to, incoming);
    call.on("upgrade", (response, socket) => {
      const headers = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join("")}\r\n`);
      socket.pipe(client);
      client.pipe(socket);
      socket.once("close", () => client.destroySoon());
      client.once("close", () => socket.destroy());
    });
    call.on("error", () => client.destroy());
    call.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(() => {
    for (const socket of held) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    port: (server.address() as AddressInfo).port,
    sendTo: (side) => {
      to = side;
    },
    open: (side) => open[side].size,
  };
}
