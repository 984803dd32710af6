import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterThisTest } from "./cleanup.js";

export interface DeafProxy {
  port: number;
  /** From now on nothing that the server says reaches those who only listen; their connections stay open. */
  deafen(): void;
  /** Bytes of the server that reached nobody. */
  readonly swallowed: number;
}

/** In front of a PostgreSQL, like a network that lets a connection die without a word, until the test ends. */
export async function deafProxy(to: { host: string; port: number }): Promise<DeafProxy> {
  const sockets = new Set<Socket>();
  let deaf = false;
  let swallowed = 0;
  const server = createServer((client) => {
    const upstream = connect(to.port, to.host);
    let listens = false;
    client.on("data", (data: Buffer) => {
      listens ||= data.includes("LISTEN ");
      upstream.write(data);
    });
    upstream.on("data", (data: Buffer) => {
      if (deaf && listens) swallowed += data.length;
      else client.write(data);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    port: (server.address() as AddressInfo).port,
    deafen: () => {
      deaf = true;
    },
    get swallowed() {
      return swallowed;
    },
  };
}
