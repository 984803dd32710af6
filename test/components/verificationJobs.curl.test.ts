import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect } from "chai";
import { VerificationJobs } from "../../src/components/index.js";
import { afterThisTest } from "../support/cleanup.js";
import { requirePart } from "../support/parts.js";
import { runForTest, spawnForTest } from "../support/processes.js";
import { tempFolder } from "../support/tmp.js";
import { only, registered } from "./harness.js";

const HOST = "api.example.com";

/** The script that the pod runs. */
async function script(): Promise<string> {
  const args = { namespace: "production", curlImage: "curlimages/curl:8.11.1", loadBalancerHostname: "lb", host: HOST };
  const all = await registered(() => new VerificationJobs("web-api", { ...args, requestsPerSecond: 20 }));
  const { command } = only(all, "apps/v1:Deployment").spec.template.spec.containers[0];
  expect(command.slice(0, 2)).to.deep.equal(["sh", "-c"]);
  return command[2];
}

describe("synthetic requests, by the real curl", () => {
  before(async function () {
    for (const part of ["curl", "openssl"])
      requirePart(this, part, (await runForTest("which", [part])).code === 0, `apt-get install ${part}`);
  });

  /** A load balancer as the Ingress asks for one: the host's certificate on its secure port, and a redirect on the other. */
  async function loadBalancer() {
    const folder = tempFolder("certificate");
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const named = ["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`, "-keyout", key, "-out", cert];
    expect((await runForTest("openssl", [...made, ...named])).code).to.equal(0);
    const seen: string[] = [];
    const secure = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, ({ headers, url, socket }, response) => {
      seen.push(`${(socket as TLSSocket & { servername?: string }).servername} ${headers.host} ${url}`);
      response.end();
    });
    const plain = createHttp((_, response) => response.writeHead(301, { location: `https://${HOST}/` }).end());
    const [securePort, plainPort] = await Promise.all(
      [secure, plain].map(
        (server) => new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))),
      ),
    );
    afterThisTest(() => {
      for (const server of [secure, plain]) server.close().closeAllConnections();
    });
    return { seen, securePort, plainPort, env: { ...process.env, CURL_CA_BUNDLE: cert } };
  }

  it("reach what is behind the load balancer, past its redirect, with the certificate of the application's host", async () => {
    const { seen, securePort, plainPort, env } = await loadBalancer();
    // Nobody may listen at 80 and 443 here.
    const here = (await script()).replace(':443"', `:${securePort}"`).replace("http://$TARGET", `http://$TARGET:${plainPort}`);
    spawnForTest("sh", ["-c", here], { env: { ...env, TARGET: "127.0.0.1" }, stdio: "ignore" });
    for (let tries = 0; seen.length < 3 && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(seen.slice(0, 3)).to.deep.equal(Array(3).fill(`${HOST} ${HOST} /health`));
  });

  it("are sent nowhere without a load balancer: the host's own name still leads to the old side", async () => {
    const { code, stderr } = await runForTest("sh", ["-c", await script()], { env: { ...process.env, TARGET: "" } });
    expect(code).to.not.equal(0);
    expect(stderr).to.contain("TARGET");
  });
});
