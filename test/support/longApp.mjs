// An application with what takes long: a WebSocket-like upgrade that answers every line, an upload that counts its bytes, and an
// answer that takes as long as it is told. Usage: node longApp.mjs NAME; its port is its first line.
import { createServer } from "node:http";

const [, , name = ""] = process.argv;
const server = createServer(async (request, response) => {
  response.setHeader("x-side", name);
  if (request.method === "POST") {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(`${bytes}`);
    return;
  }
  const ms = Number(new URL(request.url ?? "/", "http://app").searchParams.get("ms") ?? 0);
  const until = Date.now() + ms;
  while (Date.now() < until) {
    response.write("part\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  response.end(`done by ${name}`);
});
server.on("upgrade", (_, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n");
  socket.on("data", (line) => (`${line}` === "bye\n" ? socket.end(`bye from ${name}\n`) : socket.write(line)));
  socket.on("error", () => undefined);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
