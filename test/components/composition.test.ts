import * as aws from "@pulumi/aws";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import {
  AlertRules,
  ArgoRollouts,
  Autoscaling,
  BlueGreen,
  CanaryRollout,
  DatabaseSecret,
  PublicIngress,
  ReplicaDatabase,
  SpotNodeGroup,
  VerificationJobs,
  VpaController,
  WeightedDns,
  Workload,
} from "../../src/components/index.js";
import { UserError } from "../../src/errors.js";
import { only, registered } from "./harness.js";

const namespace = "production";
const image = "ghcr.io/your-org/web-api:1.0.0";
const workload = { namespace, image };
const replica = {
  identifier: "prod-db-replica",
  sourceIdentifier: "prod-db",
  role: "replica" as const,
  instanceClass: "db.r6g.large",
  vpcId: "vpc-1",
  subnetIds: ["subnet-1", "subnet-2"],
  clientSecurityGroupIds: ["sg-1"],
};
const ingress = { namespace, host: "api.example.com", certificateArn: "arn:c", backends: [{ serviceName: "web-api", weight: 100 }] };
const dns = {
  zoneId: "Z1234567890ABC",
  name: "api.example.com",
  records: "both" as const,
  weights: { old: 90, new: 10 },
  oldAddresses: ["1.2.3.4"],
  loadBalancerHostname: "lb.example.com",
  healthCheck: { type: "HTTPS" as const, port: 443, path: "/health" },
};
const spot = {
  clusterName: "production",
  nodeRoleArn: "arn:aws:iam::123456789012:role/nodes",
  subnetIds: ["subnet-1"],
  instanceTypes: ["m6i.large", "m5.large"],
  minSize: 1,
  maxSize: 5,
  desiredSize: 2,
};
const canary = { ...workload, rootService: "web-api", ingressName: "web-api" };
const jobs = { namespace, curlImage: "curlimages/curl:8.11.1", loadBalancerHostname: "lb", host: "api.example.com", requestsPerSecond: 5 };
const target = { apiVersion: "apps/v1", kind: "Deployment" as const, name: "web-api" };
const hpa = { minReplicas: 3, maxReplicas: 10, cpuPercent: 70 };
const alerts = { namespace, databaseIdentifier: "prod-db-replica", loadBalancer: "app/k8s/1" };
const secret = { namespace, values: { "redis-url": "redis://r" } };

/** Every component alone, with good arguments. */
const MAKES: Record<string, (opts?: pulumi.ComponentResourceOptions) => pulumi.ComponentResource> = {
  AlertRules: (o) => new AlertRules("web-api", { ...alerts, tags: { team: "platform" } }, o),
  ArgoRollouts: (o) => new ArgoRollouts("argo-rollouts", { version: "v1.8.3" }, o),
  Autoscaling: (o) => new Autoscaling("web-api", { namespace, target, hpa, vpa: { updateMode: "Off" } }, o),
  BlueGreen: (o) =>
    new BlueGreen("web-api", { namespace, blueImage: image, greenImage: image, green: true, greenWeight: 5, blue: true }, o),
  CanaryRollout: (o) => new CanaryRollout("web-api", canary, o),
  DatabaseSecret: (o) => new DatabaseSecret("web-api", secret, o),
  PublicIngress: (o) => new PublicIngress("web-api", { ...ingress, tags: { team: "platform" } }, o),
  ReplicaDatabase: (o) => new ReplicaDatabase("web-api", { ...replica, tags: { team: "platform" } }, o),
  SpotNodeGroup: (o) => new SpotNodeGroup("batch", { ...spot, tags: { team: "platform" } }, o),
  VerificationJobs: (o) => new VerificationJobs("web-api", jobs, o),
  VpaController: (o) => new VpaController("vpa", { chartVersion: "4.10.0" }, o),
  WeightedDns: (o) => new WeightedDns("web-api", { ...dns, tags: { team: "platform" } }, o),
  Workload: (o) => new Workload("web-api", workload, o),
};

