import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { Terminal, Transient } from "../../../src/errors.js";
import type { ClusterPort } from "../../../src/ports/target.js";
import type { clusterForSuite } from "../../support/cluster.js";

const INGRESS = "/apis/networking.k8s.io/v1/namespaces/production/ingresses/admin-portal";

/** What the probe of the load balancer says, at an address that the ingress really has. */
export function probeChecks(cluster: ReturnType<typeof clusterForSuite>, port: () => ClusterPort): void {
  describe("the probe of the load balancer", () => {
    let server: Server;
    /** Host headers that were seen, in order. */
    const hosts: (string | undefined)[] = [];
    let answer = 200;
    const failed = () =>
      port()
        .probeLoadBalancer()
        .catch((e: Error) => e);

    before("a load balancer", async () => {
      server = createServer((request, response) => {
        hosts.push(request.headers.host);
        response.writeHead(request.url === "/health" ? answer : 404).end();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    it("waits while the ingress has no address", async () => {
      expect(await failed())
        .to.be.instanceOf(Transient)
        .with.property("message")
        .that.contains("The ingress production/admin-portal has no address yet.");
    });

    it("asks for the health page with the users' host name, at the address that the ingress shows", async () => {
      const { port: at } = server.address() as AddressInfo;
      const status = { loadBalancer: { ingress: [{ ip: "127.0.0.1", ports: [{ port: at, protocol: "TCP" }] }] } };
      expect((await cluster.request("PATCH", `${INGRESS}/status`, { status }, "application/merge-patch+json")).status).to.equal(200);
      const host = (await cluster.request("GET", INGRESS)).body.spec.rules[0].host as string;
      expect(await port().probeLoadBalancer()).to.deep.equal({
        summary: `GET /health at 127.0.0.1 with Host ${host} answered 200.`,
        facts: { status: 200, hostname: "127.0.0.1" },
      });
      expect(hosts).to.deep.equal([host]);
    });

    it("fails when something else than 200 comes, and waits when nobody answers", async () => {
      answer = 503;
      expect(await failed())
        .to.be.instanceOf(Terminal)
        .with.property("message")
        .that.contains("answered 503, not 200");
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      expect(await failed()).to.be.instanceOf(Transient);
    });
  });
}
