import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand } from "@aws-sdk/client-route-53";
import { stringify } from "yaml";
import { awsCloudPort } from "../../src/adapters/aws/cloudPort.js";
import { sqlDataPort, sqlObservations } from "../../src/adapters/engines/postgresql/dataPort.js";
import { commandFleet } from "../../src/adapters/fleet.js";
import { openRealTarget } from "../../src/adapters/target.js";
import type { StackConfig } from "../../src/config/schema.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { targetSchema } from "../../src/config/targets.js";
import type { ObserverPort } from "../../src/ports/target.js";
import type { Properties } from "../../src/sandbox/backend.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { database, instances, loadBalancer, network } from "../adapters/aws/account.js";
import { RAW, STACK } from "../automation/model.js";
import { awsReading } from "../support/awsReading.js";
import { type KubernetesManifest, objectsOf } from "../support/cluster.js";
import { motoForSuite } from "../support/moto.js";
import { inSession, postgresForSuite } from "../support/postgres.js";
import { programOf, sampleStacks } from "../support/samples.js";
import { tempFolderForSuite } from "../support/tmp.js";
import { cloudPortContract } from "./cloudPort.js";
import { clusterPortContract } from "./clusterPort.js";
import { brokenStreamContract, dataPortContract } from "./dataPort.js";
import { fleetPortContract } from "./fleetPort.js";
import { observerPortContract } from "./observerPort.js";

const HOST = "api.example.com";
const CONFIG = readConfig(RAW, "test", STACK);

async function sandbox(folder: string, faults: string[] = []) {
  const open = await Sandbox.open({ folder, config: async () => CONFIG, faults: { [STACK]: faults } });
  const target = await open.target(STACK, () => CONFIG);
  const settle = () => target.clock.sleepUntil(target.clock.now() + 3_600_000);
  return { open, target, settle, backend: await open.open(STACK) };
}

describe("the sandbox", () => {
  const folder = tempFolderForSuite("contract");

  cloudPortContract("the sandbox", async () => {
    const { target, settle, backend } = await sandbox(join(folder(), "cloud"));
    const record = {
      zoneId: "Z1234567890ABC",
      name: HOST,
      type: "A",
      setIdentifier: "new-infra",
      weightedRoutingPolicies: [{ weight: 0 }],
      aliases: [{ name: "lb", zoneId: "Z", evaluateTargetHealth: true }],
    };
    return {
      ...target,
      settle,
      newRecord: async () => void (await backend.create({ type: "aws:route53/record:Record", urn: "urn:new" }, record)),
    };
  });
  observerPortContract("the sandbox, in the middle of a night", async () => {
    const { target, settle, backend } = await sandbox(join(folder(), "observer"));
    const record = (side: string) => ({
      zoneId: "Z1234567890ABC",
      name: HOST,
      type: "A",
      setIdentifier: `${side}-infra`,
      weightedRoutingPolicies: [{ weight: 50 }],
      ...(side === "old" ? { ttl: 60, records: ["1.2.3.4"] } : { aliases: [{ name: "lb", zoneId: "Z", evaluateTargetHealth: true }] }),
    });
    await target.cloud.adoptRecord({ key: "adopt", fence: 1 });
    await backend.create({ type: "aws:route53/record:Record", urn: "urn:new" }, record("new"));
    await target.cloud.setWeights({ old: 50, new: 50 }, { key: "half", fence: 1 });
    await settle();
    return { observer: target.observer, now: () => target.clock.now() };
  });
  fleetPortContract("the sandbox", async () => {
    const { target, open } = await sandbox(join(folder(), "fleet"));
    return { fleet: target.fleet, state: () => open.oldFleet(STACK) };
  });
  clusterPortContract("the sandbox", async () => {
    let raw = patched((await sampleStacks()).find((s) => s.stack === "admin-portal-production")?.raw ?? {}, {
      "workload.deployed": true,
      "strategy.workload": "rollout",
      "strategy.steps": [20, 40].map((setWeight) => ({ setWeight, pauseSeconds: 3_600 })),
    });
    const config = () => readConfig(raw, "test", "admin-portal-production");
    const open = await Sandbox.open({ folder: join(folder(), "cluster"), config: async () => config() });
    const target = await open.target("admin-portal-production", config);
    const backend = await open.open("admin-portal-production");
    const objects = async () => objectsOf(await programOf(config())) as (KubernetesManifest & Properties)[];
    const ref = { type: "kubernetes:argoproj.io/v1alpha1:Rollout", urn: "urn:rollout" };
    const rollout = async () => (await objects()).find((o) => o.kind === "Rollout") as Properties;
    await backend.create(
      { type: "kubernetes:core/v1:Namespace", urn: "urn:namespace" },
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "production" } },
    );
    for (const object of (await objects()).filter((o) => o.kind === "Secret" || o.kind === "Service"))
      await backend.create({ type: `kubernetes:core/v1:${object.kind}`, urn: `urn:${object.metadata.name}` }, object);
    let before = await rollout();
    const { id } = await backend.create(ref, before);
    return {
      cluster: target.cluster,
      observer: target.observer,
      change: async (image) => {
        raw = patched(raw, { "workload.image": image });
        const after = await rollout();
        await backend.update(ref, id, before, after);
        before = after;
      },
      shows: async (name, value) => {
        for (let tries = 0; ; tries += 1) {
          const { reading } = await target.observer.observe(name, undefined, 300);
          if ((reading.known && reading.value === value) || tries === 20) return reading.known ? reading.value : reading.reason;
          await target.clock.sleepUntil(target.clock.now() + 15_000);
        }
      },
    };
  });
  dataPortContract("the sandbox", async () => {
    const { target, settle, backend } = await sandbox(join(folder(), "data"));
    const ref = { type: "aws:rds/instance:Instance", urn: "urn:db" };
    const primary = { identifier: "prod-db-replica", instanceClass: "db.r6g.large" };
    const replica = { ...primary, replicateSourceDb: "arn:aws:rds:us-east-2:123456789012:db:prod-db" };
    const { id } = await backend.create(ref, replica);
    return { ...target, settle, promote: async () => void (await backend.update(ref, id, replica, primary)) };
  });

  brokenStreamContract("the sandbox", async () => {
    const { target, open } = await sandbox(join(folder(), "broken"), ["lost-reverse@promotion*"]);
    await target.data.setWrites("old", false, { key: "stop", fence: 1 });
    await target.data.startReverseReplication({ key: "start", fence: 1 });
    await target.data.setWrites("new", false, { key: "close", fence: 1 });
    return { data: target.data, accepts: async (side) => (await open.writes(STACK))[side] };
  });
});