/** Wrong arguments, and the path that the message must begin with. */
const WRONG: [string, () => unknown][] = [
  ["AlertRules(a).errorRate: got 5; accepted", () => new AlertRules("a", { ...alerts, errorRate: 5 })],
  ["AlertRules(a).latencyP95Seconds: got 0", () => new AlertRules("a", { ...alerts, latencyP95Seconds: 0 })],
  ["AlertRules(a).forSeconds: got 1.5", () => new AlertRules("a", { ...alerts, forSeconds: 1.5 })],
  ['AlertRules(a).namespace: got "Production"', () => new AlertRules("a", { namespace: "Production" })],
  ['ArgoRollouts(a).version: got "latest"', () => new ArgoRollouts("a", { version: "latest" })],
  [
    "Autoscaling(a).hpa.maxReplicas: got 2; accepted: a whole number from 3 to",
    () => new Autoscaling("a", { namespace, target, hpa: { ...hpa, maxReplicas: 2 } }),
  ],
  ["Autoscaling(a).hpa.cpuPercent: got 170", () => new Autoscaling("a", { namespace, target, hpa: { ...hpa, cpuPercent: 170 } })],
  [
    "BlueGreen(a).greenWeight: got 5; accepted: 0 until green exists",
    () => new BlueGreen("a", { namespace, blueImage: image, greenImage: image, green: false, greenWeight: 5, blue: true }),
  ],
  [
    "BlueGreen(a).blue: got false",
    () => new BlueGreen("a", { namespace, blueImage: image, greenImage: image, green: true, greenWeight: 50, blue: false }),
  ],
  ["CanaryRollout(a).steps: got []", () => new CanaryRollout("a", { ...canary, steps: [] })],
  [
    "CanaryRollout(a).steps[0].setWeight: got 120",
    () => new CanaryRollout("a", { ...canary, steps: [{ setWeight: 120, pauseSeconds: 1 }] }),
  ],
  ['CanaryRollout(a).image: got "web-api"', () => new CanaryRollout("a", { ...canary, image: "web-api" })],
  [
    "DatabaseSecret(a).database.port: got 0",
    () => new DatabaseSecret("a", { namespace, database: { host: "h", port: 0, databaseName: "d", username: "u", password: "p" } }),
  ],
  [
    "PublicIngress(a).backends: got [60,60]",
    () =>
      new PublicIngress("a", {
        ...ingress,
        backends: [
          { serviceName: "x", weight: 60 },
          { serviceName: "y", weight: 60 },
        ],
      }),
  ],
  ['PublicIngress(a).host: got "localhost"', () => new PublicIngress("a", { ...ingress, host: "localhost" })],
  ["PublicIngress(a).zoneId", () => new PublicIngress("a", { namespace, host: "api.example.com", backends: ingress.backends })],
  ['ReplicaDatabase(a).identifier: got "Prod DB"', () => new ReplicaDatabase("a", { ...replica, identifier: "Prod DB" })],
  ['ReplicaDatabase(a).subnetIds: got ["subnet-1"]', () => new ReplicaDatabase("a", { ...replica, subnetIds: ["subnet-1"] })],
  ["ReplicaDatabase(a).clientSecurityGroupIds", () => new ReplicaDatabase("a", { ...replica, clientSecurityGroupIds: [] })],
  [
    "ReplicaDatabase(a).backup.retentionDays: got 99",
    () => new ReplicaDatabase("a", { ...replica, role: "primary", backup: { retentionDays: 99, window: "03:00-04:00" } }),
  ],
  ["SpotNodeGroup(a).instanceTypes", () => new SpotNodeGroup("a", { ...spot, instanceTypes: ["m6i.large"] })],
  ["SpotNodeGroup(a).desiredSize: got 9", () => new SpotNodeGroup("a", { ...spot, desiredSize: 9 })],
  ['VerificationJobs(a).host: got "a.b; rm -rf /"', () => new VerificationJobs("a", { ...jobs, host: "a.b; rm -rf /" })],
  ["VerificationJobs(a).path", () => new VerificationJobs("a", { ...jobs, path: '/$(id)"' })],
  ['VpaController(a).chartVersion: got "latest"', () => new VpaController("a", { chartVersion: "latest" })],
  ["WeightedDns(a).weights: got", () => new WeightedDns("a", { ...dns, weights: { old: 50, new: 40 } })],
  ["WeightedDns(a).weights.new: got 0.5", () => new WeightedDns("a", { ...dns, weights: { old: 99, new: 0.5 } })],
  ["WeightedDns(a).ttlSeconds: got 0", () => new WeightedDns("a", { ...dns, ttlSeconds: 0 })],
  ["WeightedDns(a).oldAddresses", () => new WeightedDns("a", { ...dns, oldAddresses: [] })],
  ["WeightedDns(a).name", () => new WeightedDns("a", { ...dns, name: "api.example.com." })],
  ['Workload(a).image: got "web-api:latest"', () => new Workload("a", { ...workload, image: "web-api:latest" })],
  ['Workload(Web_Api).name: got "Web_Api"', () => new Workload("Web_Api", workload)],
  ["Workload(a).replicas: got -1", () => new Workload("a", { ...workload, replicas: -1 })],
  [
    "Workload(a).probes.liveness.path",
    () => new Workload("a", { ...workload, probes: { liveness: probe("health"), readiness: probe("/r") } }),
  ],
];
function probe(path: string) {
  return { path, initialDelaySeconds: 1, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1 };
}

