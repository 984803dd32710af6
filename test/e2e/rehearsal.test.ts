import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { verifyChain } from "../../src/automation/journal/chain.js";
import type { Recorded } from "../../src/automation/journal/entries.js";
import { configDigest, StackFile } from "../../src/config/stackFile.js";
import { projectRoot, useEngine } from "../../src/engine/engine.js";
import type { Report } from "../../src/report/report.js";
import type { WorldState } from "../../src/sandbox/world/state.js";
import { requirePart } from "../support/parts.js";
import { spawnForSuite } from "../support/processes.js";
import { tempFolderForSuite } from "../support/tmp.js";

/** One whole rehearsal of web-api on the real engine takes about a minute on two cores. */
const MINUTES = 60_000;
const PRODUCTION = "web-api-production";

interface Run {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

async function stacksOf(folder: string): Promise<string> {
  const from = join(projectRoot(), "stacks");
  const to = join(folder, "stacks");
  await mkdir(to, { recursive: true });
  for (const name of ["applications.csv", "dependencies.yaml", "Pulumi.web-api-staging.yaml", `Pulumi.${PRODUCTION}.yaml`])
    await copyFile(join(from, name), join(to, name));
  return to;
}

/** Runs `cutover start --exit`; `killWhen` sees the journal's length and says when the process is killed. */
function rehearse(
  spawn: ReturnType<typeof spawnForSuite>,
  folder: string,
  stacks: string,
  faults: string[],
  killWhen?: (entries: number) => boolean,
): Promise<Run> {
  const main = join(projectRoot(), "dist", "src", "cli", "main.js");
  const args = [main, "--stacks", stacks, "--state", join(folder, "state"), "start", "--exit", ...faults.flatMap((f) => ["--fault", f])];
  const child = spawn(process.execPath, args, { env: process.env });
  let output = "";
  child.stdout?.on("data", (data) => (output += data));
  child.stderr?.on("data", (data) => (output += data));
  const timer = setInterval(async () => {
    const journal = await readFile(join(folder, "state", "sandbox", "journal", PRODUCTION, "journal.ndjson"), "utf8").catch(() => "");
    if (killWhen?.(journal.split("\n").length - 1) === true) child.kill("SIGKILL");
  }, 40);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearInterval(timer);
      resolve({ code, signal, output });
    });
  });
}

const read = async <T>(...path: string[]): Promise<T> => JSON.parse(await readFile(join(...path), "utf8")) as T;
const world = (folder: string) => read<WorldState>(folder, "state", "sandbox", "worlds", `${PRODUCTION}.json`);
const report = (folder: string) => read<Report>(folder, "state", "report.json");
const journal = async (folder: string): Promise<Recorded[]> =>
  (await readFile(join(folder, "state", "sandbox", "journal", PRODUCTION, "journal.ndjson"), "utf8"))
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l) as Recorded);

const journalLength = (folder: string): Promise<number> =>
  journal(folder).then(
    (entries) => entries.length,
    // Killed before the first entry, or in the middle of a line.
    () => 0,
  );

/** What is left in the end, whatever happened on the way: everything but times. */
async function finalState(folder: string) {
  const { resources, old, writes, snapshots } = await world(folder);
  const file = await StackFile.read(join(folder, "state", "sandbox", "stacks"), PRODUCTION);
  const { "cutover:secrets": _, ...config } = file.raw();
  return { resources: Object.keys(resources).sort(), old, writes, snapshots: Object.keys(snapshots), config: configDigest(config) };
}

/** Effects that may happen once only in a migration without a rollback over them. */
const ONCE = [
  "rds:CreateDBInstanceReadReplica",
  "rds:PromoteReadReplica",
  "route53:AdoptRecord",
  "data:StopWrites",
  "ec2:TerminateInstances",
  "rds:DeleteDBInstance",
  "rds:CreateDBSnapshot",
  "elbv2:DeleteLoadBalancer",
  "ec2:DeleteSecurityGroup",
];

