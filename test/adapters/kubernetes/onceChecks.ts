import { expect } from "chai";
import type { ClusterClients } from "../../../src/adapters/kubernetes/clients.js";
import { kubernetesClusterPort } from "../../../src/adapters/kubernetes/clusterPort.js";
import { type ClusterReading, clusterObservation } from "../../../src/adapters/kubernetes/observations.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { Conflict } from "../../../src/errors.js";
import { type clusterForSuite, objectsOf } from "../../support/cluster.js";
import { PROCESSES } from "../../support/processStack.js";
import { programOf } from "../../support/samples.js";

const NAMESPACE = "production";

/** What may run once, on a real control plane: its own CronJob controller, and pods that take their time to go. */
export function onceChecks(cluster: ReturnType<typeof clusterForSuite>, clientsOf: () => ClusterClients): void {
  it("[applications-14] promise 12: on a real cluster what runs once is seen, catches up once, and is stopped and seen to be", async () => {
    const clients = clientsOf();
    const raw = patched(PROCESSES, {
      "application.namespace": NAMESPACE,
      "processes.reports.schedule": "*/10 * * * *",
      "processes.reports.sidecars": [],
      "processes.scheduler.mounts": [],
      old: { instanceIds: ["i-123abc"] },
      "database.target.oldSide": { cidrBlocks: ["10.0.0.0/16"] },
    });
    const before = readConfig(raw, "test", "shop-production");
    const after = readConfig(patched(raw, { "handover.once": "new", "handover.workers": 100 }), "test", "shop-production");
    const kinds = async (config: typeof before) => objectsOf(await programOf(config)).map((o) => `${o.kind} ${o.metadata.name}`);
    // Before it is their turn they are not there: a CronJob that was suspended would run what it missed.
    expect(await kinds(before)).to.not.include.members(["CronJob shop-reports"]);
    expect(await kinds(before)).to.not.include("Deployment shop-scheduler");
    const observe = async (name: ClusterReading, config = after) => {
      const reading = await clusterObservation(clients, config, name);
      return reading.known ? reading.value : reading;
    };
    const eventually = async (name: ClusterReading, value: number): Promise<void> => {
      for (let i = 0; i < 600 && (await observe(name)) !== value; i += 1) await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await observe(name), name).to.equal(value);
    };
    expect(await observe("new-once-running", before)).to.equal(0);
    expect(await observe("once-ready")).to.equal(0);
    const wanted = objectsOf(await programOf(after)).filter(
      (o) => /^(ServiceAccount|Secret)$/.test(o.kind) || /shop-(reports|scheduler|sidekiq)$/.test(o.metadata.name),
    );
    for (const object of wanted) {
      const { status, body } = await cluster.apply(object);
      expect(status, `${object.kind} ${object.metadata.name}: ${body.message}`).to.be.oneOf([200, 201]);
    }
    await eventually("once-ready", 1);
    await eventually("workers-ready", 1);
    // Half of them is not what the config wants now.
    expect(await observe("workers-ready", readConfig(patched(raw, { "handover.workers": 50 }), "test", "shop-production"))).to.equal(0);
    expect(await observe("new-once-running")).to.be.at.least(3);

    const port = kubernetesClusterPort(clients, () => after);
    const jobs = async (): Promise<string[]> =>
      (await cluster.request("GET", `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`)).body.items.map(
        (j: { metadata: { name: string } }) => j.metadata.name,
      );
    const { body: cronJob } = await cluster.request("GET", `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs/shop-reports`);
    const created = Date.parse(cronJob.metadata.creationTimestamp);
    const last = Math.floor(created / 600_000) * 600_000;
    const caught = await port.catchUp(last - 600_001, { key: "one", fence: 1 });
    expect(caught.facts).to.deep.equal({ runs: 2 });
    // The names that the controller itself would give them.
    const names = [last - 600_000, last].map((at) => `shop-reports-${at / 60_000}`);
    expect(await jobs()).to.include.members(names);
    await port.catchUp(last - 600_001, { key: "two", fence: 1 });
    expect((await jobs()).filter((j) => names.includes(j))).to.have.length(2);

    const held = () => Promise.reject(new Conflict("the lease was lost"));
    expect(await port.stopOnce({ key: "late", fence: 1, held }).catch((e) => e)).to.be.instanceOf(Conflict);
    expect(await observe("new-once-running")).to.be.at.least(2);
    await port.stopOnce({ key: "stop", fence: 1 });
    expect(await observe("new-once-running")).to.equal(0);
    expect(await observe("once-ready")).to.equal(0);
    // Workers are none of it.
    expect(await observe("workers-ready")).to.equal(1);
    expect((await port.stopOnce({ key: "again", fence: 1 })).summary).to.contain("Nothing of scheduler, reports runs");
  });

  it("[applications-14] promise 12: on a real cluster a web process that may run only once is seen, stopped, and seen to be stopped", async () => {
    const clients = clientsOf();
    const raw = patched(PROCESSES, {
      "application.name": "solo",
      "application.namespace": NAMESPACE,
      processes: {},
      volumes: {},
      "workload.once": true,
      "workload.replicas": 1,
      old: { instanceIds: ["i-123abc"] },
      "database.target.oldSide": { cidrBlocks: ["10.0.0.0/16"] },
    });
    const before = readConfig(raw, "test", "solo-production");
    const after = readConfig(patched(raw, { "handover.once": "new" }), "test", "solo-production");
    const observe = async (name: ClusterReading, config: typeof before) => {
      const reading = await clusterObservation(clients, config, name);
      return reading.known ? reading.value : reading;
    };
    const eventually = async (name: ClusterReading, config: typeof before, value: number): Promise<void> => {
      for (let i = 0; i < 600 && (await observe(name, config)) !== value; i += 1) await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await observe(name, config), name).to.equal(value);
    };
    const bring = async (config: typeof before): Promise<void> => {
      for (const object of objectsOf(await programOf(config)).filter((o) => /^(ServiceAccount|Secret|Deployment)$/.test(o.kind))) {
        const { status, body } = await cluster.apply(object);
        expect(status, `${object.kind} ${object.metadata.name}: ${body.message}`).to.be.oneOf([200, 201]);
      }
    };
    // It is deployed, and none of it runs.
    await bring(before);
    await eventually("pods-ready", before, 1);
    expect(await observe("new-once-running", before)).to.equal(0);
    // What the cluster was told of last is not what the config wants now.
    expect(await observe("once-ready", after)).to.equal(0);
    await bring(after);
    await eventually("once-ready", after, 1);
    expect(await observe("new-once-running", after)).to.be.at.least(2);
    await kubernetesClusterPort(clients, () => after).stopOnce({ key: "stop the web", fence: 1 });
    expect(await observe("new-once-running", after)).to.equal(0);
    await eventually("pods-ready", before, 1);
  });

  it("[applications-12] a release runs to its end on the version that is to start, and its failure is told", async () => {
    const clients = clientsOf();
    const config = readConfig(
      patched(PROCESSES, { "application.namespace": NAMESPACE, volumes: {}, "processes.web.mounts": [], "processes.scheduler.mounts": [] }),
      "test",
      "shop-production",
    );
    for (const object of objectsOf(await programOf(config)).filter((o) => /^(ServiceAccount|Secret)$/.test(o.kind)))
      await cluster.apply(object);
    const port = kubernetesClusterPort(clients, () => config);
    const { summary } = await port.runRelease("migrate", { key: "release", fence: 1 });
    expect(summary).to.match(/^migrate of registry\.example\.com\/shop:1\.1\.0 ended well in \d+ s\.$/);
    await port.runRelease("migrate", { key: "release", fence: 1 });
    const { body } = await cluster.request("GET", `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`);
    const releases = body.items.filter((j: { metadata: { name: string } }) => j.metadata.name.startsWith("shop-migrate-"));
    expect(releases).to.have.length(1);
    expect(releases[0].spec).to.include({ backoffLimit: 0, activeDeadlineSeconds: 900 });
  });
}
