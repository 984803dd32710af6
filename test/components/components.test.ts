import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { parse } from "yaml";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { plainSelection } from "../../src/components/AlertRules.js";
import {
  AlertRules,
  Autoscaling,
  BlueGreen,
  CanaryRollout,
  DatabaseSecret,
  MigratedApp,
  PublicIngress,
  ReplicaDatabase,
  WeightedDns,
  WeightedGroups,
  Workload,
} from "../../src/components/index.js";
import type { StackConfig } from "../../src/config/schema.js";
import { type ConfigPatch, patched, readConfig } from "../../src/config/stackFile.js";
import { UserError } from "../../src/errors.js";
import { violationsOf } from "../../src/policies/enforce.js";
import { errorRate, latency as p95 } from "../../src/promql/expressions.js";
import { checkInputs } from "../../src/sandbox/schema/check.js";
import { RAW, STACK } from "../automation/model.js";
import { programOf, sampleStacks } from "../support/samples.js";
import { only, registered } from "./harness.js";

/** The seed's deployment.yaml (phase 2). */
const SEED_DEPLOYMENT = parse(`
metadata: { name: web-api, labels: { app: web-api } }
spec:
  replicas: 3
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  selector: { matchLabels: { app: web-api } }
  template:
    metadata:
      labels: { app: web-api }
      annotations: { prometheus.io/scrape: "true", prometheus.io/port: "3000", prometheus.io/path: /metrics }
    spec:
      serviceAccountName: web-api
      securityContext: { runAsNonRoot: true, runAsUser: 1001, fsGroup: 1001 }
      containers:
        - name: web-api
          image: ghcr.io/your-org/web-api:1.0.0
          imagePullPolicy: IfNotPresent
          ports: [{ containerPort: 3000, name: http, protocol: TCP }]
          env:
            - { name: NODE_ENV, value: production }
            - { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: web-api-secrets, key: database-url } } }
            - { name: REDIS_URL, valueFrom: { secretKeyRef: { name: web-api-secrets, key: redis-url } } }
          resources: { requests: { memory: 256Mi, cpu: 250m }, limits: { memory: 512Mi, cpu: 500m } }
          livenessProbe: { httpGet: { path: /health, port: 3000 }, initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }
          readinessProbe: { httpGet: { path: /ready, port: 3000 }, initialDelaySeconds: 10, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          volumeMounts: [{ name: tmp, mountPath: /tmp }]
      volumes: [{ name: tmp, emptyDir: {} }]
`);

const SECRETS = pulumi.secret<Record<string, string>>({ "database-password": "p@ss/word" }) as pulumi.Output<Record<string, string>>;
const NAMESPACE = "production";
const IMAGE = "ghcr.io/your-org/web-api:1.0.0";
const config = (patch: Record<string, unknown> = {}): StackConfig => readConfig(patched(RAW, patch), "test", STACK);
const app = (patch: Record<string, unknown>) => registered(() => new MigratedApp("web-api", { config: config(patch), secrets: SECRETS }));