/** By step: what its preview may change. Everything else stands still. */
const CHANGES: [RegExp, RegExp][] = [
  [
    /^containerize\.deploy$/,
    /^create (Deployment|Secret|Service|ServiceAccount|Ingress|NetworkPolicy|PodDisruptionBudget) web-api(-blue)?$/,
  ],
  [
    /^database\.create-replica$/,
    /^create (Alarm web-api-replica-lag|SecurityGroup web-api-database|Instance web-api|SubnetGroup web-api)$/,
  ],
  [/\.lower-ttl$/, /^create Record web-api-old$/],
  [/^database\.(approve|promote)$/, /^(update Instance web-api|delete Alarm web-api-replica-lag|create Alarm web-api-unfetched)$/],
  [/^database\.repoint$/, /^update (Deployment web-api-blue|Secret web-api)$/],
  [/^rollout\.synthetic-on$/, /^create Deployment web-api-synthetic$/],
  [/^rollout\.synthetic-off$/, /^delete Deployment web-api-synthetic$/],
  [/^rollout\.green-deploy$/, /^(create (Deployment|Service|NetworkPolicy|PodDisruptionBudget) web-api-green|update Ingress web-api)$/],
  [/^rollout\.green-\d+$/, /^update Ingress web-api$/],
  [/^rollout\.remove-blue$/, /^(delete (Deployment|Service|NetworkPolicy|PodDisruptionBudget) web-api-blue|update Ingress web-api)$/],
  [/^traffic\.new-record$/, /^create Record web-api-new$/],
  [/^traffic\.dns-\d+$/, /^update Record web-api-(old|new)$/],
  [/^optimize\.alerts$/, /^create (Alarm web-api-(alb|database)-\w+|PrometheusRule web-api-alerts)$/],
  [/^optimize\.hpa$/, /^(create HorizontalPodAutoscaler web-api)$/],
  [/^optimize\.vpa-install$/, /^create Release vpa$/],
  [/^optimize\.vpa$/, /^create VerticalPodAutoscaler web-api-vpa$/],
  [/^optimize\.restore-ttl$/, /^update Record web-api-old$/],
  [/^cleanup\.remove-old-record$/, /^(delete Record web-api-old|update Record web-api-new|update SecurityGroup web-api-database)$/],
];