/** A cluster that nobody answers for. */
const UNREACHABLE = {
  apiVersion: "v1",
  kind: "Config",
  clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1", "insecure-skip-tls-verify": true } }],
  users: [{ name: "u", user: { token: "t" } }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
  "current-context": "x",
};

describe("the real adapters", () => {
  const folder = tempFolderForSuite("contract");
  const moto = motoForSuite();
  const postgres = postgresForSuite();

  cloudPortContract("AWS, answered by moto", async () => {
    const clients = moto.clients();
    const { subnetIds, groupId } = await network(clients);
    const ids = await instances(clients, 1, { Name: "web-api" });
    await database(clients, "prod-db");
    const arn = await loadBalancer(clients, "old-web-api", subnetIds);
    const zone = await clients.route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: "contract" }));
    const zoneId = (zone.HostedZone?.Id ?? "").replace("/hostedzone/", "");
    const create = (record: object) =>
      clients.route53.send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId: zoneId,
          ChangeBatch: { Changes: [{ Action: "CREATE", ResourceRecordSet: { Name: HOST, Type: "A", ...record } }] },
        }),
      );
    await create({ TTL: 300, ResourceRecords: [{ Value: "1.2.3.4" }] });
    const config: StackConfig = {
      ...CONFIG,
      dns: { ...(CONFIG.dns as NonNullable<StackConfig["dns"]>), zoneId },
      old: { ...(CONFIG.old as NonNullable<StackConfig["old"]>), instanceIds: ids, loadBalancerArn: arn, securityGroupIds: [groupId] },
    };
    const observer: ObserverPort = {
      observe: async (name, side) => ({
        name,
        reading: await awsReading(clients, config, name, side),
        at: Date.now(),
        source: "moto",
      }),
    };
    return {
      cloud: awsCloudPort(clients, () => config),
      observer,
      settle: async () => undefined,
      newRecord: async () =>
        void (await create({ SetIdentifier: "new-infra", Weight: 0, TTL: 60, ResourceRecords: [{ Value: "5.6.7.8" }] })),
    };
  });

  observerPortContract("AWS, a cluster, Prometheus and databases that do not answer", async () => {
    moto.clients();
    const kubeconfig = join(folder(), "kubeconfig");
    await writeFile(kubeconfig, stringify(UNREACHABLE));
    const target = await openRealTarget({
      config: () => CONFIG,
      target: targetSchema.parse({
        aws: { endpoint: moto.endpoint() },
        cluster: { kubeconfig },
        prometheus: { url: "http://127.0.0.1:1" },
        dns: { samples: 1 },
      }),
      region: "us-east-2",
      secret: async () => "made-up",
      nameServers: [],
      resolvers: [{ address: "127.0.0.1", port: 1 }],
    });
    return { observer: target.observer, now: () => Date.now(), close: () => target.close() };
  });
  fleetPortContract("the owners' own commands", async () => {
    const file = join(folder(), "fleet.json");
    await writeFile(file, JSON.stringify({ maintenance: false, uses: "old" }));
    // As an owner would write it: reads what it is told from the environment, and does nothing the second time.
    const change = (what: string) => [
      process.execPath,
      "-e",
      `const fs = require("fs"), f = ${JSON.stringify(file)}; fs.writeFileSync(f, JSON.stringify({ ...JSON.parse(fs.readFileSync(f)), ${what} }))`,
    ];
    const { fleet } = targetSchema.parse({
      prometheus: { url: "http://127.0.0.1:1" },
      fleet: {
        maintenanceOn: change("maintenance: true"),
        maintenanceOff: change("maintenance: false"),
        useDatabase: change("uses: process.env.CUTOVER_DATABASE_SIDE"),
      },
    });
    return {
      fleet: commandFleet(
        () => CONFIG,
        fleet,
        async () => "new.example.com",
      ),
      state: async () => JSON.parse(await readFile(file, "utf8")) as { maintenance: boolean; uses: "old" | "new" },
    };
  });

  brokenStreamContract("PostgreSQL", async () => {
    const [old, fresh] = [await postgres.primary("broken-old"), await postgres.primary("broken-new")];
    for (const server of [old, fresh])
      await server.sql((s) =>
        s.rows(
          "CREATE TABLE orders (id serial PRIMARY KEY); CREATE ROLE app LOGIN PASSWORD 'app'; GRANT ALL ON orders, orders_id_seq TO app",
        ),
      );
    const data = sqlDataPort({ endpoint: async (side) => (side === "old" ? old : fresh).endpoint });
    await data.setWrites("old", false, { key: "stop", fence: 1 });
    await data.startReverseReplication({ key: "start", fence: 1 });
    await data.setWrites("new", false, { key: "close", fence: 1 });
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
    await fresh.sql(async (s) => {
      const held = "SELECT count(*)::int FROM pg_replication_slots WHERE active";
      while ((await s.value<number>(held)) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
      await s.rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^cutover_back'");
    });
    const accepts = (side: "old" | "new") =>
      inSession({ ...(side === "old" ? old : fresh).endpoint, user: "app", password: "app" }, (s) =>
        s.rows("INSERT INTO orders DEFAULT VALUES"),
      ).then(
        () => true,
        () => false,
      );
    return { data, accepts };
  });

  dataPortContract("PostgreSQL with streaming replication", async () => {
    const old = await postgres.primary("old");
    await old.sql((s) => s.rows("CREATE TABLE orders (id serial PRIMARY KEY, what text)"));
    await old.sql((s) => s.rows("INSERT INTO orders (what) SELECT 'order ' || i FROM generate_series(1, 500) i"));
    const fresh = await postgres.replica("new", old);
    const endpoint = async (side: "old" | "new") => (side === "old" ? old : fresh).endpoint;
    const readings = sqlObservations({ endpoint });
    const observer: ObserverPort = {
      observe: async (name) => ({
        name,
        reading: await readings[name as keyof typeof readings](),
        at: Date.now(),
        source: "postgresql",
      }),
    };
    const settle = async () => {
      for (let tries = 0; tries < 100; tries += 1) {
        const lag = await readings["replica-lag"]();
        if (lag.known && lag.value === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    return { data: sqlDataPort({ endpoint }), observer, settle, promote: fresh.promote };
  });
});