describe("components", () => {
  it("Workload registers the seed's Deployment, Service and ServiceAccount", async () => {
    const all = await registered(
      () =>
        new Workload("web-api", {
          namespace: NAMESPACE,
          image: IMAGE,
          env: { NODE_ENV: "production" },
          secretEnv: { DATABASE_URL: "database-url", REDIS_URL: "redis-url" },
        }),
    );
    const { metadata, spec } = only(all, "apps/v1:Deployment");
    // The intended differences: the namespace is explicit, a way back ends in no conflict over a field, the pods get the container
    // runtime's default seccomp profile, and they leave only after the load balancer has let go of them.
    const annotations = { "pulumi.com/patchForce": "true" };
    expect(metadata).to.deep.equal({ ...SEED_DEPLOYMENT.metadata, namespace: NAMESPACE, annotations });
    const { seccompProfile, ...securityContext } = spec.template.spec.securityContext;
    expect(seccompProfile).to.deep.equal({ type: "RuntimeDefault" });
    const { minReadySeconds, template, ...plain } = spec;
    const { terminationGracePeriodSeconds, containers, ...podSpec } = template.spec;
    const [{ lifecycle, ...container }] = containers;
    expect({ minReadySeconds, terminationGracePeriodSeconds }).to.deep.equal({ minReadySeconds: 5, terminationGracePeriodSeconds: 75 });
    expect(lifecycle).to.deep.equal({ preStop: { sleep: { seconds: 40 } } });
    expect({ ...plain, template: { ...template, spec: { ...podSpec, containers: [container], securityContext } } }).to.deep.equal(
      SEED_DEPLOYMENT.spec,
    );
    expect(only(all, "core/v1:Service").spec).to.deep.equal({
      type: "ClusterIP",
      selector: { app: "web-api" },
      ports: [{ port: 80, targetPort: 3000, protocol: "TCP", name: "http" }],
    });
    expect(only(all, "core/v1:ServiceAccount").automountServiceAccountToken).to.equal(false);
    expect(only(all, "PodDisruptionBudget").spec.maxUnavailable).to.equal(1);
    expect(only(all, "NetworkPolicy").spec.ingress[0].ports).to.deep.equal([{ port: 3000, protocol: "TCP" }]);
  });

  it("[applications-13] gives the pods an IAM role, a command and folders to write to, in every strategy", async () => {
    const roleArn = "arn:aws:iam::123456789012:role/web-api";
    const workload = {
      deployed: true,
      roleArn,
      command: ["bundle", "exec"],
      args: ["puma"],
      writablePaths: ["/app/tmp"],
      env: { "app.name": "x" },
    };
    const patch = Object.fromEntries(Object.entries(workload).map(([key, value]) => [`workload.${key}`, value]));
    for (const strategy of [undefined, { kind: "rolling", image: IMAGE }, { kind: "canary", image: IMAGE, workload: "rollout" }]) {
      const all = await app({ ...patch, ...(strategy === undefined ? {} : { strategy }) });
      const account = only(all, "core/v1:ServiceAccount");
      expect(account.metadata.annotations).to.include({ "eks.amazonaws.com/role-arn": roleArn });
      expect(account.automountServiceAccountToken).to.equal(false);
      const pods = all.flatMap((r) =>
        r.inputs.spec?.template?.spec?.serviceAccountName === "web-api" ? [r.inputs.spec.template.spec] : [],
      );
      expect(pods).not.to.have.length(0);
      for (const { containers, volumes } of pods) {
        expect(containers[0]).to.deep.include({ command: ["bundle", "exec"], args: ["puma"] });
        expect(containers[0].volumeMounts).to.deep.equal([
          { name: "tmp", mountPath: "/tmp" },
          { name: "writable-0", mountPath: "/app/tmp" },
        ]);
        expect(volumes).to.deep.equal([
          { name: "tmp", emptyDir: {} },
          { name: "writable-0", emptyDir: {} },
        ]);
        expect(containers[0].securityContext.readOnlyRootFilesystem).to.equal(true);
      }
    }
    expect(() => config({ "workload.writablePaths": ["cache"] })).to.throw(/writablePaths.*an absolute folder/s);
    expect(() => config({ "workload.roleArn": "arn:aws:iam::123456789012:user/x" })).to.throw(/an ARN of an IAM role/);
  });

  it("a transform changes an underlying resource", async () => {
    const all = await registered(
      () =>
        new Workload("a", {
          namespace: NAMESPACE,
          image: IMAGE,
          transform: { service: (args) => Object.assign(args, { spec: { type: "NodePort" } }) },
        }),
    );
    expect(only(all, "core/v1:Service").spec).to.deep.equal({ type: "NodePort" });
  });

  it("PublicIngress registers the seed's Ingress, and exact weights for two colours", async () => {
    const one = only(
      await registered(
        () =>
          new PublicIngress("web-api", {
            namespace: NAMESPACE,
            host: "api.example.com",
            certificateArn: "arn:c",
            backends: [{ serviceName: "web-api", weight: 100 }],
          }),
      ),
      "Ingress",
    );
    expect(one.metadata.annotations).to.include({
      "alb.ingress.kubernetes.io/scheme": "internet-facing",
      "alb.ingress.kubernetes.io/target-type": "ip",
      "alb.ingress.kubernetes.io/certificate-arn": "arn:c",
      "alb.ingress.kubernetes.io/ssl-redirect": "443",
    });
    expect(one.spec.rules).to.deep.equal([
      {
        host: "api.example.com",
        http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "web-api", port: { number: 80 } } } }] },
      },
    ]);
    const backends = [
      { serviceName: "web-api-blue", weight: 95 },
      { serviceName: "web-api-green", weight: 5 },
    ];
    const two = only(
      await registered(
        () => new PublicIngress("web-api", { namespace: NAMESPACE, host: "api.example.com", certificateArn: "arn:c", backends }),
      ),
      "Ingress",
    );
    const action = JSON.parse(two.metadata.annotations["alb.ingress.kubernetes.io/actions.web-api"]);
    expect(action.forwardConfig.targetGroups.map((g: { serviceName: string; weight: number }) => [g.serviceName, g.weight])).to.deep.equal([
      ["web-api-blue", 95],
      ["web-api-green", 5],
    ]);
  });

  it("PublicIngress requests and validates a certificate when none is given", async () => {
    const all = await registered(
      () =>
        new PublicIngress("a", {
          namespace: NAMESPACE,
          host: "a.example.com",
          zoneId: "Z1",
          backends: [{ serviceName: "a", weight: 100 }],
        }),
    );
    expect(only(all, "certificate:Certificate")).to.include({ domainName: "a.example.com", validationMethod: "DNS" });
    expect(only(all, "record:Record")).to.deep.include({ name: "_v.a.example.com.", type: "CNAME", records: ["_v.acm."] });
    expect(only(all, "CertificateValidation").certificateArn).to.equal("arn:certificate");
  });

  it("[providers-11] promotion is an update in place: the same resource, without its source, and protected; broken replication raises the alarm", async () => {
    const args = {
      identifier: "prod-db-replica",
      sourceIdentifier: "prod-db",
      instanceClass: "db.r6g.large",
      vpcId: "vpc-1",
      subnetIds: ["subnet-1", "subnet-2"],
      clientSecurityGroupIds: ["sg-1"],
    };
    const replica = await registered(() => new ReplicaDatabase("web-api", { ...args, role: "replica" }));
    const primary = await registered(
      () => new ReplicaDatabase("web-api", { ...args, role: "primary", backup: { retentionDays: 7, window: "03:00-04:00" } }),
    );
    const [before, after] = [only(replica, "rds/instance:Instance"), only(primary, "rds/instance:Instance")];
    const lag = only(replica, "cloudwatch:Alarm");
    expect(lag).to.include({ threshold: 10, treatMissingData: "breaching" }).and.not.have.property("metricName");
    expect(lag.metrics[0].metricStat).to.deep.include({ stat: "Maximum", period: 60 });
    expect(lag.metrics[0].metricStat.metric).to.deep.include({ namespace: "AWS/RDS", metricName: "ReplicaLag" });
    // [providers-11] RDS says -1 of a replication that broke, which is no small lag.
    expect(lag.metrics[1]).to.deep.include({ expression: "IF(measured < 0, 11, measured)", returnData: true });
    expect(only(primary, "cloudwatch:Alarm")).to.include({
      metricName: "OldestReplicationSlotLag",
      threshold: 1_024_000_000,
      treatMissingData: "notBreaching",
    });
    expect(before)
      .to.include({
        replicateSourceDb: "arn:aws:rds:us-east-2:123456789012:db:prod-db",
        publiclyAccessible: false,
        storageEncrypted: true,
        deletionProtection: false,
        maintenanceWindow: "sun:05:00-sun:06:00",
      })
      .and.not.have.property("backupRetentionPeriod");
    expect(after)
      .to.include({ identifier: before.identifier, deletionProtection: true, backupRetentionPeriod: 7 })
      .and.not.have.property("replicateSourceDb");
  });

  it("ReplicaDatabase lets the old side in until its DNS record is gone: its fleet uses the promoted database, and its database follows it", async () => {
    const [sample] = (await sampleStacks()).filter((s) => s.stack === "web-api-production");
    const raw = patched(sample?.raw ?? {}, { "workload.deployed": true, "database.role": "primary", "dns.records": "both" });
    const ingressOf = async (change: ConfigPatch) => {
      const config = readConfig(patched(raw, change), "test", "web-api-production");
      return only(await programOf(config), "ec2/securityGroup:SecurityGroup").ingress.map(
        (i: { securityGroups: string[] }) => i.securityGroups,
      );
    };
    expect(await ingressOf({})).to.deep.equal([["sg-0nodes1234567890"], ["sg-old123"]]);
    const gone = { "dns.records": "new", "dns.weights": { old: 0, new: 100 } };
    expect(await ingressOf(gone)).to.deep.equal([["sg-0nodes1234567890"]]);
  });

  it("[providers-12] ReplicaDatabase keeps what a replica has from its source, and may connect to the old side and nowhere else", async () => {
    let ignored: string[] = [];
    const transformations: pulumi.ResourceTransformation[] = [
      ({ type, opts }) => {
        if (type === "aws:rds/instance:Instance") ignored = (opts as pulumi.CustomResourceOptions).ignoreChanges ?? [];
        return undefined;
      },
    ];
    const of = async (oldSide?: { securityGroupIds: string[] }) =>
      only(
        await registered(() => {
          const ids = { vpcId: "vpc-0new1", subnetIds: ["subnet-0a", "subnet-0b"], clientSecurityGroupIds: ["sg-0nodes"] };
          const named = {
            identifier: "prod-db-replica",
            sourceIdentifier: "prod-db",
            instanceClass: "db.r6g.large",
            role: "replica" as const,
          };
          new ReplicaDatabase("web-api", { ...ids, ...named, ...(oldSide === undefined ? {} : { oldSide }) }, { transformations });
        }),
        "ec2/securityGroup:SecurityGroup",
      ).egress;
    expect(await of()).to.deep.equal([]);
    const [rule, ...others] = await of({ securityGroupIds: ["sg-old123"] });
    expect(others).to.deep.equal([]);
    expect(rule).to.deep.include({ protocol: "tcp", fromPort: 5_432, toPort: 5_432, securityGroups: ["sg-old123"] });
    expect(ignored).to.deep.equal(["maxAllocatedStorage", "iamDatabaseAuthenticationEnabled"]);
  });

  it("[providers-5] PublicIngress takes only a certificate that was issued, and leaves the record that renews it, also for others", async () => {
    const kept: string[] = [];
    const transformations: pulumi.ResourceTransformation[] = [
      ({ name, opts }) => {
        if (opts.retainOnDelete === true) kept.push(name);
        return undefined;
      },
    ];
    const all = await registered(() => {
      const backends = [{ serviceName: "web-api", weight: 100 }];
      new PublicIngress(
        "web-api",
        { namespace: NAMESPACE, host: "api.example.com", backends, zoneId: "Z1234567890ABC" },
        { transformations },
      );
    });
    expect(kept).to.deep.equal(["web-api-validation"]);
    const order = all.map((r) => r.type);
    expect(order.indexOf("aws:acm/certificateValidation:CertificateValidation")).to.be.below(
      order.indexOf("kubernetes:networking.k8s.io/v1:Ingress"),
    );
  });

  it("[providers-16] [providers-17] [providers-21] MigratedApp applies every object under one name and over others' fields, and leaves definitions that may be others'", async () => {
    const kept: string[] = [];
    let objects = 0;
    for (const { stack, raw } of await sampleStacks()) {
      const config = readConfig(patched(raw, { "workload.deployed": true }), "test", stack);
      const transformations: pulumi.ResourceTransformation[] = [
        ({ name, type, opts }) => {
          if (opts.retainOnDelete === true && type.includes("CustomResourceDefinition")) kept.push(name);
          return undefined;
        },
      ];
      const secrets = pulumi.secret({}) as unknown as pulumi.Output<Record<string, string>>;
      const all = await registered(() => new MigratedApp(config.application.name, { config, secrets }, { transformations }));
      for (const { type, name, inputs } of all.filter((r) => r.type.startsWith("kubernetes:") && !r.type.includes("helm.sh"))) {
        objects += 1;
        expect(inputs.metadata.annotations, `${type} ${name}`).to.include({
          "pulumi.com/patchFieldManager": "cutover",
          "pulumi.com/patchForce": "true",
        });
      }
      const definitions = all.filter((r) => r.type.includes("CustomResourceDefinition")).map((r) => r.name);
      expect(kept).to.include.members(definitions);
    }
    expect(objects).to.be.above(20);
  });

  it("[providers-22] containers without variables have no empty list of them, which their controllers drop", async () => {
    const all = await registered(() => new Workload("web-api", { namespace: NAMESPACE, image: IMAGE }));
    expect(only(all, "Deployment").spec.template.spec.containers[0]).to.not.have.property("env");
  });

  it("DatabaseSecret builds an encoded connection string and a checksum that changes with it", async () => {
    const database = { host: "db", port: 5432, databaseName: "d", username: "app", password: "p@ss/word" };
    const all = await registered(() => new DatabaseSecret("web-api", { namespace: NAMESPACE, values: { "redis-url": "r" }, database }));
    expect(only(all, "core/v1:Secret")).to.deep.include({
      stringData: { "redis-url": "r", "database-url": "postgresql://app:p%40ss%2Fword@db:5432/d" },
    });
  });

  it("BlueGreen refuses weight on a colour that does not exist", () => {
    const args = { namespace: NAMESPACE, blueImage: IMAGE, greenImage: IMAGE };
    expect(() => new BlueGreen("a", { ...args, green: false, greenWeight: 5, blue: true })).to.throw(
      UserError,
      "BlueGreen(a).greenWeight: got 5; accepted: 0 until green exists",
    );
    expect(() => new BlueGreen("a", { ...args, green: true, greenWeight: 50, blue: false })).to.throw(UserError, "BlueGreen(a).blue");
  });

  it("promise 10: a canary's analysis takes no traffic for neither success nor failure", async () => {
    const { spec } = only(
      await registered(() => new CanaryRollout("web-api", { namespace: NAMESPACE, image: IMAGE, rootService: "web-api" })),
      "AnalysisTemplate",
    );
    const [{ successCondition, failureCondition }] = spec.metrics;
    // Argo's conditions are close enough to JavaScript to be asked here.
    const ask = (condition: string, result: number[]): boolean =>
      new Function("result", "len", "isNaN", `return ${condition}`)(result, (r: number[]) => r.length, Number.isNaN);
    const judged = (result: number[]) => [ask(successCondition, result), ask(failureCondition, result)];
    expect(judged([])).to.deep.equal([false, false]);
    expect(judged([Number.NaN])).to.deep.equal([false, false]);
    expect(judged([0.05])).to.deep.equal([true, false]);
    expect(judged([0.06])).to.deep.equal([false, true]);
  });

  it("CanaryRollout registers the seed's steps", async () => {
    const { spec } = only(
      await registered(
        () =>
          new CanaryRollout("web-api", {
            namespace: NAMESPACE,
            image: "ghcr.io/your-org/web-api:1.1.0",
            rootService: "web-api",
            ingressName: "web-api",
          }),
      ),
      "Rollout",
    );
    expect(spec).to.deep.include({ replicas: 5, revisionHistoryLimit: 2 });
    expect(spec.strategy.canary.steps).to.deep.equal(
      [20, 40, 60, 80].flatMap((setWeight) => [{ setWeight }, { pause: { duration: "300s" } }]),
    );
    expect(spec.strategy.canary.trafficRouting.alb).to.deep.equal({ ingress: "web-api", rootService: "web-api", servicePort: 80 });
  });

  it("WeightedDns registers both records with the region's own zone", async () => {
    const all = await registered(
      () =>
        new WeightedDns("api", {
          zoneId: "Z1234567890ABC",
          name: "api.example.com",
          records: "both",
          weights: { old: 90, new: 10 },
          oldAddresses: ["1.2.3.4"],
          loadBalancerHostname: "lb.example.com",
        }),
    );
    expect(only(all, "record:Record", "api-old")).to.deep.include({
      name: "api.example.com",
      type: "A",
      setIdentifier: "old-infra",
      weightedRoutingPolicies: [{ weight: 90 }],
      ttl: 60,
      records: ["1.2.3.4"],
    });
    expect(only(all, "record:Record", "api-new")).to.deep.include({
      setIdentifier: "new-infra",
      weightedRoutingPolicies: [{ weight: 10 }],
      aliases: [{ name: "lb.example.com", zoneId: "Z3AADJGX6KTTL2", evaluateTargetHealth: true }],
    });
  });

  it("[traffic-1] [traffic-2] [traffic-3] [traffic-6] WeightedDns keeps what stands in the zone, for every name, and gives it a weight", async () => {
    const zoneId = "Z1234567890ABC";
    const alias = { name: "dualstack.old-1.elb.amazonaws.com", zoneId: "Z3AADJGX6KTTL2", evaluateTargetHealth: true };
    const make = (records: "both" | "new") => () =>
      new WeightedDns("api", {
        zoneId,
        name: "api.example.com",
        also: [
          { zoneId, name: "www.example.com" },
          { zoneId: "ZPRIVATE", name: "api.example.com" },
        ],
        kept: [
          { zoneId, name: "api.example.com", type: "A", alias },
          { zoneId, name: "api.example.com", type: "AAAA", alias },
          { zoneId, name: "www.example.com", type: "CNAME", records: ["old.example.net"], healthCheckId: "theirs" },
          { zoneId: "ZPRIVATE", name: "api.example.com", type: "A", records: ["10.0.0.7"] },
        ],
        records,
        weights: records === "new" ? { old: 0, new: 100 } : { old: 90, new: 10 },
        loadBalancerHostname: "lb.example.com",
      });
    const all = await registered(make("both"));
    const records = all.filter((r) => r.type.endsWith("record:Record"));
    expect(records.map((r) => r.name)).to.have.members([
      ...["api-old", "api-old-aaaa", "api-old-cname-www.example.com", "api-old-ZPRIVATE"],
      ...["api-new", "api-new-aaaa", "api-new-cname-www.example.com", "api-new-ZPRIVATE"],
    ]);
    expect(only(all, "record:Record", "api-old")).to.deep.include({ aliases: [alias], weightedRoutingPolicies: [{ weight: 90 }] });
    expect(only(all, "record:Record", "api-old")).to.not.have.property("ttl");
    const www = { ttl: 60, records: ["old.example.net"], healthCheckId: "theirs", type: "CNAME" };
    expect(only(all, "record:Record", "api-old-cname-www.example.com")).to.deep.include(www);
    // Beside a CNAME there can be nothing but another one.
    expect(only(all, "record:Record", "api-new-cname-www.example.com")).to.deep.include({ ttl: 60, records: ["lb.example.com"] });
    expect(only(all, "record:Record", "api-old-ZPRIVATE")).to.deep.include({ zoneId: "ZPRIVATE", records: ["10.0.0.7"] });
    const left = (await registered(make("new"))).filter((r) => r.type.endsWith("record:Record")).map((r) => r.name);
    expect(left).to.have.members(["api-new", "api-new-aaaa", "api-new-cname-www.example.com", "api-new-ZPRIVATE"]);
  });

  it("[traffic-7] WeightedGroups puts a group of its own beside the old one, and where either is sticky the rule is for a second", async () => {
    const arn = "arn:aws:elasticloadbalancing:us-east-2:123456789012";
    const make = (stickySeconds: number | undefined, old: boolean) =>
      registered(
        () =>
          new WeightedGroups("web", {
            namespace: NAMESPACE,
            serviceName: "web",
            listenerArn: `${arn}:listener/app/old/1/2`,
            loadBalancerArn: `${arn}:loadbalancer/app/old/1`,
            priority: 9,
            conditions: [{ hostHeader: { values: ["web.example.com"] } }],
            oldTargetGroupArn: `${arn}:targetgroup/old/3`,
            records: "both",
            weights: { old: 90, new: 10 },
            healthCheck: { path: "/health" },
            ...(stickySeconds === undefined ? {} : { stickySeconds }),
          }),
        (token): Record<string, unknown> =>
          token.endsWith("getTargetGroup") ? { stickiness: { enabled: old } } : { vpcId: "vpc-1", securityGroups: ["sg-1"] },
      );
    const stickinessOf = (all: Awaited<ReturnType<typeof make>>) => only(all, "listenerRule:ListenerRule").actions[0].forward.stickiness;
    const sticky = await make(3_600, false);
    expect(only(sticky, "targetGroup:TargetGroup").stickiness).to.deep.equal({ type: "lb_cookie", enabled: true, cookieDuration: 3_600 });
    expect(stickinessOf(sticky)).to.deep.equal({ enabled: true, duration: 1 });
    const plain = await make(undefined, false);
    expect(only(plain, "targetGroup:TargetGroup")).to.not.have.property("stickiness");
    expect(stickinessOf(plain)).to.deep.equal({ enabled: false, duration: 1 });
    expect(stickinessOf(await make(undefined, true))).to.deep.equal({ enabled: true, duration: 1 });
    expect(only(plain, "listenerRule:ListenerRule").actions[0].forward.targetGroups).to.have.length(2);
  });

  it("[traffic-6] PublicIngress serves further hosts with one certificate, each validated in its own zone", async () => {
    const backends = [{ serviceName: "a", weight: 100 }];
    const also = [{ name: "www.example.org", zoneId: "ZORG" }, { name: "*.a.example.com" }];
    const all = await registered(
      () =>
        new PublicIngress("a", { namespace: NAMESPACE, host: "a.example.com", also, backends, zoneId: "ZCOM", ipAddressType: "dualstack" }),
    );
    const { spec, metadata } = only(all, "Ingress");
    expect(spec.rules.map((r: { host: string }) => r.host)).to.deep.equal(["a.example.com", "www.example.org", "*.a.example.com"]);
    expect(metadata.annotations["alb.ingress.kubernetes.io/ip-address-type"]).to.equal("dualstack");
    expect(only(all, "certificate:Certificate").subjectAlternativeNames).to.deep.equal(["www.example.org", "*.a.example.com"]);
    const validations = all.filter((r) => r.type.endsWith("record:Record")).map((r) => r.inputs.zoneId);
    expect(validations).to.have.members(["ZORG", "ZCOM"]);
  });

  it("[traffic-8] pods leave after the load balancer has let go of them: deregistration < pause < termination, whatever the config says", async () => {
    for (const strategy of [RAW["cutover:strategy"], { kind: "canary", image: IMAGE, workload: "rollout" }]) {
      const all = await app({ "workload.deployed": true, strategy, "cluster.provides": ["argo-rollouts"] });
      const delay = /deregistration_delay.timeout_seconds=(\d+)/.exec(
        only(all, "Ingress").metadata.annotations["alb.ingress.kubernetes.io/target-group-attributes"],
      )?.[1];
      const runs = all.find((r) => r.type.endsWith(":Rollout") || r.type.endsWith(":Deployment"))?.inputs;
      const { terminationGracePeriodSeconds, containers } = runs.spec.template.spec;
      expect(Number(delay)).to.be.above(0).and.below(containers[0].lifecycle.preStop.sleep.seconds);
      expect(containers[0].lifecycle.preStop.sleep.seconds).to.be.below(terminationGracePeriodSeconds);
      expect(runs.spec.minReadySeconds).to.be.above(0);
      expect(all.some((r) => r.type.endsWith("PodDisruptionBudget"))).to.equal(true);
    }
    const order = (patch: Record<string, unknown>) => () => config(patch);
    expect(order({ "ingress.deregistrationSeconds": 40 })).to.throw(UserError, "more than ingress.deregistrationSeconds (40)");
    expect(order({ "workload.terminationGraceSeconds": 40 })).to.throw(UserError, "more than workload.preStopSeconds (40)");
    expect(order({ "workload.preStopSeconds": 60, "ingress.deregistrationSeconds": 50 })).to.not.throw();
  });

  it("[traffic-11] while Deployment and Rollout run side by side, no Service leads to both", async () => {
    const labelsOf = (runs: { spec: { template: { metadata: { labels: Record<string, string> } } } }) => runs.spec.template.metadata.labels;
    const leadsTo = (selector: Record<string, string>, labels: Record<string, string>) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value);
    const strategy = (workload: string) => ({ kind: "canary", image: IMAGE, workload });
    const at = (workload: string) =>
      app({ "workload.deployed": true, strategy: strategy(workload), "cluster.provides": ["argo-rollouts"] });
    const both = await at("both");
    const [deployment, rollout] = [labelsOf(only(both, "apps/v1:Deployment")), labelsOf(only(both, ":Rollout"))];
    const { selector } = only(both, "core/v1:Service", "web-api").spec;
    expect([leadsTo(selector, deployment), leadsTo(selector, rollout)]).to.deep.equal([true, false]);
    // The Deployment's own selector never changes: it would be replaced with all its pods.
    expect(only(both, "apps/v1:Deployment").spec.selector.matchLabels).to.deep.equal({ app: "web-api" });
    // From the first day, so that nothing changes on the day when the Rollout comes.
    expect(only(await at("deployment"), "core/v1:Service", "web-api").spec.selector).to.deep.equal(selector);
    const last = only(await at("rollout"), "core/v1:Service", "web-api").spec.selector;
    expect(leadsTo(last, rollout)).to.equal(true);
  });

  it("[traffic-16] [traffic-18] [traffic-19] the Ingress says its class, its TLS policy and how healthy is judged", async () => {
    const plain = only(await app({ "workload.deployed": true }), "Ingress");
    expect(plain.spec.ingressClassName).to.equal("alb");
    expect(plain.metadata.annotations).to.include({
      "alb.ingress.kubernetes.io/ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
      "alb.ingress.kubernetes.io/success-codes": "200",
    });
    const healthCheck = { successCodes: "200,204,302", intervalSeconds: 10, timeoutSeconds: 3, healthyThreshold: 3, unhealthyThreshold: 4 };
    const ingress = {
      ...(RAW["cutover:ingress"] as object),
      healthCheck,
      className: "alb-internal",
      sslPolicy: "ELBSecurityPolicy-TLS13-1-3-2021-06",
    };
    const own = only(await app({ "workload.deployed": true, ingress }), "Ingress");
    expect(own.spec.ingressClassName).to.equal("alb-internal");
    expect(own.metadata.annotations).to.include({
      "alb.ingress.kubernetes.io/ssl-policy": "ELBSecurityPolicy-TLS13-1-3-2021-06",
      "alb.ingress.kubernetes.io/success-codes": "200,204,302",
      "alb.ingress.kubernetes.io/healthcheck-interval-seconds": "10",
      "alb.ingress.kubernetes.io/healthcheck-timeout-seconds": "3",
      "alb.ingress.kubernetes.io/healthy-threshold-count": "3",
      "alb.ingress.kubernetes.io/unhealthy-threshold-count": "4",
    });
  });

  it("WeightedDns refuses weights that are no whole percent or do not sum to 100", () => {
    const make = (weights: { old: number; new: number }) => () =>
      new WeightedDns("api", { zoneId: "Z", name: "api.example.com", records: "old", weights, oldAddresses: ["1.2.3.4"] });
    expect(make({ old: 90, new: 20 })).to.throw(UserError, "WeightedDns(api).weights");
    expect(make({ old: 99.5, new: 0.5 })).to.throw(UserError, "WeightedDns(api).weights.old: got 99.5");
    expect(make({ old: -1, new: 101 })).to.throw(UserError, "WeightedDns(api).weights.old: got -1");
  });

  it("AlertRules registers the seed's alerts; the quantile sums its buckets first", async () => {
    const { spec } = only(await registered(() => new AlertRules("web-api", { namespace: NAMESPACE })), "PrometheusRule");
    const [errors, latency] = spec.groups[0].rules;
    expect(spec.groups[0]).to.include({ name: "web-api", interval: "30s" });
    expect(errors).to.deep.include({ alert: "HighErrorRate", for: "300s", labels: { severity: "critical" } });
    const selection = plainSelection("web-api", NAMESPACE);
    expect(errors.expr)
      .to.equal(`${errorRate(selection, "5m")} > 0.05`)
      .and.contain('http_requests_total{job="web-api",');
    expect(latency.expr)
      .to.equal(`${p95(selection, "5m")} >= 1`)
      .and.contain("histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{");
  });

  describe("AlertRules' alarm on answers 5xx", () => {
    /**
     * The alarm's expressions over one minute's samples, by the rules of CloudWatch's metric math: FILL gives what is
     * missing, and a division by zero drops the sample (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html).
     */
    const shareOf = async (samples: Record<string, number>): Promise<number | undefined> => {
      const alerts = () => new AlertRules("web-api", { namespace: NAMESPACE, loadBalancer: "app/new/1" });
      const { metrics, treatMissingData } = only(await registered(alerts), "cloudwatch:Alarm", "web-api-alb-5xx");
      expect(treatMissingData).to.equal("missing");
      const values: Record<string, number> = {};
      for (const { id, metricStat, expression } of metrics) {
        if (metricStat !== undefined) values[id] = samples[metricStat.metric.metricName] ?? Number.NaN;
        else {
          const compute = new Function("FILL", "IF", ...Object.keys(values), `return ${expression}`);
          const fill = (value: number, other: number) => (Number.isNaN(value) ? other : value);
          const choose = (condition: boolean, yes: number, no: number) => (condition ? yes : no);
          values[id] = compute(fill, choose, ...Object.values(values));
        }
        if (metrics.at(-1).id === id) expect(metrics.filter((m: { returnData: boolean }) => m.returnData)).to.have.length(1);
      }
      const { share = Number.NaN } = values;
      return Number.isFinite(share) ? share : undefined;
    };

    for (const [title, samples, share] of [
      ["counts what the targets answer", { RequestCount: 100, HTTPCode_Target_5XX_Count: 10 }, 0.1],
      [
        "counts what the load balancer answers itself",
        { RequestCount: 100, HTTPCode_Target_5XX_Count: 10, HTTPCode_ELB_5XX_Count: 20 },
        0.3,
      ],
      ["is 100 % with no targets, where no request is counted", { HTTPCode_ELB_5XX_Count: 40 }, 1],
      ["is 0 without errors, which give no sample", { RequestCount: 100 }, 0],
      ["has no sample without traffic", {}, undefined],
    ] as [string, Record<string, number>, number | undefined][])
      it(title, async () => expect(await shareOf(samples)).to.equal(share));
  });

  it("Autoscaling leaves CPU to the HPA alone", async () => {
    const target = { apiVersion: "apps/v1", kind: "Deployment" as const, name: "web-api" };
    const all = await registered(
      () =>
        new Autoscaling("web-api", {
          namespace: NAMESPACE,
          target,
          hpa: { minReplicas: 3, maxReplicas: 10, cpuPercent: 70 },
          vpa: { updateMode: "Auto" },
        }),
    );
    expect(only(all, "HorizontalPodAutoscaler").spec).to.deep.include({ minReplicas: 3, maxReplicas: 10, scaleTargetRef: target });
    expect(only(all, "VerticalPodAutoscaler").spec.resourcePolicy.containerPolicies[0].controlledResources).to.deep.equal(["memory"]);
  });
});

