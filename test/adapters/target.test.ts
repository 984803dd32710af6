import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import type { NameServer } from "../../src/adapters/dns/answers.js";
import { commandFleet } from "../../src/adapters/fleet.js";
import { openRealTarget } from "../../src/adapters/target.js";
import { gateNamed } from "../../src/automation/gates/catalogue.js";
import type { StackConfig } from "../../src/config/schema.js";
import { readConfig } from "../../src/config/stackFile.js";
import { readTarget, type TargetConfig, targetSchema } from "../../src/config/targets.js";
import { Terminal, Transient, UserError } from "../../src/errors.js";
import { OBSERVATIONS, type ObservationName } from "../../src/ports/observations.js";
import { RAW, STACK } from "../automation/model.js";
import { afterThisTest } from "../support/cleanup.js";
import { gdnsdForSuite } from "../support/gdnsd.js";
import { motoForSuite } from "../support/moto.js";
import { prometheusForSuite } from "../support/prometheus.js";
import { tempFolder } from "../support/tmp.js";

const config = readConfig(RAW, "test", STACK);
const effect = { key: "k", fence: 1 };
const secret = async () => "made-up";

describe("targets.yaml", () => {
  const read = (text: string, environment = "production") => {
    const file = join(tempFolder(), "targets.yaml");
    writeFileSync(file, text);
    return readTarget(file, environment).catch((e: Error) => e);
  };

  it("says how an environment is reached, with defaults", async () => {
    const target = (await read("production: { prometheus: { url: http://prometheus:9090 } }")) as TargetConfig;
    expect(target.dns.samples).to.equal(40);
    expect(target.database.adminPasswordSecret).to.equal("database-password");
  });

  it("is refused with the path, what was wrong and what is accepted", async () => {
    const message = async (text: string, environment?: string) => {
      const error = await read(text, environment);
      expect(error).to.be.instanceOf(UserError);
      return (error as Error).message;
    };
    expect(await message("production: { prometheus: { url: here } }")).to.contain('production.prometheus.url: got "here"; accepted: a URL');
    expect(await message("production: { promtheus: { url: http://p } }")).to.contain("production.promtheus: got an unknown key");
    expect(await message("staging: { prometheus: { url: http://p } }")).to.contain("an entry for the environment; there are staging");
    expect(await message("a: [")).to.contain("targets.yaml");
    expect((await readTarget("/nonexistent/targets.yaml", "production").catch((e: Error) => e)) as Error).to.be.instanceOf(UserError);
  });
});

