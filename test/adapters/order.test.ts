import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { awsClients } from "../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../src/adapters/aws/cloudPort.js";
import { commandFleet } from "../../src/adapters/fleet.js";
import { clusterClients } from "../../src/adapters/kubernetes/clients.js";
import { kubernetesClusterPort } from "../../src/adapters/kubernetes/clusterPort.js";
import { readConfig } from "../../src/config/stackFile.js";
import { targetSchema } from "../../src/config/targets.js";
import { Conflict } from "../../src/errors.js";
import { RAW, STACK } from "../automation/model.js";
import { afterThisTest } from "../support/cleanup.js";
import { tempFolder } from "../support/tmp.js";

const config = () => readConfig(RAW, "test", STACK);
const LOST = new Conflict("the lease was lost");

/** Takes every connection and answers none. @returns its port, and how many have come */
async function deaf(): Promise<{ port: number; asked: () => number }> {
  let asked = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    asked += 1;
    sockets.add(socket.on("error", () => undefined));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  afterThisTest(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
}

/** Begins an effect, loses the lease once it is in a call that hangs, and answers how it ended. */
async function lostInACall(run: (effect: { key: string; fence: number; signal: AbortSignal }) => Promise<unknown>, inCall: () => boolean) {
  const lost = new AbortController();
  const ended = run({ key: "k", fence: 1, signal: lost.signal }).catch((e: unknown) => e);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!inCall() && !over) await new Promise((resolve) => setTimeout(resolve, 10));
  lost.abort(LOST);
  return ended;
}

describe("[postgresql-23] a call that hangs ends with the lease", function () {
  this.timeout(60_000);

  it("to AWS, and is not tried again", async () => {
    const { port, asked } = await deaf();
    const before = [process.env.AWS_ACCESS_KEY_ID, process.env.AWS_SECRET_ACCESS_KEY];
    process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = "testing";
    try {
      const clients = awsClients({ region: "us-east-2", endpoint: `http://127.0.0.1:${port}` });
      const cloud = awsCloudPort(clients, config);
      expect(
        await lostInACall(
          (effect) => cloud.setWeights({ old: 100, new: 0 }, effect),
          () => asked() > 0,
        ),
      ).to.equal(LOST);
      const then = asked();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(asked()).to.equal(then);
      clients.close();
    } finally {
      for (const [i, name] of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].entries())
        if (before[i] === undefined) delete process.env[name];
        else process.env[name] = before[i];
    }
  });

  it("to the API server of Kubernetes", async () => {
    const { port, asked } = await deaf();
    const kubeconfig = join(tempFolder(), "kubeconfig");
    const known = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: `https://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    await writeFile(kubeconfig, stringify(known));
    const cluster = kubernetesClusterPort(clusterClients({ kubeconfig }), config);
    expect(
      await lostInACall(
        (effect) => cluster.rolloutAbort(effect),
        () => asked() > 0,
      ),
    ).to.equal(LOST);
  });

  it("of the old fleet's own command, with all that it started", async () => {
    const folder = tempFolder();
    const [begun, done] = [join(folder, "begun"), join(folder, "done")];
    const slow = ["sh", "-c", `touch ${begun}; sleep 2; touch ${done}`];
    const { fleet } = targetSchema.parse({
      prometheus: { url: "http://127.0.0.1:1" },
      fleet: { maintenanceOn: slow, maintenanceOff: slow, useDatabase: slow },
    });
    const port = commandFleet(config, fleet, async () => "new.example.com");
    expect(
      await lostInACall(
        (effect) => port.setMaintenance(true, effect),
        () => existsSync(begun),
      ),
    ).to.equal(LOST);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(existsSync(done)).to.equal(false);
  });
});
