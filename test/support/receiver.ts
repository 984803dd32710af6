import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterThisTest } from "./cleanup.js";

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked into by name
  json: any;
}

/** A real HTTP receiver on loopback, closed after the running test. It answers 204 unless told otherwise. */
export async function receiver(answer: (request: Received, response: ServerResponse) => void = (_, r) => void r.writeHead(204).end()) {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const json = body.startsWith("{") ? JSON.parse(body) : undefined;
      const one = { path: request.url ?? "", headers: request.headers, body, json };
      received.push(one);
      for (const wake of waiting.splice(0)) wake();
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterThisTest(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    received,
    port,
    host: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    /** Resolves once something that fits has come. */
    async until(fits: (all: Received[]) => boolean): Promise<Received[]> {
      while (!fits(received)) await new Promise<void>((resolve) => waiting.push(resolve));
      return received;
    },
  };
}
