import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type AwsAccount, type AwsClients, awsClients, type Persistence } from "../../src/adapters/aws/clients.js";
import { requirePart } from "./parts.js";

/** Where `.ci/run` puts it, and the PATH. */
const FOLDERS = [
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cutover", "tools", "moto-5.2.5", "bin"),
  ...(process.env.PATH ?? "").split(delimiter),
];
const SERVER = FOLDERS.map((f) => join(f, "moto_server")).find((f) => existsSync(f));

/** moto's server: the AWS services' own protocols, in memory. One a `describe`; its clients start from an empty account. */
export function motoForSuite(region = "us-east-2") {
  let server: ChildProcess | undefined;
  let endpoint = "";
  const open: AwsClients[] = [];
  const proxies: Server[] = [];

  before("start moto", async function () {
    this.timeout(60_000);
    requirePart(
      this,
      "moto",
      SERVER !== undefined,
      "python3 -m venv ~/.cache/cutover/tools/moto-5.2.5 && ~/.cache/cutover/tools/moto-5.2.5/bin/pip install 'moto[server]==5.2.5'",
    );
    // Port 0 takes a free one; the server says which.
    server = spawn(SERVER ?? "", ["-H", "127.0.0.1", "-p", "0"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, MOTO_ACM_VALIDATION_WAIT: "0" },
    });
    endpoint = await new Promise<string>((resolve, reject) => {
      let output = "";
      const look = (data: Buffer): void => {
        output += data;
        const [, address] = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(output) ?? [];
        if (address !== undefined) resolve(address);
      };
      server?.stdout?.on("data", look);
      server?.stderr?.on("data", look);
      server?.once("exit", (code) => reject(new Error(`moto ended with ${code}: ${output}`)));
    });
    // It writes a line for each request: read, so that it never waits.
    server.stdout?.resume();
    server.stderr?.resume();
  });
  after("end moto", () => {
    for (const clients of open) clients.close();
    for (const proxy of proxies) {
      proxy.closeAllConnections();
      proxy.close();
    }
    server?.kill("SIGKILL");
  });

  return {
    /** As the account's administrator; another endpoint is a proxy's in front of it. */
    clients(account: Partial<AwsAccount> = {}, persistence: Persistence = {}): AwsClients {
      // moto takes any credentials.
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_EC2_METADATA_DISABLED: "true" });
      const made = awsClients({ region, endpoint, ...account }, persistence);
      open.push(made);
      return made;
    },
    endpoint: () => endpoint,
    /**
     * moto behind a proxy that may take a request for itself, or change what is asked.
     * @returns the proxy's address
     */
    async behind(takes: (response: ServerResponse) => boolean, changed: (body: Buffer) => Buffer = (body) => body): Promise<string> {
      const { hostname, port } = new URL(endpoint);
      const proxy = createServer(async (incoming, response) => {
        const { method, url: path, headers } = incoming;
        const body = changed(Buffer.concat(await incoming.toArray()));
        if (takes(response)) return;
        request({ hostname, port, method, path, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        }).end(body);
      });
      proxies.push(proxy);
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    },
  };
}