describe("a component in somebody else's program", () => {
  for (const [path, make] of WRONG) {
    it(`refuses at construction: ${path}`, () => {
      expect(make).to.throw(UserError, path);
    });
  }

  for (const [name, make] of Object.entries(MAKES)) {
    it(`${name} gives its providers and transformations to all its resources, and their parents are components`, async () => {
      const seen: string[] = [];
      const all = await registered(() => {
        const providers = [new aws.Provider("theirs-aws", { region: "eu-west-1" }), new k8s.Provider("theirs-k8s", { context: "theirs" })];
        const note: pulumi.ResourceTransformation = ({ type, opts }) => {
          if (!type.startsWith("cutover:") && opts.parent !== undefined) seen.push(type);
          return undefined;
        };
        make({ providers, transformations: [note] });
      });
      const resources = all.filter((r) => !r.type.startsWith("pulumi:providers"));
      expect(resources).to.have.length.at.least(1);
      for (const { type, provider } of resources) {
        const [pkg] = type.split(":");
        if (pkg === "aws" || pkg === "kubernetes") expect(provider, type).to.contain(`theirs-${pkg === "aws" ? "aws" : "k8s"}`);
      }
      expect(seen.sort()).to.deep.equal(resources.map((r) => r.type).sort());
    });
  }

  it("puts the user's tags on every AWS resource that takes them, beside its name", async () => {
    for (const name of ["AlertRules", "ReplicaDatabase", "SpotNodeGroup", "WeightedDns"]) {
      const all = await registered(() => MAKES[name]?.());
      const tagged = all.filter((r) => r.inputs.tags !== undefined);
      expect(tagged.length, name).to.be.at.least(1);
      for (const { type, inputs } of tagged) {
        const tags = Array.isArray(inputs.tags)
          ? Object.fromEntries(inputs.tags.map((t: { key: string; value: string }) => [t.key, t.value]))
          : inputs.tags;
        expect(tags.team, `${name}: ${type}`).to.equal("platform");
      }
    }
    const certificate = await registered(
      () => new PublicIngress("a", { ...ingress, certificateArn: undefined as never, zoneId: "Z1", tags: { team: "platform" } }),
    );
    expect(only(certificate, "certificate:Certificate").tags).to.deep.equal({ team: "platform", Name: "api.example.com" });
  });

  it("takes outputs of other resources for every input", async () => {
    const later = <T>(value: T): pulumi.Output<T> => pulumi.output(Promise.resolve(value)) as unknown as pulumi.Output<T>;
    const all = await registered(() => new Workload("web-api", { namespace: later(namespace), image: later(image), replicas: later(4) }));
    expect(only(all, "apps/v1:Deployment").spec).to.deep.include({ replicas: 4 });
    expect(only(all, "apps/v1:Deployment").spec.template.spec.containers[0].image).to.equal(image);
  });

  it("protects the database from the promotion on, and only then", async () => {
    const protect = async (role: "replica" | "primary") => {
      let found: boolean | undefined;
      await registered(() => {
        new ReplicaDatabase(
          "web-api",
          { ...replica, role },
          {
            transformations: [
              ({ type, opts }) => {
                if (type === "aws:rds/instance:Instance") found = opts.protect;
                return undefined;
              },
            ],
          },
        );
      });
      return found;
    };
    expect(await protect("replica")).to.equal(false);
    expect(await protect("primary")).to.equal(true);
  });

  it("[providers-1] promotion: source and retention period are not asked for together unless the config says so, and the backups begin with it", async () => {
    const of = async (role: "replica" | "primary") =>
      only(await registered(() => new ReplicaDatabase("web-api", { ...replica, role })), "rds/instance:Instance");
    expect(await of("replica"))
      .to.have.property("replicateSourceDb")
      .and.satisfy(Boolean);
    expect(await of("replica")).to.not.have.any.keys("backupRetentionPeriod");
    // RDS would choose a backup window by itself, and refuse a maintenance window that overlaps it.
    expect(await of("replica")).to.include({ backupWindow: "03:00-04:00", maintenanceWindow: "sun:05:00-sun:06:00" });
    expect(await of("primary")).to.include({ backupRetentionPeriod: 7, backupWindow: "03:00-04:00" });
    expect(await of("primary")).to.not.have.property("replicateSourceDb");
  });

  it("[providers-2] backups of the replica too, where RDS makes them: the promotion keeps them as they are and waits for no first one", async () => {
    const of = async (role: "replica" | "primary") =>
      only(
        await registered(
          () => new ReplicaDatabase("web-api", { ...replica, role, backup: { retentionDays: 14, window: "03:00-04:00", onReplica: true } }),
        ),
        "rds/instance:Instance",
      );
    const [before, after] = [await of("replica"), await of("primary")];
    expect(before).to.include({ backupRetentionPeriod: 14, backupWindow: "03:00-04:00" }).and.have.property("replicateSourceDb");
    expect(after).to.include({ backupRetentionPeriod: 14, backupWindow: "03:00-04:00" }).and.not.have.property("replicateSourceDb");
  });

  it("[providers-4] holds a source given by its ARN to the same: encrypted, and with a key where it is in another region", async () => {
    const arn = (account: string, region: string, name: string) => `arn:aws:rds:${region}:${account}:db:${name}`;
    const of = async (sourceArn: string, more = {}) =>
      (await registered(() => new ReplicaDatabase("web-api", { ...replica, role: "replica", sourceArn, ...more }))).filter(
        (r) => r.type === "aws:rds/instance:Instance",
      );
    const key = { kmsKeyId: "arn:aws:kms:us-east-2:123456789012:key/1" };
    expect((await of(arn("123456789012", "us-east-2", "prod-db")))[0]?.inputs.replicateSourceDb).to.contain("prod-db");
    expect(await of(arn("123456789012", "us-east-2", "plain-db"))).to.deep.equal([]);
    expect(await of(arn("123456789012", "eu-west-1", "prod-db"))).to.deep.equal([]);
    expect(await of(arn("123456789012", "eu-west-1", "plain-db"), key)).to.deep.equal([]);
    expect(await of(arn("123456789012", "eu-west-1", "prod-db"), key)).to.have.length(1);
    // Nobody can look into another account; RDS itself refuses there.
    expect(await of(arn("210987654321", "us-east-2", "prod-db"))).to.have.length(1);
  });

  it("registers nothing of a replica whose source is not encrypted: it could never be promoted in place", async () => {
    const all = await registered(() => new ReplicaDatabase("web-api", { ...replica, sourceIdentifier: "plain-db" }));
    expect(all.map((r) => r.type)).to.not.include("aws:rds/instance:Instance");
  });

  it("an Ingress whose weights an Argo Rollout owns leaves them alone", async () => {
    let ignored: string[] | undefined;
    const backends = [
      { serviceName: "web-api-stable", weight: 100 },
      { serviceName: "web-api-canary", weight: 0 },
    ];
    const all = await registered(() => {
      new PublicIngress(
        "web-api",
        { ...ingress, backends, managedByRollout: true },
        {
          transformations: [
            ({ type, opts }) => {
              if (type.endsWith(":Ingress")) ignored = (opts as pulumi.CustomResourceOptions).ignoreChanges;
              return undefined;
            },
          ],
        },
      );
    });
    expect(ignored).to.deep.equal(['metadata.annotations["alb.ingress.kubernetes.io/actions.web-api"]']);
    expect(only(all, "Ingress").metadata.annotations).to.include({ "cutover.dev/routing": "rollout" });
    expect(only(all, "Ingress").spec.rules[0].http.paths[0].backend.service).to.deep.equal({
      name: "web-api",
      port: { name: "use-annotation" },
    });
  });
});
