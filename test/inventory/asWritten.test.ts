import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import { containerize } from "../../src/containerize/containerize.js";
import { draftStackConfigs } from "../../src/init/stackConfigs.js";
import { inventoryCsv, parseInventory } from "../../src/inventory/csv.js";
import { requireKnown, unknownDependencies } from "../../src/inventory/graph.js";
import { type ColumnMap, parseColumnMap } from "../../src/inventory/mappings.js";
import { type Found, matchResources } from "../../src/inventory/matching.js";
import { serviceNamed } from "../../src/inventory/services.js";
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
    ["React (SSR)", "other", "unsure"],
    ["Angular 12 with a REST API", "other", "unsure"],
    ["Vue 3 on IIS", "static", "sure"],
    ["React Native + Node.js 18", "nodejs 18", "unsure"],
    ["Java 11 on Windows Server 2016", "java 11", "likely"],
    ["Java Script", "other", "unsure"],
    ["PHP/7.4", "php 7.4", "sure"],
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
    ["RDS PostgreSQL 12.4, Multi-AZ, 500 GB", [], "PostgreSQL", true],
    ["PostgreSQL (RDS) shared with orders", [], "PostgreSQL", false],
    ["Uses web-api's RDS PostgreSQL", [], "PostgreSQL", false],
    ["Read replica of the RDS PostgreSQL of orders", [], "PostgreSQL", false],
    ["PostgreSQL (Supabase)", [], "PostgreSQL outside RDS", false],
    ["PostgreSQL in Kubernetes", [], "PostgreSQL outside RDS", false],
    ["PostgreSQL, not on RDS", [], "PostgreSQL outside RDS, unknown", false],
    ["PostgreSQL, self-managed", [], "PostgreSQL outside RDS, unknown", false],
    ["PostgreSQL (not on RDS)", [], "PostgreSQL outside RDS", false],
    ["PostgreSQL 10.0.0.5", [], "PostgreSQL outside RDS", false],
    ["jdbc:postgresql://db.corp.local:5432/orders", [], "PostgreSQL outside RDS", false],
    ["PostgreSQL or MySQL", [], "unknown", false],
    ["PostgreSQL-compatible (Cockroach)", [], "unknown", false],
    ["PostgreSQL on EBS", [], "unknown", false],
    ["None (stateless)", [], "none", false],
    ["none (uses the database of orders)", [], "unknown", false],
    ["s3://bucket/a/b", [], "S3", false],
  ];
  for (const [text, dependencies, as, movable] of stores)
    it(`[applications-3] takes ${text} with ${dependencies.join("/") || "nothing"} for ${as}`, () => {
      const { stores: found, reading } = readStores(text, dependencies);
      expect([reading.as, found.some((s) => s.movable)]).to.deep.equal([as, movable]);
    });

  it("[applications-3] asks about what it cannot read of a data store, and is sure of nothing else", () => {
    const asked = (text: string) => readStores(text, []).reading;
    expect(asked("RDS PostgreSQL 12.4 Multi-AZ").confidence).to.equal("sure");
    expect(asked("RDS PostgreSQL (orders-db)")).to.include({ confidence: "likely", question: "Not understood beside it: orders-db." });
    expect(asked("PostgreSQL (RDS) shared with orders")).to.include({ confidence: "unsure" });
    expect(asked("RDS PostgreSQL, RDS PostgreSQL 12")).to.include({ confidence: "unsure" });
    expect(asked("PostgreSQL or MySQL").question).to.equal('Which one holds the data of "PostgreSQL or MySQL": MySQL or PostgreSQL?');
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
    ["50 rps peak", undefined, "users"],
    ["avg 50 rps, peak 200 rps", undefined, "users"],
    ["0 req/day", undefined, "nobody"],
    ["No users", undefined, "nobody"],
    ["0 2 * * *", undefined, "clock"],
    ["cron(0 2 * * ? *)", undefined, "clock"],
    ["twice a day", undefined, "clock"],
    ["at 02:00 UTC", undefined, "clock"],
    ["daily at 3am", undefined, "clock"],
    ["Hourly (weekdays)", undefined, "clock"],
    ["every Monday", undefined, "clock"],
    ["daily at 3am, and 20 users", undefined, "unknown"],
    ["every employee, all day", undefined, "unknown"],
    ["at 50% load", undefined, "unknown"],
    ["batch API, 50 rps", undefined, "unknown"],
    ["async API", undefined, "unknown"],
    ["consumer portal", undefined, "unknown"],
    ["stream of users", undefined, "unknown"],
    ["10k orders/day", undefined, "unknown"],
    ["100 internal users", undefined, "unknown"],
    ["1 GB/day", undefined, "unknown"],
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
    expect(() => requireKnown(read(`${HEADER}\na,Java 17,S4,50 rps,None,High,o\n`))).not.to.throw();
    expect(["RDS MySQL", "aurora-postgresql", "RDS", "SAP"].map(serviceNamed)).to.deep.equal(["MySQL", "PostgreSQL", "RDS", undefined]);
    const { config } = { config: (await drafted('a,Java 17,"PostgreSQL, Redis",50 rps,RDS,High,o')).config };
    expect(config.workload.secretEnv).to.deep.equal({ DATABASE_URL: "database-url", REDIS_URL: "redis-url" });
  });

  it("[applications-5] knows an application in another form, says so, and asks where it cannot tell", () => {
    const row = (name: string, dependencies: string) => `${name},Java 17,"${dependencies}",50 rps,None,High,o`;
    const of = (dependencies: string) => {
      const [web] = read([HEADER, row("web", dependencies), row("orders-api", ""), row("billing", "")].join("\n")).applications;
      return [web?.dependencies.join("|"), web?.readings.find((r) => r.column === "Dependencies")?.confidence];
    };
    for (const text of [
      "calls orders-api",
      "Orders API",
      "orders_api",
      "orders-api (REST)",
      "orders-api:8443",
      "depends on: orders-api",
      "https://orders-api.corp.local/v1",
    ])
      expect(of(text), text).to.deep.equal(["orders-api", "likely"]);
    expect(of("orders-api und billing")).to.deep.equal(["orders-api|billing", "sure"]);
    for (const text of ["orders-api billing", "orders-api -> PostgreSQL", "https://orders-api.partner.com"])
      expect(of(text), text).to.deep.equal([text, "unsure"]);
    for (const text of ["?", "TBD", "unknown"]) expect(of(text), text).to.deep.equal(["", "unsure"]);
    expect(of("Redis?")).to.deep.equal(["Redis?", "unsure"]);
    for (const text of ["https://api.stripe.com/v1", "arn:aws:s3:::bucket/a/b", "SAP R/3", "R&D"])
      expect(of(text), text).to.deep.equal([text, "sure"]);
  });

  it("[applications-1] is not surer than who wrote it", () => {
    const [a] = read(`${HEADER}\na,Node.js 18?,S3,50 rps (TBC),RDS PostgreSQL (not used),High,TBD\n`).applications;
    const unsure = a?.readings.filter((r) => r.confidence === "unsure").map((r) => r.column);
    expect(unsure).to.deep.equal(["Technology", "Traffic", "Data Store", "Owner"]);
    expect(a?.owner).to.equal("unassigned");
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
    expect(owner({ name: "WEB_API_prod_1", tags: { Team: "web" } })).to.deep.equal(["web-api likely"]);
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
    const open = (of: typeof copy) => of.applications.map((a) => a.readings.filter((r) => r.confidence === "unsure").map((r) => r.column));
    expect(open(inventory)[0]).to.include.members(["Dependencies", "Owner"]);
    expect(open(copy)).to.deep.equal(open(inventory));
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

  it("[applications-7] reads what spreadsheets leave around a table: titles, filled-up rows, sep= in quotes, other line ends and spaces", () => {
    const row = "a,Java 17,S3,50 rps,None,High,o";
    const semicolons = [HEADER, row].join("\n").replaceAll(",", ";");
    for (const text of [
      `Applications of 2024,,,,,,\n${HEADER}\n${row}\n`,
      `Applications of 2024\n\n${semicolons}`,
      `${HEADER},,\n${row}\n`,
      `${HEADER}\n${row},,,\n`,
      `"sep=;"\n${semicolons}`,
      `sep=;;;;;;;\r\n${semicolons}`,
      `sep=\\t\n${semicolons.replaceAll(";", "\t")}`,
      `sep=;\n${semicolons}`.replaceAll("\n", "\r"),
      `${HEADER.replace("Data Store", "Data\u00A0Store")}\n\u00A0${row}`,
      `${HEADER.replace("Data Store", "data_store")}\n${row}`,
    ])
      expect(
        read(text).applications.map((a) => [a.name, a.technology.version, a.owner]),
        text,
      ).to.deep.equal([["a", "17", "o"]]);
    expect(read(`Applications of 2024\n${HEADER}\n${row}`).notes.join()).to.contain("The header is line 2");
    // A cell that says "Application" makes no header of a full row.
    expect(() => read("System,Type\nshop,Application\n")).to.throw(/f.csv line 1, column Application/);
    expect(() => read(`Title\n${HEADER},Owner\n${row},x`)).to.throw(/f.csv line 2, column Owner: got "?the column twice/);
  });

  it("[applications-7] names a workbook for what it is", () => {
    expect(() => read(Buffer.from("PK\u0003\u0004rest"))).to.throw(/got "?an Excel or OpenDocument workbook"?; accepted: a CSV file/);
    expect(() => read(Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1]))).to.throw(/an old Excel workbook/);
  });

  it("[applications-7] asks where rows of one name say different things, and keeps the letters of a name", () => {
    const { applications } = read(
      "name,business_criticality,owned_by\nWeb Shop,1 - most critical,Ann\nweb_shop,4 - not critical,Ann\nBüro-Straße,,\n",
    );
    expect(applications.map((a) => a.name)).to.deep.equal(["web-shop", "buro-strasse"]);
    const asked = Object.fromEntries(applications[0]?.readings.map((r) => [r.column, r.question]) ?? []);
    expect(asked.Application).to.equal("Are Web Shop and web_shop one application?");
    expect(asked.Critical).to.contain('Another row of it says "4 - not critical": which is right?');
    expect(asked.Owner).to.equal(undefined);
    expect(() => read(`${HEADER}\nWeb API,Java 17,S3,50 rps,None,High,o\n`)).to.throw(/got "Web API".*for example web-api/);
    expect(() => read("Anwendung;Technologie\na;Java\n")).to.throw(/--map 'Application=Anwendung'.*--map 'Technology=Technologie'/s);
  });
});
