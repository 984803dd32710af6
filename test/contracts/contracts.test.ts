import { join } from "node:path";
import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand } from "@aws-sdk/client-route-53";
import { awsCloudPort } from "../../src/adapters/aws/cloudPort.js";
import { awsObservation } from "../../src/adapters/aws/observations.js";
import { sqlDataPort, sqlObservations } from "../../src/adapters/sql/dataPort.js";
import type { StackConfig } from "../../src/config/schema.js";
import { readConfig } from "../../src/config/stackFile.js";
import { unknown } from "../../src/ports/observations.js";
import type { ObserverPort } from "../../src/ports/target.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { database, instances, loadBalancer, network } from "../adapters/aws/account.js";
import { RAW, STACK } from "../automation/model.js";
import { motoForSuite } from "../support/moto.js";
import { postgresForSuite } from "../support/postgres.js";
import { tempFolderForSuite } from "../support/tmp.js";
import { cloudPortContract } from "./cloudPort.js";
import { dataPortContract } from "./dataPort.js";

const HOST = "api.example.com";
const CONFIG = readConfig(RAW, "test", STACK);

async function sandbox(folder: string) {
  const open = await Sandbox.open({ folder, config: async () => CONFIG });
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
  dataPortContract("the sandbox", async () => {
    const { target, settle, backend } = await sandbox(join(folder(), "data"));
    const ref = { type: "aws:rds/instance:Instance", urn: "urn:db" };
    const primary = { identifier: "prod-db-replica", instanceClass: "db.r6g.large" };
    const replica = { ...primary, replicateSourceDb: "arn:aws:rds:us-east-2:123456789012:db:prod-db" };
    const { id } = await backend.create(ref, replica);
    return { ...target, settle, promote: async () => void (await backend.update(ref, id, replica, primary)) };
  });
});

describe("the real adapters", () => {
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
      observe: async (name, side, windowSeconds) => ({
        name,
        reading: (await awsObservation(clients, config, name, side, windowSeconds, Date.now())) ?? unknown("not measured"),
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
        reading: name in readings ? await readings[name as keyof typeof readings]() : unknown("not measured"),
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