describe("a rehearsal of web-api on the real engine", function () {
  this.timeout(10 * MINUTES);
  const folder = tempFolderForSuite("rehearsal");
  const spawn = spawnForSuite();

  before(async function () {
    const engine = await useEngine().catch(() => undefined);
    requirePart(this, "the Pulumi engine", engine !== undefined, "npm start makes one");
    const run = await rehearse(spawn, folder(), await stacksOf(folder()), [`${PRODUCTION}:errors@25%`]);
    expect(run.code, run.output).to.equal(0);
  });

  it("goes back automatically when errors appear at 25 %, to the earlier stack config, and then completes", async () => {
    const { migrations, totals } = await report(folder());
    const migration = migrations.find((m) => m.stack === PRODUCTION);
    expect(migration?.status).to.equal("completed");
    expect(migration?.dnsWeights.map((w) => w.value)).to.deep.equal([0, 10, 25, 10, 25, 50, 75, 100]);
    expect(migration?.rollbacks).to.have.length(1);
    const [back] = migration?.rollbacks ?? [];
    expect(back).to.include({ automatic: true });
    expect(back?.why).to.match(/traffic\.dns-25: error-rate 1\d(\.\d)? % \(accepted: at most 5 %/);
    const restored = migration?.revisions.find((r) => r.restores === back?.toRevision);
    expect(restored, "a revision that restores the earlier one").to.not.equal(undefined);
    expect(totals.rollbacks).to.equal(1);
  });

  it("promise 1: promoted at a lag of 0 that was observed after writes stopped", async () => {
    const promotion = (await report(folder())).migrations.find((m) => m.stack === PRODUCTION)?.promotion;
    expect(promotion?.lag).to.equal(0);
    expect(promotion?.lagObservedAt).to.be.at.least(promotion?.writesStoppedAt as number);
  });

  it("promises 2 and 3: no name was dark and no two databases took writes, as the far side saw it", async () => {
    expect((await world(folder())).violations).to.deep.equal([]);
  });

  it("promise 7: stored a preview of every config step before its update", async () => {
    const entries = await journal(folder());
    for (const entry of entries) {
      if (entry.type !== "update.intended" || entry.step === undefined) continue;
      const preview = entries.find((e) => e.seq < entry.seq && e.type === "preview.stored" && e.step === entry.step);
      expect(preview, entry.step).to.not.equal(undefined);
    }
  });

  it("previewed at each step that step's own change and nothing else", async () => {
    const entries = await journal(folder());
    const seen = new Set<string>();
    for (const entry of entries) {
      if (entry.type !== "preview.stored") continue;
      const [, allowed] = CHANGES.find(([steps]) => steps.test(entry.step)) ?? [];
      expect(allowed, `an expectation for ${entry.step}`).to.not.equal(undefined);
      const changes = entry.preview.changes
        .filter((c) => !c.type.startsWith("cutover:"))
        .map((c) => `${c.op} ${c.type.split(":").at(-1)} ${c.name}`);
      expect(changes, entry.step).to.have.length.at.least(1);
      expect(
        changes.filter((c) => allowed?.test(c) !== true),
        entry.step,
      ).to.deep.equal([]);
      seen.add(entry.step);
    }
    expect(seen.size).to.be.at.least(24);
  });

  it("promise 9: left an intact journal, and no secret in journal, report, log or engine state", async () => {
    const entries = await journal(folder());
    expect(verifyChain(entries)).to.deep.equal([]);
    const secret = (await world(folder())).resources["kubernetes:core/v1:Secret|production/web-api-secrets"];
    const url = (secret?.inputs.stringData as Record<string, string> | undefined)?.["database-url"] ?? "";
    const password = /:\/\/[^:]+:([^@]+)@/.exec(url)?.[1] ?? "";
    expect(password).to.have.length.greaterThan(10);
    const sandbox = join(folder(), "state", "sandbox");
    for (const file of [
      join(sandbox, "journal", PRODUCTION, "journal.ndjson"),
      join(folder(), "state", "report.json"),
      join(folder(), "state", "report.md"),
      join(sandbox, "engine", ".pulumi", "stacks", "cutover", `${PRODUCTION}.json`),
    ]) {
      expect(await readFile(file, "utf8"), file).to.not.contain(password);
    }
  });

  it("promotes the replica in place: the database was never replaced or deleted", async () => {
    const { effects } = await world(folder());
    const ofDatabase = effects.filter((e) => e.id === "prod-db-replica" && e.kind.startsWith("rds:")).map((e) => e.kind);
    expect(ofDatabase.slice(0, 2)).to.deep.equal(["rds:CreateDBInstanceReadReplica", "rds:PromoteReadReplica"]);
    expect(ofDatabase).to.not.include("rds:Delete");
    expect(ofDatabase.slice(2).every((k) => k === "rds:ModifyDBInstance")).to.equal(true);
  });

  it("leaves what `pulumi` from a shell would: a preview without changes", async () => {
    const main = join(projectRoot(), "dist", "src", "cli", "main.js");
    const preview = ["pulumi", "preview", "--stack", PRODUCTION, "--expect-no-changes", "--non-interactive"];
    const child = spawn(
      process.execPath,
      [main, "--stacks", join(folder(), "stacks"), "--state", join(folder(), "state"), "sandbox", ...preview],
      { env: process.env },
    );
    let output = "";
    child.stdout?.on("data", (data) => {
      output += data;
    });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(code, output).to.equal(0);
    expect(output).to.match(/\d+ unchanged/);
  });

  it("promise 6: killed again and again at any moment, ends in the same state with every effect once", async () => {
    const other = join(folder(), "killed");
    await mkdir(other);
    const stacks = await stacksOf(other);
    // Right after the promotion happened, before the engine heard of it; and after an action's effect.
    const faults = [
      `${PRODUCTION}:crash@rds:PromoteReadReplica`,
      `${PRODUCTION}:crash@database.stop-writes`,
      `${PRODUCTION}:crash@rds:CreateDBInstanceReadReplica`,
      `${PRODUCTION}:errors@25%`,
    ];
    let kills = 0;
    let next = 25 + Math.floor(Math.random() * 20);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const run = await rehearse(spawn, other, stacks, faults, (entries) => entries >= next);
      if (run.code === 0) break;
      expect(run.signal, run.output).to.equal("SIGKILL");
      kills += 1;
      // A kill by a fault leaves the next one where it was.
      next = Math.max(next, (await journalLength(other)) + 50 + Math.floor(Math.random() * 40));
    }
    expect(kills).to.be.at.least(5);
    expect(await finalState(other)).to.deep.equal(await finalState(folder()));
    const { effects, violations } = await world(other);
    for (const kind of ONCE)
      expect(
        effects.filter((e) => e.kind === kind),
        kind,
      ).to.have.length(1);
    expect(violations).to.deep.equal([]);
    expect(verifyChain(await journal(other))).to.deep.equal([]);
  });

  it("reports what happened: another threshold gives another report", async () => {
    const lenient = join(folder(), "lenient");
    await mkdir(lenient);
    const stacks = await stacksOf(lenient);
    const file = await StackFile.read(stacks, PRODUCTION);
    await file.replace({ ...file.raw(), "cutover:gates": { maxErrorRate: 0.5, maxErrorRateOverOld: 0.5 } }).write();
    const run = await rehearse(spawn, lenient, stacks, [`${PRODUCTION}:errors@25%`]);
    expect(run.code, run.output).to.equal(0);
    const migration = (await report(lenient)).migrations.find((m) => m.stack === PRODUCTION);
    expect(migration?.rollbacks).to.deep.equal([]);
    const gate = migration?.steps.find((s) => s.id === "traffic.dns-25")?.gates.find((g) => g.gate === "error-rate");
    expect(gate?.accepts).to.contain("50 %");
    expect(gate?.last).to.be.greaterThan(0.1);
  });
});
