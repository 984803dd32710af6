import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { patched, StackFile } from "../../src/config/stackFile.js";
import { Transient } from "../../src/errors.js";
import { peopleOf } from "../support/people.js";
import { realProviderForSuite } from "../support/realKubernetes.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "web-api-staging";
const CANARY = "admin-portal-production";
const DEPLOYMENT = "/apis/apps/v1/namespaces/staging/deployments/web-api";
const ROLLOUT = "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/admin-portal";

/** A way to the API server that can be closed and opened again on the same port. */
async function door(url: string) {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let server: Server | undefined;
  const listen = (at: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const made = createServer((socket) => {
        const to = connect(Number(port), hostname);
        for (const s of [socket, to]) {
          open.add(s);
          s.on("error", () => undefined).on("close", () => open.delete(s));
        }
        socket.pipe(to).pipe(socket);
      });
      server = made;
      made.once("error", reject).listen(at, "127.0.0.1", () => resolve((made.address() as AddressInfo).port));
    });
  const at = await listen(0);
  return {
    url: `https://127.0.0.1:${at}`,
    open: () => listen(at),
    close: () => {
      server?.close();
      for (const socket of open) socket.destroy();
    },
  };
}

describe("trouble in the cluster, met by the real Kubernetes provider", function () {
  this.timeout(600_000);
  const { cluster, onRealProvider } = realProviderForSuite();

  it("[providers-20] an API server that is away passes, with its cause, and nothing is dropped from the state", async function () {
    const config = await readFile(cluster.kubeconfig(), "utf8");
    const [, server = ""] = /"?server"?:\s*"?(https:[^\s",]+)/.exec(config) ?? [];
    const way = await door(server);
    const kubeconfig = join(tempFolder("door"), "kubeconfig");
    await writeFile(kubeconfig, config.replaceAll(server, way.url));
    try {
      await onRealProvider(
        this,
        "trouble",
        async ({ driver, project }) => {
          const raw = patched((await StackFile.read(project.stacksFolder, STACK)).raw(), { "workload.deployed": true });
          await driver.update(STACK, raw, "a/first#1");
          const changed = patched(raw, { "workload.env": { NODE_ENV: "staging", MORE: "1" } });
          await driver.update(STACK, changed, "a/second#1");
          const { uid } = (await cluster.request("GET", DEPLOYMENT)).body.metadata;

          way.close();
          const third = patched(raw, { "workload.env": { NODE_ENV: "staging", MORE: "2" } });
          const error = await driver.update(STACK, third, "a/third#1").catch((e: Error) => e);
          expect(error)
            .to.be.instanceOf(Transient)
            .with.property("message")
            .that.matches(/unreachable|refused|reach/i);
          expect(await driver.recover(STACK, third).catch((e: Error) => e)).to.be.instanceOf(Transient);
          await way.open();
          await driver.recover(STACK, third);
          await driver.update(STACK, third, "a/third#2");
          const found = (await cluster.request("GET", DEPLOYMENT)).body;
          expect(found.metadata.uid).to.equal(uid);
          expect(JSON.stringify(found.spec.template.spec.containers[0].env)).to.contain('"MORE","value":"2"');
          expect((await driver.preview(STACK, third)).changes).to.deep.equal([]);
        },
        { kubeconfig },
      );
    } finally {
      way.close();
    }
  });

  it("[providers-22] a Rollout without variables is no drift once its controller has dropped what is empty", function () {
    return onRealProvider(this, "empty", async ({ driver, project }) => {
      const raw = patched((await StackFile.read(project.stacksFolder, CANARY)).raw(), {
        "cluster.provides": ["argo-rollouts", "vpa"],
        "workload.deployed": true,
        "workload.env": {},
        "workload.secretEnv": {},
        "strategy.workload": "rollout",
      });
      await driver.update(CANARY, raw, "a/rollout#1");
      let rollout = (await cluster.request("GET", ROLLOUT)).body;
      while (rollout.status?.phase !== "Healthy") {
        await new Promise((resolve) => setTimeout(resolve, 200));
        rollout = (await cluster.request("GET", ROLLOUT)).body;
      }
      const { changes } = await driver.preview(CANARY, raw, { refresh: true });
      expect(changes.filter((c) => /Rollout|Deployment/.test(c.type))).to.deep.equal([]);
    });
  });

  it("[providers-18] a version whose pods never become ready fails once, at the time that its gates have, and goes back at once", function () {
    return onRealProvider(this, "never-ready", async ({ migrations, project }) => {
      const file = await StackFile.read(project.stacksFolder, STACK);
      // No node has as much.
      const cpu = "9000";
      await file
        .replace(patched(file.raw(), { "workload.resources": { requests: { cpu }, limits: { cpu } }, "gates.timeoutSeconds": 60 }))
        .write();
      const { say, standBefore } = peopleOf(migrations, STACK);
      await standBefore("containerize.deploy");
      const state = await say({ command: "advance", extent: "step" });
      expect(state.heldReason).to.contain("Went back to revision 0");
      const failed = (await migrations.journal(STACK)).flatMap((e) => (e.type === "update.failed" ? [e] : []));
      expect(failed.map((e) => e.transient)).to.deep.equal([false]);
      expect(failed[0]?.error).to.match(/ready/i);
      expect((await cluster.request("GET", DEPLOYMENT)).status).to.equal(404);
    });
  });
});
