import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/** Below what the system gives to outgoing connections, so that nothing else takes a port between the look and its use. */
const [FIRST, LAST] = [12_000, 32_000];

/** A port of 127.0.0.1 that is free for TCP and UDP, for a program that cannot be told to choose its own. */
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if ((await tcp(port)) && (await udp(port))) return port;
  }
}

const tcp = (port) =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });

const udp = (port) =>
  new Promise((resolve) => {
    const probe = createSocket("udp4");
    probe.once("error", () => resolve(false));
    probe.bind(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
