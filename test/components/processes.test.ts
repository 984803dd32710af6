import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { MigratedApp } from "../../src/components/index.js";
import { type ConfigPatch, patched, type RawConfig, readConfig } from "../../src/config/stackFile.js";
import { UserError } from "../../src/errors.js";
import { violationsOf } from "../../src/policies/enforce.js";
import { checkInputs } from "../../src/sandbox/schema/check.js";
import { PROCESSES } from "../support/processStack.js";
import { only, type Registered, registered } from "./harness.js";

const STACK = "shop-production";
const SECRETS = pulumi.secret<Record<string, string>>({ "database-password": "p@ss/word;x", "master-key": "m" }) as pulumi.Output<
  Record<string, string>
>;

function objectsOf(patch: ConfigPatch = {}, raw: RawConfig = PROCESSES): Promise<Registered[]> {
  const config = readConfig(patched(raw, patch), STACK, STACK);
  return registered(() => new MigratedApp("shop", { config, secrets: SECRETS }));
}

const refusedFor = (patch: ConfigPatch): string[] => {
  try {
    readConfig(patched(PROCESSES, patch), STACK, STACK);
    return [];
  } catch (error) {
    if (error instanceof UserError) return error.issues.map((i) => i.path);
    throw error;
  }
};

describe("processes", () => {
  it("[applications-12] every kind of process becomes its own objects, which declarations and policies allow", async () => {
    const all = await objectsOf();
    for (const { type, name, inputs, sealed } of all) {
      expect(checkInputs(type, inputs), `${type} ${name}`).to.deep.equal([]);
      expect(violationsOf(name, { type, props: sealed }, []), `${type} ${name}`).to.deep.equal([]);
    }
    const kinds = all.filter((r) => r.name.startsWith("shop-")).map((r) => `${r.type.split(":").at(-1)} ${r.name}`);
    expect(kinds).to.include.members([
      "Deployment shop-streaming",
      "Service shop-streaming",
      "Deployment shop-basket",
      "Deployment shop-sidekiq",
      "PodDisruptionBudget shop-sidekiq",
      "Deployment shop-scheduler",
      "CronJob shop-reports",
      "Job shop-migrate",
    ]);
    expect(kinds).to.not.include("PodDisruptionBudget shop-scheduler");

    const streaming = only(all, "Deployment", "shop-streaming").spec.template;
    // The web's Service selects by `app` alone.
    expect(streaming.metadata.labels).to.deep.equal({ app: "shop-streaming", "app.kubernetes.io/part-of": "shop" });
    expect(streaming.spec).to.include({ serviceAccountName: "shop" });
    expect(streaming.spec.containers[0]).to.include({ image: "registry.example.com/shop-streaming:1.0.0", name: "shop-streaming" });
    expect(streaming.spec.containers[0].livenessProbe.httpGet).to.deep.equal({
      path: "/api/v1/streaming/health",
      port: 4_000,
      httpHeaders: [{ name: "Host", value: "shop.example.com" }],
    });
    expect(only(all, "Service", "shop-streaming").spec.ports).to.deep.equal([
      { port: 80, targetPort: 4_000, protocol: "TCP", name: "http" },
    ]);
    expect(only(all, "Deployment", "shop-basket").spec.template.spec.containers[0].readinessProbe.grpc).to.deep.equal({
      service: "basket",
      port: 8_081,
    });

    const sidekiq = only(all, "Deployment", "shop-sidekiq").spec.template;
    expect(sidekiq.spec.containers[0]).to.deep.include({
      command: ["bundle", "exec", "sidekiq"],
      args: ["-q", "default"],
      env: [
        { name: "RAILS_ENV", value: "production" },
        { name: "lower-case.name", value: "1" },
      ],
    });
    expect(sidekiq.spec.containers[0]).to.not.have.any.keys("ports", "readinessProbe", "lifecycle");
    expect(sidekiq.spec.containers[0].livenessProbe.exec.command).to.deep.equal(["test", "-e", "/tmp/alive"]);
    expect(sidekiq.spec.containers[0].securityContext.capabilities).to.deep.equal({ drop: ["ALL"], add: ["NET_BIND_SERVICE"] });
    expect(sidekiq.spec.securityContext).to.include({ runAsNonRoot: true, runAsUser: 991, runAsGroup: 0, fsGroup: 991 });
    expect(sidekiq.spec.terminationGracePeriodSeconds).to.equal(300);
    expect(only(all, "NetworkPolicy", "shop-sidekiq").spec).to.not.have.property("ingress");

    expect(only(all, "Deployment", "shop-scheduler").spec).to.deep.include({ replicas: 1, strategy: { type: "Recreate" } });
    const reports = only(all, "CronJob").spec;
    expect(reports).to.include({
      schedule: "15 * * * *",
      timeZone: "America/New_York",
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 200,
    });
    expect(reports.jobTemplate.spec).to.include({ backoffLimit: 1, activeDeadlineSeconds: 900 });
    const [proxy] = reports.jobTemplate.spec.template.spec.initContainers;
    expect(proxy).to.include({ name: "proxy", restartPolicy: "Always" });
  });

  it("[applications-12] the web process has ports, probes, folders, files, neighbours and a place like every other", async () => {
    const all = await objectsOf();
    const { template } = only(all, "Deployment", "shop").spec;
    const [web] = template.spec.containers;
    expect(web.startupProbe).to.deep.include({ httpGet: { path: "/health", port: 3_000 }, failureThreshold: 33 });
    expect(web.readinessProbe.tcpSocket).to.deep.equal({ port: 3_000 });
    expect(web.ports.map((p: { containerPort: number }) => p.containerPort)).to.deep.equal([3_000, 9_394]);
    const mounts = Object.fromEntries(web.volumeMounts.map((m: { mountPath: string }) => [m.mountPath, m]));
    expect(mounts["/app/public/system"]).to.deep.equal({ name: "volume-uploads", mountPath: "/app/public/system", subPath: "system" });
    expect(mounts["/app/shared"]).to.include({ name: "volume-shared", readOnly: true });
    const volumes = Object.fromEntries(template.spec.volumes.map((v: { name: string }) => [v.name, v]));
    expect(volumes["volume-uploads"].persistentVolumeClaim).to.deep.equal({ claimName: "shop-uploads" });
    expect(volumes["volume-shared"].persistentVolumeClaim).to.deep.equal({ claimName: "shared-files" });
    expect(volumes["folder-1"].emptyDir).to.deep.equal({ sizeLimit: "1Gi" });
    expect(template.spec.topologySpreadConstraints.map((c: { topologyKey: string }) => c.topologyKey)).to.deep.equal([
      "topology.kubernetes.io/zone",
      "kubernetes.io/hostname",
    ]);
    expect(template.spec).to.include({ priorityClassName: "users-first" });
    expect(template.spec.affinity).to.have.property("podAntiAffinity");
    expect(template.spec.initContainers.map((c: { name: string }) => c.name)).to.deep.equal(["exporter", "warm"]);
    expect(only(all, "PersistentVolume").spec.csi).to.deep.include({ volumeHandle: "fs-0123456789abcdef0::fsap-0123456789abcdef0" });

    const files = all.find((r) => r.type.endsWith("ConfigMap"));
    expect(files?.inputs.data).to.deep.equal({ "file-web-0": "threads 5, 5\n" });
    const secret = only(all, "Secret").stringData;
    expect(secret["file-web-1"]).to.equal("production:\n  url: postgresql://app:p%40ss%2Fword%3Bx@shop-db.example.com:5432/shop\n");
    expect(mounts["/app/config/master.key"]).to.deep.include({ subPath: "file", readOnly: true });
    // Another content is another map, so the pods restart, and those of before keep theirs.
    const changed = await objectsOf({ "processes.web.configFiles": [{ path: "/app/config/puma.rb", content: "threads 9, 9\n" }] });
    expect(changed.find((r) => r.type.endsWith("ConfigMap"))?.inputs.metadata.name).to.not.equal(files?.inputs.metadata.name);
  });

  it("[applications-12] says what does not go together, and takes workload and processes.web as one", () => {
    expect(refusedFor({ "workload.containerPort": 4_000 })).to.deep.equal(["processes.web.containerPort"]);
    expect(refusedFor({ "processes.web.mounts": [{ path: "/data", volume: "index" }] })).to.deep.equal(["workload.mounts.0.volume"]);
    expect(refusedFor({ "processes.reports.schedule": "61 * * * *" })).to.deep.equal(["processes.reports.schedule"]);
    expect(refusedFor({ "processes.reports.timeZone": "Mars/Base" })).to.deep.equal(["processes.reports.timeZone"]);
    expect(refusedFor({ "processes.sidekiq.probes.liveness": { kind: "exec" } })).to.deep.equal([
      "processes.sidekiq.probes.liveness.command",
    ]);
    expect(refusedFor({ "processes.sidekiq.secretEnv": { A: "no-such" } })).to.deep.equal(["processes.sidekiq.secretEnv.A"]);
    expect(refusedFor({ "processes.sidekiq.env": { PASSWORD: "hunter22hunter22" } })).to.deep.equal(["processes.sidekiq.env.PASSWORD"]);
    expect(refusedFor({ "processes.web.configFiles": [{ path: "/a", content: "{{secret:nothing}}" }] })).to.deep.equal([
      "workload.configFiles.0",
    ]);
    expect(
      refusedFor({
        "processes.sidekiq.ports": [
          { name: "a", port: 1 },
          { name: "a", port: 2 },
        ],
      }),
    ).to.deep.equal(["processes.sidekiq.ports"]);
    expect(refusedFor({ "workload.web": false })).to.deep.equal([]);
    expect(refusedFor({ "workload.web": false, ingress: { host: "a.example.com" } })).to.deep.equal(["ingress"]);
  });

  it("[applications-14] a web process that may run only once has no pod here before it moved, and never two", async () => {
    const once: ConfigPatch = { "workload.once": true, "workload.replicas": 1 };
    const moving: ConfigPatch = {
      ...once,
      old: { instanceIds: ["i-123abc"] },
      "database.target.oldSide": { cidrBlocks: ["10.0.0.0/16"] },
    };
    const web = async (patch: ConfigPatch) => {
      const all = await objectsOf(patch);
      expect(all.map((r) => `${r.type.split(":").at(-1)} ${r.name}`)).to.not.include("PodDisruptionBudget shop");
      const { replicas, strategy } = only(all, "Deployment", "shop").spec;
      expect(strategy).to.deep.equal({ type: "Recreate" });
      return replicas;
    };
    expect(await web(moving)).to.equal(0);
    expect(await web({ ...moving, "handover.once": "new" })).to.equal(1);
    // Without an old side it runs nowhere else.
    expect(await web(once)).to.equal(1);
    // A disk of one pod at a time is right for it.
    expect(refusedFor({ ...once, "processes.web.mounts": [{ path: "/data", volume: "index" }] })).to.deep.equal([]);
    expect(refusedFor({ ...once, "autoscaling.hpa.enabled": true })).to.deep.equal(["autoscaling"]);
  });

  it("[applications-12] an application without a web process has its workers and schedules, and their identity", async () => {
    const all = await objectsOf({ "workload.web": false });
    const names = all.map((r) => `${r.type.split(":").at(-1)} ${r.name}`);
    expect(names).to.include.members(["ServiceAccount shop", "CronJob shop-reports", "Deployment shop-sidekiq"]);
    expect(names).to.not.include.members(["Deployment shop"]);
    expect(names).to.not.include("Service shop");
  });

  it("[applications-12] the policy restricted-pods refuses root, capabilities and a writable root until each is waived", async () => {
    const violated = async (patch: ConfigPatch) =>
      (await objectsOf(patch))
        .filter((r) => r.name === "shop-sidekiq")
        .flatMap(({ type, name, sealed }) => violationsOf(name, { type, props: sealed }, []))
        .map((v) => `${v.policy} ${v.path.split(".").slice(-2).join(".")}`);
    expect(await violated({ "processes.sidekiq.security": { root: true } })).to.deep.equal([
      "restricted-pods securityContext.runAsNonRoot",
      "restricted-pods securityContext.runAsUser",
    ]);
    expect(await violated({ "processes.sidekiq.security": { capabilities: ["SYS_ADMIN"] } })).to.deep.equal([
      "restricted-pods capabilities.add",
    ]);
    expect(await violated({ "processes.sidekiq.security": { writableRoot: true } })).to.deep.equal([
      "restricted-pods securityContext.readOnlyRootFilesystem",
    ]);
  });

  it("the connection is there in every form that something reads, follows the switch, and nothing more of it is", async () => {
    const forms = {
      JDBC_URL: "database-jdbc-url",
      DB_USER: "database-user",
      DB_PASS: "database-password",
      ConnectionStrings__Shop: "database-ado-net",
      AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: "database-sqlalchemy-url",
      RESULT_BACKEND: "database-celery-result-url",
      DJANGO_URL: "database-django-url",
      OWN: "own-form",
    };
    const patch = { "processes.sidekiq.secretEnv": forms, "database.forms": { "own-form": "{host}/{port}/{name}/{raw:password}" } };
    const before = only(await objectsOf(patch), "Secret").stringData;
    expect(before).to.include({
      "database-jdbc-url": "jdbc:postgresql://shop-db.example.com:5432/shop",
      "database-user": "app",
      "database-password": "p@ss/word;x",
      "database-ado-net": 'Host=shop-db.example.com;Port=5432;Database=shop;Username=app;Password="p@ss/word;x"',
      "database-sqlalchemy-url": "postgresql+psycopg2://app:p%40ss%2Fword%3Bx@shop-db.example.com:5432/shop",
      "database-celery-result-url": "db+postgresql://app:p%40ss%2Fword%3Bx@shop-db.example.com:5432/shop",
      "database-django-url": "postgres://app:p%40ss%2Fword%3Bx@shop-db.example.com:5432/shop",
      "own-form": "shop-db.example.com/5432/shop/p@ss/word;x",
    });
    expect(before).to.not.have.any.keys("database-libpq", "database-host");
    const after = only(await objectsOf({ ...patch, "database.role": "primary", "database.active": "new" }), "Secret").stringData;
    for (const key of [...Object.values(forms).filter((k) => !/user|password$/.test(k)), "file-web-1"])
      expect(after[key], key).to.contain("shop-db-new.rds.example.com").and.not.contain("shop-db.example.com");
  });

  it("a password that pods ask for is in their secret, with and without a database of cutover's, and the service's own never", async () => {
    const patch = { "workload.secretEnv": { DB_PASSWORD: "database-password" } };
    const { "cutover:database": _, ...without } = PROCESSES;
    const plain = JSON.parse(JSON.stringify(without).replaceAll(/database-[a-z-]*url|database-[a-z]+/g, "database-password")) as RawConfig;
    for (const raw of [PROCESSES, plain])
      expect(only(await objectsOf(patch, raw), "Secret").stringData).to.include({ "database-password": "p@ss/word;x" });
    expect(refusedFor({ "workload.secretEnv": { DB_PASSWORD: "database-admin-password" } })).to.include("workload.secretEnv.DB_PASSWORD");
  });

  it("a host of its own leads to one process, and a name that only a private zone has is answered too", async () => {
    const all = await objectsOf({
      ingress: {
        host: "shop.example.com",
        certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123",
        routes: [{ path: "/", host: "live.example.com", process: "streaming" }],
      },
      old: { addresses: ["1.2.3.4"] },
      "database.target.oldSide": { cidrBlocks: ["10.1.0.0/16"] },
      dns: {
        zoneId: "Z1234567890ABC",
        also: [{ name: "live.example.com" }, { name: "shop.internal.example.com", zoneId: "Z1234567890DEF", private: true }],
      },
    });
    const rules = only(all, "Ingress").spec.rules as {
      host: string;
      http: { paths: { path: string; backend: { service: { name: string } } }[] };
    }[];
    expect(rules.map(({ host, http }) => [host, ...http.paths.map((p) => `${p.path} ${p.backend.service.name}`)])).to.deep.equal([
      ["shop.example.com", "/ shop"],
      ["live.example.com", "/ shop-streaming"],
      ["shop.internal.example.com", "/ shop"],
    ]);
  });

  it("paths lead to processes of their own, and the load balancer's attributes are as the config says", async () => {
    const patch = {
      ingress: {
        host: "shop.example.com",
        certificateArn: "arn:aws:acm:us-east-2:123456789012:certificate/abc123",
        routes: [
          { path: "/api/v1/streaming", process: "streaming" },
          { path: "/basket.Basket", process: "basket" },
        ],
        idleTimeoutSeconds: 3_600,
        stickySeconds: 86_400,
      },
      "processes.basket.protocolVersion": "GRPC",
    };
    const all = await objectsOf(patch);
    const { metadata, spec } = only(all, "Ingress");
    const paths = spec.rules[0].http.paths.map((p: { path: string; backend: { service: { name: string; port: object } } }) => [
      p.path,
      p.backend.service.name,
      p.backend.service.port,
    ]);
    expect(paths).to.deep.equal([
      ["/", "shop", { number: 80 }],
      ["/api/v1/streaming", "shop-streaming", { number: 80 }],
      ["/basket.Basket", "shop-basket", { number: 80 }],
    ]);
    const alb = (name: string) => metadata.annotations[`alb.ingress.kubernetes.io/${name}`];
    expect(alb("load-balancer-attributes")).to.equal("idle_timeout.timeout_seconds=3600");
    expect(alb("target-group-attributes")).to.equal(
      "deregistration_delay.timeout_seconds=30,stickiness.enabled=true,stickiness.type=lb_cookie,stickiness.lb_cookie.duration_seconds=86400",
    );
    // Each target group is asked as its own process is.
    expect(only(all, "Service", "shop-streaming").metadata.annotations).to.deep.include({
      "alb.ingress.kubernetes.io/healthcheck-path": "/api/v1/streaming/health",
    });
    expect(only(all, "Service", "shop-basket").metadata.annotations).to.deep.include({
      "alb.ingress.kubernetes.io/backend-protocol-version": "GRPC",
      "alb.ingress.kubernetes.io/healthcheck-path": "/AWS.ALB/healthcheck",
      "alb.ingress.kubernetes.io/success-codes": "12",
    });
    // Users reach these pods too: they pause before they stop.
    const { spec: pods } = only(all, "Deployment", "shop-streaming").spec.template;
    expect(pods.containers[0].lifecycle.preStop.sleep.seconds).to.equal(40);
    expect(pods.terminationGracePeriodSeconds).to.be.above(40);
    for (const { type, name, inputs, sealed } of all) {
      expect(checkInputs(type, inputs), `${type} ${name}`).to.deep.equal([]);
      expect(violationsOf(name, { type, props: sealed }, []), `${type} ${name}`).to.deep.equal([]);
    }
    const { ingress } = patch;
    expect(refusedFor({ ingress: { ...ingress, routes: [{ path: "/a", process: "sidekiq" }] } })).to.deep.equal([
      "ingress.routes.0.process",
    ]);
    const twice = [ingress.routes[0], { ...ingress.routes[0], host: "shop.example.com" }];
    expect(refusedFor({ ingress: { ...ingress, routes: twice } })).to.deep.equal(["ingress.routes.1.path"]);
  });
});
