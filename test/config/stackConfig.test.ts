import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { configChanges, neededSecrets, StackFile, withoutSecrets, withSecretsOf } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { UserError } from "../../src/errors.js";
import { RAW } from "../automation/model.js";

const VALID = {
  "cutover:application": { name: "web-api", environment: "production", criticality: "high" },
  "cutover:cluster": { name: "production" },
  "cutover:workload": { image: "example.org/web-api:1.0.0" },
  "cutover:ingress": { host: "api.example.com" },
  "cutover:old": { addresses: ["1.2.3.4"] },
  "cutover:strategy": { kind: "blue-green", image: "example.org/web-api:1.1.0" },
  "cutover:dns": { zoneId: "Z1234567890ABC" },
};

const DATABASE = RAW["cutover:database"] as { target: object };

function problemOf(change: Record<string, unknown>): UserError {
  const file = StackFile.parse(
    "stacks/Pulumi.web-api-production.yaml",
    "web-api-production",
    stringify({ config: { ...VALID, ...change } }),
  );
  try {
    file.config();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

describe("a stack config", () => {
  it("takes the seed's values where the user says nothing", () => {
    const config = StackFile.parse("f", "web-api-production", stringify({ config: VALID })).config();
    expect(config.workload).to.include({ replicas: 3, containerPort: 3000, servicePort: 80, runAsUser: 1001 });
    expect(config.workload.probes.liveness).to.deep.equal({
      kind: "http",
      path: "/health",
      initialDelaySeconds: 30,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    });
    expect(config.strategy).to.deep.include({ weights: [5, 10, 25, 50, 75, 100] });
    expect(config.dns).to.deep.include({ steps: [10, 25, 50, 75, 100], cutoverTtlSeconds: 60, weights: { old: 100, new: 0 } });
    expect(config.gates).to.include({ maxErrorRate: 0.05, maxLatencyP95Seconds: 1, maxReplicaLagSeconds: 10 });
    expect(config.autoscaling.hpa).to.include({ minReplicas: 3, maxReplicas: 10, cpuPercent: 70 });
    expect(config.cleanup.soakSeconds).to.equal(14 * 86_400);
  });

  const wrong: [string, Record<string, unknown>, string, string][] = [
    [
      "weights that do not sum to 100",
      { "cutover:dns": { zoneId: "Z1234567890ABC", records: "both", weights: { old: 90, new: 20 } } },
      "dns.weights",
      "weights that sum to 100",
    ],
    [
      "a promoted database that the old side cannot connect to",
      { "cutover:database": { ...DATABASE, target: { ...DATABASE.target, oldSide: {} } } },
      "database.target.oldSide",
      "securityGroupIds or cidrBlocks of the old fleet and of the old database",
    ],
    [
      "a maintenance window in which backups are made",
      { "cutover:database": { ...DATABASE, maintenanceWindow: "tue:03:30-tue:04:30" } },
      "database.maintenanceWindow",
      "a window beside the backup's (03:00-04:00)",
    ],
    ["a TTL of 0", { "cutover:dns": { zoneId: "Z1234567890ABC", ttlSeconds: 0 } }, "dns.ttlSeconds", "whole seconds from 1 to 604800"],
    [
      "a negative weight",
      { "cutover:dns": { zoneId: "Z1234567890ABC", weights: { old: 110, new: -10 } } },
      "dns.weights.new",
      "a whole number from 0 to 100",
    ],
    [
      "a fractional weight",
      { "cutover:dns": { zoneId: "Z1234567890ABC", weights: { old: 99.5, new: 0.5 } } },
      "dns.weights.old",
      "a whole number from 0 to 100",
    ],
    [
      "an unknown key",
      { "cutover:workload": { image: "example.org/web-api:1.0.0", replica: 3 } },
      "workload.replica",
      "one of deployed, image, replicas",
    ],
    [
      "an unknown key of one kind of a list's entries",
      { "cutover:handover": { queues: [{ kind: "prometheus", age: "max(age)", nam: "celery" }] } },
      "handover.queues.0.nam",
      "one of kind, name, deadLetters, age",
    ],
    [
      "an unknown key of a process",
      { "cutover:processes": { worker: { kind: "worker", replica: 2 } } },
      "processes.worker.replica",
      "one of kind, image, command",
    ],
    [
      "an expression that is missing",
      { "cutover:sources": { old: { kind: "prometheus", expressions: { requests: "sum(r)" } } } },
      "sources.old.expressions.errors",
      "a text",
    ],
    [
      "a whole host that is the web process's",
      {
        "cutover:processes": { admin: { kind: "service" } },
        "cutover:ingress": { host: "api.example.com", routes: [{ path: "/", process: "admin" }] },
      },
      "ingress.routes.0.path",
      "a path below /",
    ],
    [
      "a path of a host that nobody answers for",
      {
        "cutover:processes": { admin: { kind: "service" } },
        "cutover:ingress": { host: "api.example.com", routes: [{ path: "/", host: "admin.example.com", process: "admin" }] },
      },
      "ingress.routes.0.host",
      "a host that the load balancer answers for: api.example.com",
    ],
    [
      "a certificate for a name that only a private zone has",
      {
        "cutover:dns": { zoneId: "Z1234567890ABC", also: [{ name: "api.internal.example.com", zoneId: "Z1234567890DEF", private: true }] },
      },
      "ingress.certificateArn",
      "a certificate that covers api.internal.example.com",
    ],
    [
      "two pods of a web process that may run only once",
      { "cutover:workload": { image: "example.org/web-api:1.0.0", once: true } },
      "workload.replicas",
      "1 where the web process may run only once (workload.once)",
    ],
    [
      "two versions of a web process that may run only once",
      { "cutover:workload": { image: "example.org/web-api:1.0.0", once: true, replicas: 1 } },
      "strategy.kind",
      '"rolling" where the web process may run only once',
    ],
    [
      "users on both sides of a web process that may run only once",
      { "cutover:workload": { image: "example.org/web-api:1.0.0", once: true, replicas: 1 } },
      "dns.steps",
      "[100] where the web process may run only once",
    ],
    [
      "a web process that may run only once and is none",
      { "cutover:workload": { image: "example.org/web-api:1.0.0", once: true, web: false } },
      "workload.once",
      "false without a web process",
    ],
    ["an unknown section", { "cutover:wrkload": {} }, "cutover:wrkload", "one of application, cluster, workload"],
    [
      "a strategy without steps",
      { "cutover:strategy": { kind: "canary", image: "example.org/web-api:1.1.0", steps: [] } },
      "strategy.steps",
      "at least one step",
    ],
    [
      "a ramp without weights",
      { "cutover:strategy": { kind: "blue-green", image: "example.org/web-api:1.1.0", weights: [] } },
      "strategy.weights",
      "at least one weight",
    ],
    [
      "a ramp that does not rise",
      { "cutover:dns": { zoneId: "Z1234567890ABC", steps: [50, 25, 100] } },
      "dns.steps",
      "weights that rise at every step",
    ],
    [
      "an unknown strategy",
      { "cutover:strategy": { kind: "big-bang", image: "example.org/web-api:1.1.0" } },
      "strategy.kind",
      'a strategy of kind "rolling", "blue-green" or "canary"',
    ],
    [
      "the image tag latest",
      { "cutover:workload": { image: "example.org/web-api:latest" } },
      "workload.image",
      "latest cannot be rolled back to",
    ],
    [
      "weight on a record that does not exist",
      { "cutover:dns": { zoneId: "Z1234567890ABC", weights: { old: 50, new: 50 } } },
      "dns.weights.new",
      "only while its record exists",
    ],
    [
      "Spot capacity for a critical application",
      { "cutover:spot": { nodeRoleArn: "arn:aws:iam::123456789012:role/n", subnetIds: ["subnet-0abc"] } },
      "spot",
      "high criticality",
    ],
    [
      "an address of Prometheus that is no URL",
      { "cutover:cluster": { name: "production", prometheusAddress: "prometheus:9090" } },
      "cluster.prometheusAddress",
      "a URL",
    ],
    [
      "credentials in the address of Prometheus",
      { "cutover:cluster": { name: "production", prometheusAddress: "https://me:word@prometheus.example.com" } },
      "cluster.prometheusAddress",
      "a URL",
    ],
    ["a missing section", { "cutover:strategy": undefined }, "strategy", "a strategy of kind"],
    [
      "another stack's name",
      { "cutover:application": { name: "other", environment: "production", criticality: "low" } },
      "application",
      "web-api-production",
    ],
  ];
  for (const [what, change, path, accepted] of wrong) {
    it(`refuses ${what}, naming the path and what is accepted`, () => {
      const { issues, message } = problemOf(change);
      const issue = issues.find((i) => i.path === path);
      expect(issue, message).to.not.equal(undefined);
      expect(issue?.accepted).to.contain(accepted);
    });
  }

  it("says what stood there", () => {
    expect(problemOf({ "cutover:dns": { zoneId: "Z1234567890ABC", ttlSeconds: 0 } }).message).to.contain(
      "dns.ttlSeconds: got 0; accepted: whole seconds",
    );
  });

  it("promise 9: refuses a secret in plain text and never repeats it", () => {
    for (const change of [
      { "cutover:secrets": { "redis-url": "redis://:hunter2@redis:6379" } },
      { "cutover:workload": { image: "example.org/web-api:1.0.0", env: { DATABASE_URL: "postgresql://user:hunter2@db:5432/db" } } },
      { "cutover:workload": { image: "example.org/web-api:1.0.0", env: { API_TOKEN: "hunter2" } } },
      { "aws:secretKey": "hunter2" },
    ]) {
      const { message } = problemOf(change);
      expect(message).to.match(/secret|credential|encrypted/);
      expect(message).to.not.contain("hunter2");
    }
  });

  it("keeps the user's comments and other keys when a step changes it", () => {
    const text = `# ours\nencryptionsalt: v1:abc\nconfig:\n  aws:region: us-east-2\n  cutover:dns:\n    zoneId: Z1234567890ABC # the public zone\n    ttlSeconds: 300\n`;
    const file = StackFile.parse("f", "s", text);
    const raw = file.raw();
    file.replace({ ...raw, "cutover:dns": { zoneId: "Z1234567890ABC", ttlSeconds: 60, weights: { old: 90, new: 10 } } });
    expect(file.text())
      .to.contain("# ours")
      .and.contain("# the public zone")
      .and.contain("encryptionsalt: v1:abc")
      .and.contain("ttlSeconds: 60");
    expect(file.raw()["cutover:dns"]).to.deep.equal({ zoneId: "Z1234567890ABC", ttlSeconds: 60, weights: { old: 90, new: 10 } });
  });

  it("[safety-7] keeps anchors as long as what they stand for is the same, each place's own value from then on, and an editor's line ends", () => {
    const text = `config:\n  cutover:application: &app\n    name: web-api # ours\n  cutover:other: *app\n  cutover:workload:\n    image: x:1\n`;
    const kept = StackFile.parse("f", "s", text);
    expect(kept.replace({ ...kept.raw(), "cutover:workload": { image: "x:2" } }).text())
      .to.contain("*app")
      .and.contain("# ours");
    for (const changed of ["cutover:application", "cutover:other"]) {
      const file = StackFile.parse("f", "s", text);
      const wanted = { ...file.raw(), [changed]: { name: "another" } };
      expect(StackFile.parse("f", "s", file.replace(wanted).text()).raw(), changed).to.deep.equal(wanted);
    }
    const removed = StackFile.parse("f", "s", text);
    const { "cutover:application": _, ...rest } = removed.raw();
    expect(StackFile.parse("f", "s", removed.replace(rest).text()).raw()).to.deep.equal(rest);
    const windows = StackFile.parse("f", "s", text.replaceAll("\n", "\r\n"));
    const written = windows.replace({ ...windows.raw(), "cutover:workload": { image: "x:2" } }).text();
    expect(written.split("\n").every((line) => line === "" || line.endsWith("\r"))).to.equal(true);
    expect(windows.raw()["cutover:workload"]).to.deep.equal({ image: "x:2" });
  });

  it("keeps secrets that were rotated since out of comparisons, and out of what an earlier config brings back", () => {
    const earlier = {
      "cutover:workload": { image: "a:1" },
      "cutover:secrets": { "database-password": { secure: "old" }, gone: { secure: "kept" } },
      "aws:token": { secure: "old" },
    };
    const now = {
      "cutover:workload": { image: "a:2" },
      "cutover:secrets": { "database-password": { secure: "new" } },
      "aws:token": { secure: "new" },
    };
    expect(withSecretsOf(earlier, now)).to.deep.equal({
      "cutover:workload": { image: "a:1" },
      "cutover:secrets": { "database-password": { secure: "new" }, gone: { secure: "kept" } },
      "aws:token": { secure: "new" },
    });
    expect(withoutSecrets(now)).to.deep.equal({ "cutover:workload": { image: "a:2" } });
    expect(withSecretsOf({ "cutover:workload": {} }, { "cutover:workload": {} })).to.deep.equal({ "cutover:workload": {} });
  });

  it("shows differences by path, and no secret", () => {
    const before = { "cutover:dns": { weights: { old: 100, new: 0 } }, "cutover:secrets": { a: { secure: "v1:one" } } };
    const after = { "cutover:dns": { weights: { old: 90, new: 10 } }, "cutover:secrets": { a: { secure: "v1:two" } } };
    expect(configChanges(before, after)).to.deep.equal([
      { path: "dns.weights.new", before: 0, after: 10 },
      { path: "dns.weights.old", before: 100, after: 90 },
      { path: "secrets.a", before: "(secret)", after: "(secret)" },
    ]);
  });
});

describe("the stack configs of this project", () => {
  it("are valid, for all three applications in staging and production, once their secrets are set", async () => {
    const folder = join(projectRoot(), "stacks");
    const stacks = await StackFile.list(folder);
    expect(stacks).to.deep.equal(["admin-portal", "batch-processor", "web-api"].flatMap((a) => [`${a}-production`, `${a}-staging`]));
    for (const stack of stacks) (await StackFile.read(folder, stack)).shape();
  });

  it("name the secrets that are missing", async () => {
    const file = await StackFile.read(join(projectRoot(), "stacks"), "web-api-production");
    expect(neededSecrets(file.raw())).to.deep.equal(["database-password", "redis-url"]);
    expect(() => file.config()).to.throw(UserError, /secrets.database-password.*\n?.*pulumi config set --secret/);
  });

  it("are found through stackConfigDir", async () => {
    expect(await readFile(join(projectRoot(), "Pulumi.yaml"), "utf8")).to.contain("stackConfigDir: stacks");
  });
});
