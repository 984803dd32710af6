import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A page of somebody else: its own origin, its own colours, and a policy that lets nothing inline run. */
export async function foreignPage(body: string, script: string, service: () => string) {
  const policy = () =>
    `default-src 'none'; script-src 'self' ${service()}; style-src 'self'; connect-src ${service()}; frame-src ${service()}`;
  const server = createServer((request, response) => {
    const [type, text] =
      request.url === "/own.js"
        ? ["text/javascript", script.replaceAll("SERVICE", service())]
        : request.url === "/own.css"
          ? ["text/css", "body{background:#fdf6ec} cutover-fleet,cutover-migration{--cutover-accent:rgb(120, 40, 140);--cutover-radius:0}"]
          : ["text/html", `<!doctype html><html lang=en><title>Somebody's portal</title><link rel=stylesheet href=/own.css>${body}`];
    response.writeHead(200, { "content-type": type, "content-security-policy": policy() }).end(text.replaceAll("SERVICE", service()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://localhost:${port}`, close: () => new Promise((resolve) => server.close(resolve)) };
}