describe("MigratedApp", () => {
  it("registers nothing in the cluster before the workload is deployed", async () => {
    expect(await app({})).to.deep.equal([]);
  });

  it("promise 9: keeps the passwords of the databases' users out of the pods' Secret", async () => {
    const secrets = pulumi.secret({
      "database-password": "p",
      "database-admin-password": "a",
      "redis-url": "r",
    }) as unknown as typeof SECRETS;
    const all = await registered(() => new MigratedApp("web-api", { config: config({ "workload.deployed": true }), secrets }));
    expect(Object.keys(only(all, "core/v1:Secret").stringData).sort()).to.deep.equal(["database-url", "redis-url"]);
  });

  it("names the old database in the connection string until the new one is active", async () => {
    const url = async (patch: object) =>
      only(await app({ "workload.deployed": true, ...patch }), "core/v1:Secret").stringData["database-url"];
    expect(await url({})).to.contain("@prod-db.example.com:5432/db");
    expect(await url({ "database.role": "primary", "database.active": "new" })).to.contain("@prod-db-replica.rds.example.com:5432/db");
  });

  it("[observing-5] opens the port of the metrics, and follows the application's own where none is named", async () => {
    const of = async (patch: object) => {
      const all = await app({ "workload.deployed": true, ...patch });
      const { ingress } = only(all, "NetworkPolicy").spec;
      const { metadata } = only(all, "apps/v1:Deployment").spec.template;
      return [ingress[0].ports.map((p: { port: number }) => p.port), metadata.annotations["prometheus.io/port"]];
    };
    const rolling = { strategy: { kind: "rolling", image: IMAGE } };
    expect(await of(rolling)).to.deep.equal([[3000], "3000"]);
    expect(await of({ ...rolling, "workload.containerPort": 8080 })).to.deep.equal([[8080], "8080"]);
    expect(await of({ ...rolling, "workload.metrics.port": 9464 })).to.deep.equal([[3000, 9464], "9464"]);
    expect(await of({ ...rolling, "workload.metrics": { port: 9464, scrape: false } })).to.deep.equal([[3000], "9464"]);
  });

  it("[observing-6] gives the PrometheusRule the labels by which the operator selects it", async () => {
    const all = await app({ "workload.deployed": true, "alerts.enabled": true, "alerts.ruleLabels": { release: "kube-prometheus-stack" } });
    expect(only(all, "PrometheusRule").metadata.labels).to.deep.equal({ app: "web-api", release: "kube-prometheus-stack" });
  });

  it("[observing-1] makes the analysis and the alert of one expression, the analysis of the canary's pods alone", async () => {
    const canary = { kind: "canary", image: IMAGE, workload: "rollout" };
    const patch = { "workload.deployed": true, "alerts.enabled": true, strategy: canary };
    const all = await app({ ...patch, sources: { new: { kind: "prometheus", convention: "spring" } } });
    const { query } = only(all, "AnalysisTemplate").spec.metrics[0].provider.prometheus;
    const alert = only(all, "PrometheusRule").spec.groups[0].rules[0].expr;
    const pods = ["pod", "kubernetes_pod_name", "pod_name", "k8s_pod_name"].map((l) => `${l}=~"web-api-{{args.canary-hash}}-.+|",`);
    expect(query).to.contain('http_server_requests_seconds_count{job="web-api"').and.contain(pods.join(""));
    expect(`${query.replaceAll(pods.join(""), "")} > 0.05`).to.equal(alert);
    expect(only(all, "Rollout").spec.strategy.canary.analysis.args).to.deep.equal([
      { name: "canary-hash", valueFrom: { podTemplateHashValue: "Latest" } },
    ]);
    const without = await app(patch);
    expect(
      without.filter((r) => r.type.includes("AnalysisTemplate")),
      "the load balancer answers: no analysis that would only stop it",
    ).to.be.empty;
  });

  it("gives a canary's analysis the Prometheus that the config names", async () => {
    const asks = async (patch: object) => {
      const canary = { kind: "canary", image: IMAGE, workload: "rollout" };
      const sources = { new: { kind: "prometheus" } };
      const all = await app({ "workload.deployed": true, strategy: canary, sources, ...patch });
      return only(all, "AnalysisTemplate").spec.metrics[0].provider.prometheus.address;
    };
    expect(await asks({})).to.equal("http://prometheus.monitoring.svc:9090");
    expect(await asks({ "cluster.prometheusAddress": "https://metrics.example.com/prometheus" })).to.equal(
      "https://metrics.example.com/prometheus",
    );
  });

  it("registers only what the real providers' declarations and the policies allow, in every phase of every sample stack", async () => {
    const seen = new Set<string>();
    for (const sample of await sampleStacks()) {
      let raw = sample.raw;
      for (const step of buildPlan(readConfig(raw, sample.stack, sample.stack))) {
        if (step.kind !== "config") continue;
        raw = patched(raw, step.change(readConfig(raw, sample.stack, sample.stack)));
        const config = readConfig(raw, sample.stack, sample.stack);
        const all = await registered(() => new MigratedApp(config.application.name, { config, secrets: SECRETS }));
        for (const { type, name, inputs, sealed } of all) {
          seen.add(type);
          expect(checkInputs(type, inputs), `${sample.stack} ${step.id}: ${type} ${name}`).to.deep.equal([]);
          expect(violationsOf(name, { type, props: sealed }, []), `${sample.stack} ${step.id}: ${type} ${name}`).to.deep.equal([]);
        }
      }
    }
    expect([...seen].sort()).to.include.members([
      "aws:eks/nodeGroup:NodeGroup",
      "kubernetes:argoproj.io/v1alpha1:Rollout",
      "kubernetes:helm.sh/v3:Release",
    ]);
    expect(seen.size).to.be.at.least(23);
  }).timeout(120_000);
});
