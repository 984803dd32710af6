import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import { containerize } from "../../src/containerize/containerize.js";
import { draftStackConfigs } from "../../src/init/stackConfigs.js";
import { inventoryCsv, parseInventory } from "../../src/inventory/csv.js";
import { requireKnown, serviceNamed, unknownDependencies } from "../../src/inventory/graph.js";
import { type ColumnMap, parseColumnMap } from "../../src/inventory/mappings.js";
import { type Found, matchResources } from "../../src/inventory/matching.js";
import { readStores } from "../../src/inventory/stores.js";
import { readTechnology } from "../../src/inventory/technology.js";
import { readTraffic } from "../../src/inventory/traffic.js";
import { tempFolder } from "../support/tmp.js";

const HEADER = "Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner";
const read = (text: string | Buffer, map?: ColumnMap) => parseInventory(text, "f.csv", map);
const ANSWERS = { region: "eu-west-1", registry: "ghcr.io/acme", domain: "acme.test", environments: ["production"] };

/** The stack config that `init` drafts for one row, as it is read back. */
async function drafted(row: string) {
  const [draft] = draftStackConfigs(read(`${HEADER}\n${row}\n`), ANSWERS);
  const folder = tempFolder("drafted");
  await writeFile(join(folder, `Pulumi.${draft?.stack}.yaml`), draft?.text ?? "");
  return { text: draft?.text ?? "", config: (await StackFile.read(folder, draft?.stack ?? "")).shape() };
}

