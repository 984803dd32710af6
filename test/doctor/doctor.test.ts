import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import type { Finding } from "../../src/doctor/check.js";
import { type DoctorOptions, examineAll } from "../../src/doctor/doctor.js";
import { staleLocks } from "../../src/doctor/local.js";
import { createStack } from "../../src/sandbox/project.js";
import { cutover } from "../cli/service.js";
import { clusterForSuite } from "../support/cluster.js";
import { gdnsdForSuite } from "../support/gdnsd.js";
import { motoForSuite } from "../support/moto.js";
import { prometheusForSuite } from "../support/prometheus.js";
import { inSandbox } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "web-api-production";
const METRICS = 'http_requests_total{status="200"} 1\n';

describe("cutover doctor", function () {
  this.timeout(240_000);
  const moto = motoForSuite();
  const prometheus = prometheusForSuite();
  const cluster = clusterForSuite();
  const gdnsd = gdnsdForSuite();

  interface Surroundings {
    /** How the environment is reached; each test breaks one thing of it. */
    target: Record<string, object>;
    options: DoctorOptions;
    look: (target?: Record<string, object>, more?: Partial<DoctorOptions>) => Promise<(check: string, of?: string) => Finding | undefined>;
    edit: (change: (raw: Record<string, object>) => void) => Promise<void>;
  }

  /** Everything as it should be: the sandbox lends the engine's backend and secrets, all else is real. */
  function whole(context: Mocha.Context, run: (all: Surroundings) => Promise<void>): Promise<void> {
    return inSandbox(context, "doctor", async ({ env, project }) => {
      const { route53 } = moto.clients();
      const before = { ...process.env };
      Object.assign(process.env, env);
      try {
        await createStack(project, STACK);
        const resolver = await gdnsd.serve({ old: ["1.2.3.4", 100], new: ["5.6.7.8", 0], ttl: 60 });
        // Real ids begin with Z; moto's do so now and then.
        let zoneId = "";
        for (let i = 0; !zoneId.startsWith("Z"); i += 1) {
          const made = await route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: `${Date.now()}-${i}` }));
          zoneId = made.HostedZone?.Id?.split("/").at(-1) ?? "";
        }
        const own = { Name: "example.com", Type: "NS" as const, TTL: 60, ResourceRecords: [{ Value: "ns1.example.com" }] };
        const Changes = [{ Action: "UPSERT" as const, ResourceRecordSet: own }];
        await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }));
        const folder = tempFolder("doctor");
        const edit: Surroundings["edit"] = async (change) => {
          const file = await StackFile.read(project.stacksFolder, STACK);
          const raw = structuredClone(file.raw()) as Record<string, Record<string, object>>;
          change(raw as never);
          await file.replace(raw).write();
        };
        await edit((raw) => {
          Object.assign(raw["cutover:dns"] as object, { zoneId });
          const { source } = raw["cutover:database"] as { source: object };
          Object.assign(source, { endpoint: "127.0.0.1", port: Number(new URL(moto.endpoint()).port) });
        });
        prometheus.expose(() => METRICS);
        const target = {
          aws: { endpoint: moto.endpoint() },
          cluster: { kubeconfig: cluster.kubeconfig() },
          prometheus: { url: prometheus.url() },
          fleet: { maintenanceOn: ["true"], maintenanceOff: ["true"], useDatabase: ["true"] },
        };
        const options = { root: project.folder, stacks: project.stacksFolder, chosen: [STACK], resolver };
        const look: Surroundings["look"] = async (changed = target, more = {}) => {
          const targets = join(folder, "targets.yaml");
          await writeFile(targets, JSON.stringify({ production: changed }));
          const findings = await examineAll({ ...options, targets, ...more });
          return (check, of) => findings.find((f) => f.check === check && (of === undefined || f.of === of));
        };
        await run({ target, options, look, edit });
      } finally {
        for (const name of Object.keys(env)) if (before[name] === undefined) delete process.env[name];
        Object.assign(process.env, before);
      }
    });
  }

  it("finds everything well where everything is well", function () {
    return whole(this, async ({ look }) => {
      const found = await look();
      for (let i = 0; i < 50 && found("metrics")?.standing !== "ok"; i += 1) await new Promise((resolve) => setTimeout(resolve, 100));
      const checks = [
        "engine",
        "stack config",
        "state backend",
        "stack",
        "stale locks",
        "secrets",
        "credentials",
        "clock",
        "permissions",
        "DNS delegation",
        "kubeconfig",
        "cluster access",
        "database",
        "old fleet",
      ];
      for (const check of checks) expect(found(check), `${check}: ${found(check)?.detail}`).to.include({ standing: "ok" });
      expect(found("metrics")?.standing).to.be.oneOf(["ok", "warning"]);
      expect(found("permissions to change")?.detail).to.contain("deploy/iam-policy.json");
    });
  });

  it("says of each broken thing how to mend it", function () {
    return whole(this, async ({ target, look, edit }) => {
      const away = await look({ ...target, prometheus: { url: "http://127.0.0.1:1" } });
      expect(away("metrics")).to.include({ standing: "failed" });
      expect(away("metrics")?.mend).to.contain("prometheus.url");

      const context = await look({ ...target, cluster: { kubeconfig: cluster.kubeconfig(), context: "nowhere" } });
      expect(context("kubeconfig")?.detail).to.contain("context: got nowhere");
      expect(context("cluster access")).to.equal(undefined);

      const fleet = await look({
        ...target,
        fleet: { maintenanceOn: ["no-such-program"], maintenanceOff: ["true"], useDatabase: ["true"] },
      });
      expect(fleet("old fleet")).to.include({ standing: "failed", detail: "no-such-program cannot be run here" });

      const denied = await moto.behind((response) => {
        response.writeHead(403, { "Content-Type": "text/xml" });
        response.end("<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>");
        return true;
      });
      const nobody = await look({ ...target, aws: { endpoint: denied } });
      expect(nobody("credentials")).to.include({ standing: "failed" });
      expect(nobody("permissions")).to.include({ standing: "unknown" });
      expect(nobody("DNS delegation")).to.include({ standing: "unknown" });

      const nowhere = await look(target, { resolver: { address: "127.0.0.1", port: 1 } });
      expect(nowhere("DNS delegation")?.mend).to.equal("Delegate example.com to ns1.example.com.");

      await edit((raw) => Object.assign(raw["cutover:ingress"] as object, { host: "api.example.org" }));
      expect((await look())("DNS delegation")?.detail).to.contain("api.example.org is not below it");
      await edit((raw) => {
        Object.assign(raw["cutover:ingress"] as object, { host: "api.example.com" });
        const { source, target: copy } = raw["cutover:database"] as { source: object; target: object };
        Object.assign(source, { port: 1 });
        Object.assign(copy, { vpcId: "vpc-replaceme" });
      });
      const edited = await look();
      expect(edited("database")?.detail).to.contain("127.0.0.1:1 cannot be reached");
      expect(edited("stack config")?.detail).to.equal("still to fill in: database.target.vpcId");
    });
  });

  it("tells a clock that is minutes off, and a passphrase that does not open the secrets", function () {
    return whole(this, async ({ target, look }) => {
      const real = Date.now;
      Date.now = () => real() + 60_000;
      const late = await look().finally(() => {
        Date.now = real;
      });
      expect(late("clock")).to.include({ standing: "warning" });
      process.env.PULUMI_CONFIG_PASSPHRASE = "another";
      const closed = await look(target);
      expect(closed("secrets")).to.include({ standing: "failed" });
      expect(closed("secrets")?.mend).to.contain("PULUMI_CONFIG_PASSPHRASE");
    });
  });

  it("says that the cluster does not know who asks", function () {
    return whole(this, async ({ target, look }) => {
      const file = join(tempFolder("kubeconfig"), "config");
      const text = await readFile(cluster.kubeconfig(), "utf8");
      await writeFile(file, text.replace(/("?token"?: ?"?)[^"\n,]+/, "$1nobody"));
      const found = await look({ ...target, cluster: { kubeconfig: file } });
      expect(found("cluster access")).to.include({ standing: "failed" });
      await rm(file);
    });
  });

  it("says where stale locks are a person's to clear, and where the service finds them", async () => {
    for (const scheme of ["gs", "azblob"]) {
      const found = await staleLocks(`${scheme}://state`);
      expect(found)
        .to.include({ standing: "warning" })
        .with.property("detail")
        .that.contains(`${scheme}:// backends`)
        .and.contains("pulumi cancel");
    }
    for (const url of ["s3://state", "file:///state", "https://api.pulumi.com"])
      expect(await staleLocks(url)).to.include({ standing: "ok" });
  });

  it("ends with 9 when something is broken, and looks only at this machine without a targets file", async () => {
    const { code, stdout, stderr } = await cutover(["doctor", STACK, "--output", "json"], {
      env: { PULUMI_BACKEND_URL: `file://${tempFolder("none")}/missing` },
    });
    expect(code, stderr).to.equal(9);
    const findings = JSON.parse(stdout) as Finding[];
    expect(findings.find((f) => f.check === "state backend")?.mend).to.contain("pulumi login");
    expect(findings.find((f) => f.check === "environments")?.detail).to.contain("--targets");
  });
});