describe("the old fleet's own commands", () => {
  const folder = () => mkdtempSync(join(tempFolder(), "fleet-"));
  const fleetOf = (script: string, timeoutSeconds = 20) => {
    const command = [process.execPath, "-e", script];
    const { fleet } = targetSchema.parse({
      prometheus: { url: "http://p" },
      fleet: { maintenanceOn: command, maintenanceOff: command, useDatabase: command, timeoutSeconds },
    });
    return commandFleet(
      () => config,
      fleet,
      async () => "new.example.com",
    );
  };

  it("get the application and the database, and nothing secret", async () => {
    const file = join(folder(), "seen");
    const script = `require("fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify(Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith("CUTOVER_")))))`;
    await fleetOf(script).useDatabase("new", effect);
    const seen = JSON.parse(readFileSync(file, "utf8"));
    expect(seen).to.include({
      CUTOVER_APPLICATION: "web-api",
      CUTOVER_ENVIRONMENT: "production",
      CUTOVER_DATABASE_SIDE: "new",
      CUTOVER_DATABASE_HOST: "new.example.com",
      CUTOVER_DATABASE_NAME: "db",
    });
    await fleetOf(script).useDatabase("old", effect);
    expect(JSON.parse(readFileSync(file, "utf8")).CUTOVER_DATABASE_HOST).to.equal("prod-db.example.com");
  });

  it("promise 9: get what ssh and the AWS CLI need of the service's environment, not its secrets, and tell none", async () => {
    const file = join(folder(), "seen");
    const service = {
      SSH_AUTH_SOCK: "/run/agent",
      AWS_PROFILE: "production",
      DATABASE_URL: "postgres://cutover:hunter2@db/cutover",
      PULUMI_CONFIG_PASSPHRASE: "hunter2",
    };
    for (const [name, value] of Object.entries(service)) {
      const before = process.env[name];
      process.env[name] = value;
      afterThisTest(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    await fleetOf(`require("fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.env))`).setMaintenance(true, effect);
    const seen = JSON.parse(readFileSync(file, "utf8"));
    expect(seen).to.include({ SSH_AUTH_SOCK: "/run/agent", AWS_PROFILE: "production", CUTOVER_APPLICATION: "web-api" });
    expect(seen).to.not.have.any.keys("DATABASE_URL", "PULUMI_CONFIG_PASSPHRASE");
    const failed = await fleetOf("console.error('APP_PASSWORD=hunter2'); process.exit(1)")
      .useDatabase("new", effect)
      .catch((e: Error) => e.message);
    expect(failed).to.match(/ended with 1: APP_PASSWORD=\[secret\]$/);
  });

  /** What ssh does with a shared connection, or a script with `&`: a process that holds the output. */
  const leaving = (ms: number, then: string) =>
    `require("child_process").spawn(process.execPath, ["-e", "setTimeout(() => {}, ${ms})"], { stdio: "inherit" }).unref(); ${then}`;

  it("are not waited for by way of what they left behind: users' writes are stopped meanwhile", async () => {
    const began = performance.now();
    await fleetOf(leaving(15_000, "process.exit(0)")).setMaintenance(true, effect);
    const late = await fleetOf(leaving(15_000, "setTimeout(() => {}, 60000)"), 1)
      .setMaintenance(false, effect)
      .catch((e: Transient) => e);
    expect(performance.now() - began).to.be.below(10_000);
    expect(late)
      .to.be.instanceOf(Transient)
      .with.property("message")
      .that.contains("took longer than 1 s and was ended with all it had started");
    expect((late as Transient).next).to.contain("fleet.timeoutSeconds");
  }).timeout(40_000);

  it("fail with their last lines, and do not run for ever", async () => {
    const failed = await fleetOf("console.error('ssh: no route'); process.exit(3)")
      .setMaintenance(true, effect)
      .catch((e: Error) => e);
    expect(failed)
      .to.be.instanceOf(Terminal)
      .with.property("message")
      .that.matches(/fleet\.maintenanceOn: .* ended with 3: ssh: no route$/);
    const late = await fleetOf("setTimeout(() => {}, 60000)", 1)
      .setMaintenance(false, effect)
      .catch((e: Error) => e);
    expect(late).to.be.instanceOf(Transient).with.property("message").that.contains("took longer than 1 s");
    const absent = await commandFleet(
      () => config,
      undefined,
      async () => "",
    )
      .setMaintenance(true, effect)
      .catch((e: Error) => e);
    expect(absent)
      .to.be.instanceOf(Terminal)
      .with.property("message", "targets.yaml has no command fleet.maintenanceOn: nobody else knows how the old fleet is told.");
  }).timeout(20_000);
});

describe("the real target", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  const dns = gdnsdForSuite();
  const prometheus = prometheusForSuite();

  async function open(nameServers: NameServer[], patch: Partial<StackConfig["dns"]> = {}, prometheusUrl = "http://127.0.0.1:1") {
    const folder = tempFolder("target");
    const kubeconfig = join(folder, "kubeconfig");
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "away", cluster: { server: "https://127.0.0.1:1" } }],
        users: [{ name: "nobody", user: {} }],
        contexts: [{ name: "away", context: { cluster: "away", user: "nobody" } }],
        "current-context": "away",
      }),
    );
    const target = targetSchema.parse({
      aws: { endpoint: moto.endpoint() },
      cluster: { kubeconfig },
      prometheus: { url: prometheusUrl },
      dns: { samples: 300 },
    });
    const changed = {
      ...config,
      dns: { ...(config.dns as NonNullable<StackConfig["dns"]>), ...patch },
      workload: { ...config.workload, replicas: 1 },
      sources: { new: { kind: "prometheus" as const, convention: "guide" as const } },
    };
    return openRealTarget({ config: () => changed, target, region: "us-east-2", secret, nameServers, resolvers: nameServers });
  }

  it("promise 10: with nothing behind it, every observation is unknown or 0, none throws, and each names its source", async () => {
    moto.clients();
    const target = await open([]);
    for (const name of Object.keys(OBSERVATIONS) as ObservationName[]) {
      for (const side of ["old", "new"] as const) {
        const { reading, source, at, delaySeconds = 0 } = await target.observer.observe(name, side, 300);
        expect(source, name).to.not.equal("");
        expect(at)
          .to.be.at.least(Date.now() - delaySeconds * 1_000 - 10_000)
          .and.at.most(Date.now());
        if (reading.known) expect(reading.value, `${name} of ${side} from ${source}`).to.equal(0);
        else expect(reading.reason, name).to.not.equal("");
      }
    }
    target.close();
  });

  it("promise 11: compares the traffic of both sides, each as its own source counted it, with the weight that was asked for", async () => {
    const loadBalancer = (config.old?.loadBalancerArn ?? "").split(":loadbalancer/")[1] ?? "";
    await moto.clients().cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: "AWS/ApplicationELB",
        MetricData: [
          {
            MetricName: "RequestCount",
            Value: 600,
            Timestamp: new Date(Date.now() - 180_000),
            Dimensions: [{ Name: "LoadBalancer", Value: loadBalancer }],
          },
        ],
      }),
    );
    const began = Date.now();
    prometheus.expose(() => `http_requests_total{status="200"} ${((Date.now() - began) / 1_000) * 50}\n`);
    const target = await open([], {}, prometheus.url());
    const read = async (name: ObservationName, side?: "old" | "new") => {
      const { reading } = await target.observer.observe(name, side, 300);
      return reading.known ? reading.value : Number.NaN;
    };
    for (let i = 0; i < 60 && !((await read("traffic-share")) > 0.2); i += 1) await new Promise((resolve) => setTimeout(resolve, 500));
    const [fresh, share] = [await read("request-count", "new"), await read("traffic-share")];
    expect(await read("request-count", "old")).to.equal(600);
    expect(fresh).to.be.above(150);
    expect(share).to.be.closeTo(fresh / (fresh + 600), 0.05);
    const gate = gateNamed("traffic-share");
    const percent = Math.round(share * 100);
    expect([gate.judge(share, config, percent), gate.judge(share, config, percent + 20)]).to.deep.equal(["pass", "pending"]);
    target.close();
  });

  /** A zone of Route 53 in which both sides have a record, each with its weight and TTL. */
  const zoneWith = async (old: [weight: number, ttl: number], fresh: [weight: number, ttl: number]): Promise<string> => {
    const { route53 } = moto.clients();
    const zone = await route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: `${old}/${fresh}` }));
    const zoneId = (zone.HostedZone?.Id ?? "").replace("/hostedzone/", "");
    const side = (SetIdentifier: string, [Weight, TTL]: [number, number], Value: string) => ({
      Action: "CREATE" as const,
      ResourceRecordSet: { Name: "api.example.com", Type: "A" as const, SetIdentifier, Weight, TTL, ResourceRecords: [{ Value }] },
    });
    const Changes = [side("old-infra", old, "1.2.3.4"), side("new-infra", fresh, "5.6.7.8")];
    await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }));
    return zoneId;
  };

  it("promise 11: a DNS weight counts once the name servers show it, whatever Route 53 was told", async () => {
    const zoneId = await zoneWith([75, 60], [25, 60]);
    const shown = await open([await dns.serve({ old: ["1.2.3.4", 75], new: ["5.6.7.8", 25], ttl: 60 })], { zoneId });
    expect(await shown.observer.observe("dns-weight-new", undefined, 300)).to.deep.include({
      reading: { known: true, value: 25 },
      source: "authoritative name servers",
    });
    expect((await shown.observer.observe("dns-ttl", undefined, 300)).reading).to.deep.equal({ known: true, value: 60 });
    shown.close();
    const behind = await open([await dns.serve({ old: ["1.2.3.4", 100], new: ["5.6.7.8", 0], ttl: 60 })], { zoneId });
    const { reading } = await behind.observer.observe("dns-weight-new", undefined, 300);
    expect(reading.known === false && reading.reason).to.contain("not in 25 %");
    behind.close();
  });

  it("[traffic-1] says the TTL of an old record that nobody is answered with: that users are all on the new side is no dead end", async () => {
    const zoneId = await zoneWith([0, 300], [100, 60]);
    const ttlAt = async (old: number, fresh: number) => {
      const shown = await open([await dns.serve({ old: ["1.2.3.4", old], new: ["5.6.7.8", fresh], ttl: 60 })], { zoneId });
      const { reading } = await shown.observer.observe("dns-ttl", undefined, 300);
      shown.close();
      return reading;
    };
    expect(await ttlAt(0, 100)).to.deep.equal({ known: true, value: 300 });
    // A server that is behind is believed, and not what was asked for.
    expect(await ttlAt(100, 0)).to.deep.equal({ known: true, value: 60 });
  });

  it("waits by the wall clock, and stops when it is told to", async () => {
    const { clock, close } = await open([]);
    const until = clock.now() + 150;
    await clock.sleepUntil(until);
    expect(Date.now()).to.be.at.least(until - 2);
    const stop = new AbortController();
    const waiting = clock.sleepUntil(clock.now() + 60_000, stop.signal).catch((e: Error) => e.message);
    stop.abort(new Error("woken"));
    expect(await waiting).to.equal("woken");
    close();
  });
});
