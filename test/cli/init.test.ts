import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import { missingIn } from "../../src/init/placeholders.js";
import { tempFolder } from "../support/tmp.js";
import { cutover } from "./service.js";

const INVENTORY = `Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner
web-api,Node.js 16,PostgreSQL/Redis,10k req/day,RDS,High,Platform Team
admin-portal,React,web-api,100 users,None,Medium,Admin Team
batch-processor,Python,S3/SQS,Hourly,None,Low,Data Team
`;
const ANSWERS = ["--region", "eu-west-1", "--registry", "ghcr.io/acme", "--domain", "acme.test"];

describe("cutover init", function () {
  this.timeout(60_000);
  let folder: string;
  const init = (...args: string[]) =>
    cutover(["init", join(folder, "inventory.csv"), "--out", join(folder, "project"), ...ANSWERS, ...args]);
  const config = async (stack: string) => (await StackFile.read(join(folder, "project", "stacks"), stack)).shape();

  beforeEach(async () => {
    folder = tempFolder("init");
    await writeFile(join(folder, "inventory.csv"), INVENTORY);
  });

  it("makes a project whose stack configs are valid and have a plan, and says what is left to fill in", async () => {
    const { code, stdout, stderr } = await init();
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^STACK +STRATEGY +STEPS +TO FILL IN\nweb-api-staging +rolling/);
    expect(stdout).to.contain("dns.zoneId: ZREPLACEME (aws route53 list-hosted-zones)");
    expect(stdout).to.contain("secrets.database-password: not set");
    const web = await config("web-api-production");
    expect(web.application).to.include({ criticality: "high", owner: "Platform Team" });
    expect(web.ingress?.host).to.equal("web-api.acme.test");
    expect(web.strategy).to.include({ kind: "blue-green", image: "ghcr.io/acme/web-api:1.1.0" });
    expect(web.workload.secretEnv).to.deep.equal({ DATABASE_URL: "database-url", REDIS_URL: "redis-url" });
    expect((await config("admin-portal-production")).strategy.kind).to.equal("canary");
    const batch = await config("batch-processor-production");
    expect([batch.strategy.kind, batch.ingress, batch.dns]).to.deep.equal(["rolling", undefined, undefined]);
    expect((await config("web-api-staging")).old).to.equal(undefined);
    const plan = await cutover(["plan", "web-api-production"], { cwd: join(folder, "project") });
    expect(plan.code, plan.stderr).to.equal(0);
    expect(plan.stdout).to.contain("database.promote  point of no return");
    expect(await readFile(join(folder, "project", "stacks", "applications.csv"), "utf8")).to.equal(INVENTORY);
  });

  it("leaves nothing to fill in once it is filled in", async () => {
    await init();
    const file = await StackFile.read(join(folder, "project", "stacks"), "batch-processor-production");
    expect(missingIn(file.raw()).map((m) => m.path)).to.deep.equal(["old.instanceIds[0]"]);
    expect(missingIn({ ...file.raw(), "cutover:old": { instanceIds: ["i-1234567890abcdef0"] } })).to.deep.equal([]);
  });

  it("overwrites nothing that differs, unless told to", async () => {
    await init();
    const path = join(folder, "project", "stacks", "Pulumi.web-api-staging.yaml");
    await writeFile(path, `${await readFile(path, "utf8")}# mine\n`);
    const again = await init();
    expect(again.code).to.equal(4);
    expect(again.stderr).to.contain("Pulumi.web-api-staging.yaml. Nothing was written.").and.contain("--force");
    expect(await readFile(path, "utf8")).to.match(/# mine\n$/);
    expect((await init("--force")).code).to.equal(0);
  });

  it("names every wrong cell of an inventory, and an unknown dependency", async () => {
    await writeFile(join(folder, "inventory.csv"), INVENTORY.replace("High", "Enormous"));
    expect((await init()).stderr)
      .to.contain("line 2, column Critical")
      .and.contain("High, Medium or Low");
    await writeFile(join(folder, "inventory.csv"), INVENTORY.replace("Redis", "Rediss"));
    const unknown = await init();
    expect(unknown.code).to.equal(2);
    expect(unknown.stderr).to.contain("did you mean Redis?");
  });

  const COMPOSE = `services:
  web: { image: "ghcr.io/acme/shop:1.4.0", ports: ["3000:3000"], environment: { DATABASE_URL: "postgres://a:topsecretpw@db/shop" }, sysctls: { a: 1 } }
  worker: { image: "ghcr.io/acme/shop:1.4.0", command: bundle exec sidekiq }
  db: { image: "postgres:16" }
`;
  const fromFile = (...args: string[]) =>
    cutover(["init", "--from", join(folder, "shop", "compose.yaml"), "--out", join(folder, "project"), ...args]);
  const shop = async (text: string) => {
    await mkdir(join(folder, "shop"), { recursive: true });
    await writeFile(join(folder, "shop", "compose.yaml"), text);
  };

  it("makes a project from a compose file, with everything that the file does not tell left to fill in", async () => {
    await shop(COMPOSE);
    const { code, stdout, stderr } = await fromFile("--output", "json");
    expect(code, stderr).to.equal(0);
    expect(stdout + stderr).not.to.contain("topsecretpw");
    const said = JSON.parse(stdout) as {
      kind: string;
      processes: { name: string; kind: string }[];
      findings: { at: string; asks: boolean }[];
    };
    expect(said.kind).to.equal("compose");
    expect(said.processes.map((p) => `${p.name} ${p.kind}`)).to.deep.equal(["web web", "worker worker"]);
    expect(said.findings.some((f) => f.asks && f.at === "compose.yaml: services.web.sysctls")).to.equal(true);
    const file = await StackFile.read(join(folder, "project", "stacks"), "shop-production");
    expect(file.text()).not.to.contain("topsecretpw");
    expect(missingIn(file.raw()).map((m) => m.path)).to.include.members([
      "ingress.host",
      "old.instanceIds[0]",
      "dns.zoneId",
      "questions[0]",
      "strategy.image",
    ]);
    expect(await readFile(join(folder, "project", "stacks", "applications.csv"), "utf8")).to.contain(
      "\nshop,unknown,?,unknown,PostgreSQL,High,unknown\n",
    );
  });

  it("adds a described application to the inventory that is there, and takes from its row what the file does not say", async () => {
    await init();
    await shop(COMPOSE);
    expect((await fromFile()).code).to.equal(0);
    const csv = await readFile(join(folder, "project", "stacks", "applications.csv"), "utf8");
    expect(csv.startsWith(INVENTORY)).to.equal(true);
    expect(csv.trimEnd().split("\n")).to.have.length(5);
    expect((await fromFile("--name", "web-api", "--force")).code).to.equal(0);
    expect((await config("web-api-production")).application).to.include({ criticality: "high", owner: "Platform Team" });
    expect(await readFile(join(folder, "project", "stacks", "applications.csv"), "utf8")).to.equal(csv);
  });

  it("writes nothing for a file that is wrong, names its place, and wants one source", async () => {
    await shop("services:\n\tweb: {}\n");
    const wrong = await fromFile();
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.contain("compose.yaml line 2, column 1").and.not.contain("    at ");
    expect(await readdir(folder)).not.to.include("project");
    expect((await cutover(["init"])).stderr).to.contain("inventory: missing");
    expect((await cutover(["init", "a.csv", "--from", "b.yml"])).stderr).to.contain("--from: got an inventory too (a.csv)");
    expect((await cutover(["init", "a.csv", "--web", "x"])).stderr).to.contain("--web: got an inventory");
  });
});