describe("an inventory as people write it", () => {
  const technologies: [string, string, string][] = [
    ["Angular 12 / .NET Core", "dotnet", "unsure"],
    ["HTML/CSS + PHP 7.4", "php 7.4", "unsure"],
    ["React 17 + Java 8", "java 8", "unsure"],
    ["Next.js 13 (SSR)", "nodejs", "likely"],
    ["Next.js 13", "nodejs", "unsure"],
    ["Vue 3 with Go 1.21", "go 1.21", "unsure"],
    ["React Native", "other", "unsure"],
    ["React", "static", "sure"],
    ["Elixir/Phoenix", "other", "unsure"],
    ["Python 3.8 + Node.js 16", "other", "unsure"],
    ["JavaScript", "other", "unsure"],
    [".NET Framework 4.8 on IIS", "dotnet 4.8", "unsure"],
    ["Windows 2016 / IIS / ASP.NET 4.8", "dotnet 4.8", "unsure"],
    ["ASP.NET MVC 5", "dotnet", "unsure"],
    [".NET Core 3.1", "dotnet 3.1", "sure"],
    [".NET 8", "dotnet 8", "sure"],
    ["Node.js 16 -> 20", "nodejs 16", "unsure"],
    ["Python 3.8/3.11", "python 3.8", "unsure"],
    ["AWS Lambda (Python 3.12)", "python 3.12", "unsure"],
    ["Java 17 (Spring Boot 3.2)", "java 17", "sure"],
  ];
  for (const [text, as, confidence] of technologies)
    it(`[applications-1] reads ${text} as ${as}, ${confidence}`, () => {
      const { reading } = readTechnology(text);
      expect([reading.as, reading.confidence]).to.deep.equal([as, confidence]);
      if (confidence === "unsure") expect(reading.question).to.match(/\?|understood|known/);
    });

  const versions: [string, string][] = [
    ["Python/Django 3.2 (Python 3.8)", "python 3.8"],
    ["Python/Django 3.2", "python"],
    ["Windows Server 2019, Node.js 16", "nodejs 16"],
    ["Node.js v18.17 on Ubuntu 20.04", "nodejs 18.17"],
    ["Django 4", "python"],
    ["Amazon Linux 2 / Ruby 2.7 / Rails 5.2", "ruby 2.7"],
    ["Node.js 2019", "nodejs"],
  ];
  for (const [text, as] of versions)
    it(`[applications-2] takes only the runtime's own number for its version: ${text}`, () => {
      expect(readTechnology(text).reading.as).to.equal(as);
    });

  it("[applications-2] says that Python 2.7 is not what the image has", () => {
    const [application] = read(`${HEADER}\na,Python 2.7,S3,Hourly,None,Low,o\n`).applications;
    if (application === undefined) throw new Error("no application");
    expect(containerize(application).findings.join()).to.contain("The inventory says Python 2.7; the image uses Python 3.12");
  });

  const stores: [string, string[], string, boolean][] = [
    ["Records archive in S3", [], "S3", false],
    ["DynamoDB (user records)", [], "DynamoDB", false],
    ["RDS MySQL 8.0", ["PostgreSQL"], "MySQL", false],
    ["Aurora MySQL", [], "MySQL", false],
    ["Oracle on RDS", [], "Oracle", false],
    ["RDS SQL Server 2019", [], "SQL Server", false],
    ["Aurora PostgreSQL 13", [], "Aurora PostgreSQL", false],
    ["PostgreSQL on EC2", [], "PostgreSQL outside RDS", false],
    ["RDS", ["MySQL"], "MySQL", false],
    ["RDS", [], "unknown", false],
    ["RDS", ["PostgreSQL", "Redis"], "PostgreSQL", true],
    ["RDS PostgreSQL 12", [], "PostgreSQL", true],
    ["PostgreSQL (RDS), Redis", [], "PostgreSQL, Redis", true],
  ];
  for (const [text, dependencies, as, movable] of stores)
    it(`[applications-3] takes ${text} with ${dependencies.join("/") || "nothing"} for ${as}`, () => {
      const { stores: found, reading } = readStores(text, dependencies);
      expect([reading.as, found.some((s) => s.movable)]).to.deep.equal([as, movable]);
    });

  it("[applications-3] drafts a database for PostgreSQL on RDS only, and asks about the rest", async () => {
    for (const store of ["RDS MySQL 8.0", "Aurora MySQL", "Oracle on RDS", "SQL Server 2019", "MongoDB"]) {
      const { config } = await drafted(`a,Java 17,,10k req/day,${store},High,o`);
      expect(config.database, store).to.equal(undefined);
      expect(
        config.stores.map((s) => s.handling),
        store,
      ).to.deep.equal(["undecided"]);
    }
    const { config, text } = await drafted("a,Python 3.11,,Hourly,Records archive in S3,Low,o");
    expect([config.database, config.stores]).to.deep.equal([undefined, [{ kind: "S3", handling: "stays" }]]);
    expect(text).not.to.contain("DATABASE_URL");
    expect((await drafted("a,Python 3.11,,Hourly,RDS PostgreSQL 12,Low,o")).config.database?.source.identifier).to.match(/^a-db/);
  });

  const traffic: [string, number | undefined, string][] = [
    ["5k hits/day", 5_000, "users"],
    ["1,000 sessions/day", undefined, "users"],
    ["50 rps", 4_320_000, "users"],
    ["900 req/s", 77_760_000, "users"],
    ["1.5k rpm", 2_160_000, "users"],
    ["~2M requests per month", 66_667, "users"],
    ["200 API calls a minute", 288_000, "users"],
    ["10-20k page views / day", 20_000, "users"],
    ["100 users", undefined, "users"],
    ["Hourly", undefined, "clock"],
    ["every 15 minutes", undefined, "clock"],
    ["500 messages/s", undefined, "queue"],
    ["None", undefined, "nobody"],
    ["lots", undefined, "unknown"],
    ["10k", undefined, "unknown"],
  ];
  for (const [text, perDay, from] of traffic)
    it(`[applications-4] reads a traffic of ${text}`, () => {
      const { traffic: of, reading } = readTraffic(text);
      expect([of.perDay, of.from]).to.deep.equal([perDay, from]);
      if (from === "unknown")
        expect([reading.confidence, reading.question]).to.satisfy(([c, q]: string[]) => c === "unsure" && q?.includes("?"));
    });

  it("[applications-4] gives every application with users an ingress and DNS, and asks where it cannot tell", async () => {
    for (const text of ['"1,000 sessions/day"', "50 rps", "5k hits/day"]) {
      const { config } = await drafted(`a,Java 17,,${text},None,High,o`);
      expect([config.ingress?.host, config.dns === undefined], text).to.deep.equal(["a.acme.test", false]);
    }
    const { config } = await drafted("a,Java 17,,lots,None,High,o");
    expect(config.dns).to.equal(undefined);
    expect(config.questions[0]).to.match(/^Traffic "lots": Who uses it/);
    expect((await drafted("a,Java 17,,Hourly,None,High,o")).config.old?.users).to.equal("none");
  });

  it("[applications-5] never loses a dependency, whatever separates them, and takes what it does not know as it stands", async () => {
    const inventory = read(`${HEADER}\na,Java 17,"PostgreSQL, Redis; MongoDB + RabbitMQ and Stripe/Mainframe (z/OS)",50 rps,RDS,High,o\n`);
    expect(inventory.applications[0]?.dependencies).to.deep.equal([
      "PostgreSQL",
      "Redis",
      "MongoDB",
      "RabbitMQ",
      "Stripe",
      "Mainframe (z/OS)",
    ]);
    expect(unknownDependencies(inventory)).to.deep.equal([{ application: "a", line: 2, dependency: "Mainframe (z/OS)" }]);
    expect(() => requireKnown(inventory)).not.to.throw();
    expect(["RDS MySQL", "aurora-postgresql", "RDS", "SAP"].map(serviceNamed)).to.deep.equal(["MySQL", "PostgreSQL", "RDS", undefined]);
    const { config } = { config: (await drafted('a,Java 17,"PostgreSQL, Redis",50 rps,RDS,High,o')).config };
    expect(config.workload.secretEnv).to.deep.equal({ DATABASE_URL: "database-url", REDIS_URL: "redis-url" });
  });

  it("[applications-6] gives a resource to the longest name that claims it, and reads tags and target groups", () => {
    const rows = ["web", "web-api", "api", "billing"].map((n) => `${n},Java 17,,50 rps,None,High,o`);
    const inventory = read([HEADER, ...rows].join("\n"));
    const found = (change: Partial<Found>): Found => ({ kind: "instance", id: "i-1", name: undefined, tags: {}, linked: [], ...change });
    const owner = (change: Partial<Found>) =>
      matchResources(inventory, [found(change)]).matches.map((m) => `${m.application} ${m.confidence}`);
    expect(owner({ name: "web-api-prod-1" })).to.deep.equal(["web-api likely"]);
    expect(owner({ name: "web-prod-1" })).to.deep.equal(["web likely"]);
    expect(owner({ name: "web-api-and-web-7" })).to.deep.equal([]);
    expect(owner({ name: "ip-10-0-0-1", tags: { APPLICATION: "Web API" } })).to.deep.equal(["web-api certain"]);
    expect(owner({ name: "node", tags: { "aws:autoscaling:groupName": "asg-billing-2019" } })).to.deep.equal(["billing likely"]);
    expect(owner({ name: "node", names: ["tg-web-api-443"] })).to.deep.equal(["web-api likely"]);
  });

  const exports: [string, string, string[]][] = [
    [
      "Azure Migrate",
      "*Server name,IP addresses,*Cores,*Memory (In MB),*OS name\nWEB01.corp.local,10.0.0.4,4,8192,Windows Server 2019\n",
      ["web01"],
    ],
    [
      "AWS Migration Hub",
      "ExternalId,IPAddress,HostName,VMware.VMName,OS.Name,OS.Version,Applications\n1,10.0.0.4,h1,vm1,Linux,2,Web Shop\n2,10.0.0.5,h2,vm2,Linux,2,Web Shop\n3,10.0.0.6,h3,,Linux,2,\n",
      ["web-shop", "h3"],
    ],
    ["ServiceNow", "name,business_criticality,owned_by,operational_status\nWeb Shop,1 - most critical,Ann,Operational\n", ["web-shop"]],
    ["RVTools", "VM,Powerstate,Template,CPUs,Memory,OS according to the VMware Tools\nERP_01,poweredOn,False,4,8192,Ubuntu\n", ["erp-01"]],
    ["Device42", "name,service_level,customer,os\nshop,Production,Retail,CentOS\n", ["shop"]],
    [
      "Konveyor",
      "Record Type 1,Application Name,Description,Business Service,Dependency,Dependency Direction,Owner\n1,Shop,,Retail,,,Ann\n2,Shop,,,Pay,northbound,\n",
      ["shop"],
    ],
  ];
  for (const [tool, text, names] of exports)
    it(`[applications-7] reads the headers of ${tool}, and asks for what they do not say`, () => {
      const { applications, notes } = read(text);
      expect(applications.map((a) => a.name)).to.deep.equal(names);
      expect(notes.join()).to.contain(`Read as an export of ${tool}`);
      const asked = applications[0]?.readings.filter((r) => r.confidence === "unsure") ?? [];
      expect(asked.map((r) => r.column)).to.include.members(["Technology", "Traffic", "Data Store"]);
      for (const r of asked) expect(r.question, r.column).to.contain("?");
    });

  it("[applications-7] maps columns as told, and an own copy of the result reads the same", () => {
    const map = parseColumnMap(["application=System", "Technology=Stack", "Critical=Tier"]);
    const inventory = read("System;Stack;Tier\nWeb Shop;PHP 8.2;Tier 1\n;;\nERP;Java 17;P3\n", map);
    expect(inventory.applications.map((a) => [a.name, a.technology.kind, a.criticality])).to.deep.equal([
      ["web-shop", "php", "high"],
      ["erp", "java", "low"],
    ]);
    const copy = read(inventoryCsv(inventory));
    expect(copy.isPlain).to.equal(true);
    expect(copy.applications.map((a) => [a.name, a.technology, a.criticality, a.traffic.from])).to.deep.equal(
      inventory.applications.map((a) => [a.name, a.technology, a.criticality, a.traffic.from]),
    );
    expect(() => read("System;Stack\nx;y\n")).to.throw(/here stands System, Stack.*--map 'Application=System'/s);
    expect(() => read("System;Stack\nx;y\n", { Application: "Sytem" })).to.throw(
      /--map Application: got "Sytem"; accepted: a column of f.csv: System, Stack/,
    );
    expect(() => parseColumnMap(["Colour=x"])).to.throw(/COLUMN=HEADER, with COLUMN one of Application/);
  });

  it("[applications-7] reads semicolons, tabs, sep= lines, rows of empty cells and every usual encoding, and names each line rightly", () => {
    const text = `${HEADER}\nbücher,Java 17,S3,50 rps,None,High,Jürgen\n`.replace("bücher", "books");
    const semicolons = text.replaceAll(",", ";");
    const owner = (content: string | Buffer) => read(content).applications.map((a) => `${a.name} ${a.owner}`);
    const utf16 = Buffer.from(`\uFEFF${semicolons}`, "utf16le");
    for (const content of [
      semicolons,
      text.replaceAll(",", "\t"),
      `sep=;\r\n${semicolons}`,
      Buffer.from(`\uFEFF${text}`),
      utf16,
      Buffer.from(utf16).swap16(),
      Buffer.from(semicolons, "utf16le"),
      Buffer.from(text, "latin1"),
      `${text},,,,,,\n\n,,,,,,\n`,
    ])
      expect(owner(content)).to.deep.equal(["books Jürgen"]);
    expect(read(Buffer.from(text, "latin1")).notes.join()).to.contain("not UTF-8; it was read as Windows-1252");
    expect(() => read(`sep=;\n\n${semicolons};;;;;;\n\na;b;c;d;e;Urgent;f\n`)).to.throw(/line 7, column Critical: got "Urgent"/);
  });
});
