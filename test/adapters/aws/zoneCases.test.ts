import {
  ChangeResourceRecordSetsCommand,
  type ChangeResourceRecordSetsCommandInput,
  CreateHostedZoneCommand,
  type ResourceRecordSet,
  type Route53Client,
} from "@aws-sdk/client-route-53";
import { expect } from "chai";
import { adoptRecord, releaseRecord, setWeights } from "../../../src/adapters/aws/records.js";
import { judge, plainName, recordsAt } from "../../../src/adapters/aws/zone.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { records } from "../../../src/doctor/records.js";
import { zones } from "../../../src/doctor/zones.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";

const CONFIG = readConfig(RAW, "test", STACK);
const HOST = "api.example.com";
type Dns = NonNullable<StackConfig["dns"]>;

const alias = (Name: string, DNSName: string, more: Partial<ResourceRecordSet> = {}, health = false): ResourceRecordSet => ({
  Name,
  Type: "A",
  AliasTarget: { HostedZoneId: "Z3AADJGX6KTTL2", DNSName, EvaluateTargetHealth: health },
  ...more,
});
const plain = (Name: string, Type: string, TTL: number, ...values: string[]): ResourceRecordSet => ({
  Name,
  Type: Type as "A",
  TTL,
  ResourceRecords: values.map((Value) => ({ Value })),
});
const ALB = "dualstack.old-123.us-east-2.elb.amazonaws.com.";

describe("further records that zones hold", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let zonesMade = 0;
  let route53: Route53Client;

  before(() => {
    ({ route53 } = moto.clients());
  });

  async function hosted(name = "example.com", isPrivate = false): Promise<string> {
    zonesMade += 1;
    const { HostedZone } = await route53.send(
      new CreateHostedZoneCommand({
        Name: name,
        CallerReference: `case ${zonesMade}`,
        ...(isPrivate ? { HostedZoneConfig: { PrivateZone: true }, VPC: { VPCRegion: "us-east-2", VPCId: "vpc-1234" } } : {}),
      }),
    );
    return (HostedZone?.Id ?? "").replace("/hostedzone/", "");
  }

  type Changes = NonNullable<ChangeResourceRecordSetsCommandInput["ChangeBatch"]>["Changes"];
  const batch = (HostedZoneId: string, ...Changes: NonNullable<Changes>) =>
    route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId, ChangeBatch: { Changes } }));
  /** "ZONE" stands for the zone itself. */
  const put = (id: string, sets: ResourceRecordSet[]) =>
    batch(
      id,
      ...sets.map((set) => ({
        Action: "CREATE" as const,
        ResourceRecordSet: {
          ...set,
          ...(set.AliasTarget?.HostedZoneId === "ZONE" ? { AliasTarget: { ...set.AliasTarget, HostedZoneId: id } } : {}),
        },
      })),
    );

  async function zoneWith(sets: ResourceRecordSet[], patch: Partial<Dns> = {}, host = HOST) {
    const zoneId = await hosted();
    if (sets.length > 0) await put(zoneId, sets);
    // Without a certificate of its own one is requested.
    const { certificateArn: _, ...ingress } = CONFIG.ingress as NonNullable<StackConfig["ingress"]>;
    const config: StackConfig = {
      ...CONFIG,
      dns: { ...(CONFIG.dns as Dns), zoneId, ...patch },
      ingress: { ...ingress, ipAddressType: "dualstack", host },
    };
    const shown = async (name = host, id = zoneId) =>
      (await recordsAt(route53, id, name)).map((r): ResourceRecordSet => ({ ...r, Name: plainName(r.Name) }));
    const failed = async () => (await records(STACK, config, moto.clients())).filter((f) => f.standing === "failed");
    const refused = () =>
      adoptRecord(route53, config).then(
        (e) => `not refused: ${e.summary}`,
        (e: Error) => e.message,
      );
    return { zoneId, config, shown, failed, refused };
  }

  /** Adopted with a weight, moved, given back: nothing else about it changes, nor anything beside it. */
  async function keptAndGivenBack(sets: ResourceRecordSet[], host = HOST, beside: string[] = []) {
    const { config, shown, failed, zoneId } = await zoneWith(sets, {}, host);
    const before = await shown();
    const others = await Promise.all(beside.map((name) => shown(name)));
    expect(await failed()).to.deep.equal([]);
    const { facts } = await adoptRecord(route53, config);
    const moved = before.filter((r) => ["A", "AAAA", "CNAME"].includes(r.Type ?? ""));
    const weighted = (set: ResourceRecordSet) => (moved.includes(set) ? { ...set, SetIdentifier: "old-infra", Weight: 100 } : set);
    expect(await shown()).to.deep.equal(before.map(weighted));
    const fresh = moved.map(({ Name, Type = "A" }) => ({
      ...plain(Name ?? "", Type, 60, { A: "203.0.113.9", AAAA: "2001:db8::9", CNAME: "new.example.net" }[Type as string] ?? ""),
      SetIdentifier: "new-infra",
      Weight: 0,
    }));
    await put(zoneId, fresh);
    await setWeights(route53, config, { old: 10, new: 90 });
    for (const { Type } of moved) {
      const weights = (await shown()).filter((r) => r.Type === Type).map((r) => r.Weight);
      expect(weights.sort(), Type).to.deep.equal([10, 90]);
    }
    await setWeights(route53, config, { old: 100, new: 0 });
    await batch(zoneId, ...fresh.map((ResourceRecordSet) => ({ Action: "DELETE" as const, ResourceRecordSet })));
    await releaseRecord(route53, config, facts);
    expect(await shown()).to.deep.equal(before);
    for (const [i, name] of beside.entries()) expect(await shown(name), name).to.deep.equal(others[i]);
  }

  const KEPT: [string, ResourceRecordSet[], string?, string[]?][] = [
    ["an alias to an S3 website", [alias(HOST, "s3-website.us-east-2.amazonaws.com.")]],
    ["an alias to a Network Load Balancer that evaluates its health", [alias(HOST, "old-1.elb.us-east-2.amazonaws.com.", {}, true)]],
    ["A and AAAA aliases to two different targets", [alias(HOST, ALB, {}, true), alias(HOST, "d111abc.cloudfront.net.", { Type: "AAAA" })]],
    [
      "addresses with a health check beside an alias over IPv6",
      [
        { ...plain(HOST, "A", 30, "198.51.100.7"), HealthCheckId: "abcdef11-2222-3333-4444-555555fedcba" },
        alias(HOST, ALB, { Type: "AAAA" }),
      ],
    ],
    [
      "a CNAME of a chain, whose end stays",
      [plain("www.example.com", "CNAME", 60, "web.example.com"), plain("web.example.com", "CNAME", 300, "old.example.net")],
      "www.example.com",
      ["web.example.com"],
    ],
    [
      "an alias to another record of 60 s",
      [
        alias(HOST, "live.example.com.", {
          AliasTarget: { HostedZoneId: "ZONE", DNSName: "live.example.com.", EvaluateTargetHealth: true },
        }),
        plain("live.example.com", "A", 60, "198.51.100.7"),
      ],
      HOST,
      ["live.example.com"],
    ],
    [
      "an alias to a latency set of aliases",
      [
        alias(HOST, "live.example.com.", {
          AliasTarget: { HostedZoneId: "ZONE", DNSName: "live.example.com.", EvaluateTargetHealth: true },
        }),
        alias("live.example.com", ALB, { SetIdentifier: "ohio", Region: "us-east-2" }),
        alias("live.example.com", ALB, { SetIdentifier: "oregon", Region: "us-west-2" }),
      ],
      HOST,
      ["live.example.com"],
    ],
    [
      "the apex, with its MX, TXT, SOA and NS records, and a CAA record that lets Amazon issue",
      [
        alias("example.com", ALB),
        plain("example.com", "MX", 300, "10 mail.example.net"),
        plain("example.com", "TXT", 300, '"v=spf1 -all"'),
        plain("example.com", "CAA", 300, '0 issue "letsencrypt.org"', '0 issue "amazon.com"'),
      ],
      "example.com",
    ],
    ["a service binding that says protocols alone", [alias(HOST, ALB), plain(HOST, "HTTPS", 300, '1 . alpn="h2,http/1.1"')]],
    [
      "a name in punycode, beside one with an underscore and a wildcard",
      [
        alias("xn--bcher-kva.example.com", ALB),
        plain("_acme-challenge.xn--bcher-kva.example.com", "TXT", 60, '"x"'),
        plain("*.example.com", "A", 60, "198.51.100.1"),
      ],
      "xn--bcher-kva.example.com",
      ["*.example.com", "_acme-challenge.xn--bcher-kva.example.com"],
    ],
  ];
  for (const [what, sets, host, beside] of KEPT)
    it(`[traffic-4] promises 2, 5: ${what}: kept with a weight, moved and given back exactly`, () => keptAndGivenBack(sets, host, beside));

  const REFUSED: [string, ResourceRecordSet[], RegExp, RegExp][] = [
    [
      "an alias to a record that is kept for an hour",
      [
        alias(HOST, "live.example.com.", {
          AliasTarget: { HostedZoneId: "ZONE", DNSName: "live.example.com.", EvaluateTargetHealth: false },
        }),
        plain("live.example.com", "A", 3_600, "198.51.100.7"),
      ],
      /whose TTL of 3600 s is the alias's too/,
      /^Set the TTL of live\.example\.com to 60/,
    ],
    [
      "an alias to a record that is not there",
      [
        alias(HOST, "gone.example.com.", {
          AliasTarget: { HostedZoneId: "ZONE", DNSName: "gone.example.com.", EvaluateTargetHealth: false },
        }),
      ],
      /is an alias to gone\.example\.com, which has no A record/,
      /^Let it lead to what answers/,
    ],
    [
      "a service binding with a port of its own",
      [alias(HOST, ALB), plain(HOST, "HTTPS", 300, "1 . alpn=h2 port=8443")],
      /leads browsers past every weight/,
      /^Leave it a priority/,
    ],
    [
      "a service binding that is an alias to CloudFront's",
      [alias(HOST, "d111abc.cloudfront.net."), alias(HOST, "d111abc.cloudfront.net.", { Type: "HTTPS" as "A" })],
      /HTTPS record \(alias to d111abc\.cloudfront\.net\)/,
      /^Remove it first/,
    ],
    [
      "a name below one that another zone holds",
      [plain("sub.example.com", "NS", 300, "ns1.example.net"), plain("api.sub.example.com", "A", 60, "198.51.100.7")],
      /is below sub\.example\.com, which the zone \w+ delegates/,
      /^Name the id of sub\.example\.com's own zone/,
    ],
    [
      "a wildcard that answers with mail records too",
      [alias("*.example.com", ALB), plain("*.example.com", "MX", 300, "10 mail.example.net")],
      /\*\.example\.com answers for api\.example\.com with MX too/,
      /^Copy all of its records/,
    ],
    [
      "a wildcard beside names below the host, which keep it from answering",
      [alias("*.example.com", ALB), plain("v1.api.example.com", "A", 60, "198.51.100.7")],
      /has no A, AAAA or CNAME record/,
      /^There is nothing to take over/,
    ],
    [
      "CAA records that let only others issue",
      [alias(HOST, ALB), plain("example.com", "CAA", 300, '0 issue "letsencrypt.org"')],
      /let only others issue one \(letsencrypt\.org\)/,
      /^Add 0 issue "amazon\.com" there, or name a certificate/,
    ],
    [
      "the new side's record of an earlier migration",
      [alias(HOST, ALB, { SetIdentifier: "new-infra", Weight: 100 })],
      /has only the record of an earlier migration's new side/,
      /^Make it a plain record first/,
    ],
    [
      "a weighted set of several CNAMEs",
      [
        { ...plain(HOST, "CNAME", 60, "a.example.net"), SetIdentifier: "a", Weight: 1 },
        { ...plain(HOST, "CNAME", 60, "b.example.net"), SetIdentifier: "b", Weight: 1 },
      ],
      /not cutover's \(a, b\)/,
      /let api\.example\.com be one CNAME to that name/,
    ],
    [
      "failover with both members",
      [
        alias(HOST, ALB, { SetIdentifier: "first", Failover: "PRIMARY" }, true),
        alias(HOST, ALB, { SetIdentifier: "second", Failover: "SECONDARY" }),
      ],
      /is a failover set \(first, second\)/,
      /^Move the set, with a TTL of 60 s/,
    ],
  ];
  for (const [what, sets, why, mend] of REFUSED)
    it(`[traffic-6] ${what}: refused by name with what to do, by the doctor beforehand too, and nothing is changed`, async () => {
      const host = sets.find((s) => s.Name?.startsWith("api.sub."))?.Name ?? HOST;
      const { shown, failed, refused } = await zoneWith(sets, {}, host);
      const before = await shown();
      const [said] = await failed();
      expect(said?.detail).to.match(why);
      expect(said?.mend).to.match(mend);
      expect(await refused()).to.equal(said?.detail);
      expect(await shown()).to.deep.equal(before);
    });

  it("[traffic-6] IP-based routing is refused by name, with one member or several", () => {
    const member = (SetIdentifier: string, LocationName: string): ResourceRecordSet => ({
      ...plain(HOST, "A", 60, "198.51.100.7"),
      SetIdentifier,
      CidrRoutingConfig: { CollectionId: "c8c02a84-aaaa-bbbb-cccc-df0a3d5c0b0b", LocationName },
    });
    const at = { zoneId: "Z1", name: HOST, private: false };
    expect(judge(at, [member("office", "berlin")]).refused[0]).to.contain("is a CIDR set (office)");
    expect(judge(at, [member("office", "berlin"), member("rest", "*")]).refused[0])
      .to.contain("(office, rest)")
      .and.contain("one alias record to that name");
  });

  it("[traffic-4] a record that changed, or went, after the doctor looked is taken as it stands at the step, and never as it was", async () => {
    const { zoneId, config, shown, failed } = await zoneWith([
      plain(HOST, "A", 300, "198.51.100.7"),
      plain(HOST, "AAAA", 300, "2001:db8::7"),
    ]);
    expect(await failed()).to.deep.equal([]);
    const [v4, v6] = (await shown()) as [ResourceRecordSet, ResourceRecordSet];
    await batch(zoneId, { Action: "DELETE", ResourceRecordSet: v6 }, { Action: "UPSERT", ResourceRecordSet: { ...v4, TTL: 120 } });
    const { facts } = await adoptRecord(route53, config);
    const [adopted, ...others] = await shown();
    expect([adopted, others]).to.deep.equal([{ ...v4, TTL: 120, SetIdentifier: "old-infra", Weight: 100 }, []]);
    // And one that somebody made of another kind meanwhile, with a health check of theirs.
    const theirs = alias(
      HOST,
      ALB,
      { SetIdentifier: "old-infra", Weight: 100, HealthCheckId: "abcdef11-2222-3333-4444-555555fedcba" },
      true,
    );
    await batch(
      zoneId,
      { Action: "DELETE", ResourceRecordSet: adopted as ResourceRecordSet },
      { Action: "CREATE", ResourceRecordSet: theirs },
    );
    await releaseRecord(route53, config, facts);
    const { SetIdentifier: _, Weight: __, ...plainly } = theirs;
    expect(await shown()).to.deep.equal([plainly]);
  });

  it("[traffic-3] promise 2: no address family of a name is left without a weight, and where somebody gave the plain record back nothing is in the way", async () => {
    const { zoneId, config, shown } = await zoneWith([alias(HOST, ALB), alias(HOST, ALB, { Type: "AAAA" })]);
    const { facts } = await adoptRecord(route53, config);
    await put(zoneId, [{ ...plain(HOST, "A", 60, "203.0.113.9"), SetIdentifier: "new-infra", Weight: 0 }]);
    const before = await shown();
    const error = await setWeights(route53, config, { old: 0, new: 100 }).catch((e: Error) => e.message);
    expect(error).to.equal("promise 2: api.example.com AAAA would have no record with a weight above 0.");
    expect(await shown()).to.deep.equal(before);
    const fresh = before.filter((r) => r.SetIdentifier === "new-infra");
    await batch(zoneId, ...fresh.map((ResourceRecordSet) => ({ Action: "DELETE" as const, ResourceRecordSet })));
    await releaseRecord(route53, config, facts);
    const { summary } = await setWeights(route53, config, { old: 100, new: 0 });
    expect(summary).to.contain("without a weight, so the old side's alone: api.example.com A, api.example.com AAAA");
    const ahead = await setWeights(route53, config, { old: 50, new: 50 }).catch((e: Error) => e.message);
    expect(ahead).to.contain("promise 2");
  });

  it("[traffic-6] promise 5: a zone that is gone keeps no other one's users from being sent back, and is named", async () => {
    const { config, shown } = await zoneWith([alias(HOST, ALB)], {
      also: [{ name: HOST, zoneId: "Z00000000GONE", private: true }],
    });
    await adoptRecord(route53, { ...config, dns: { ...(config.dns as Dns), also: [] } });
    await batch(config.dns?.zoneId ?? "", {
      Action: "UPSERT",
      ResourceRecordSet: { ...((await shown())[0] as ResourceRecordSet), Weight: 1 },
    });
    const error = await setWeights(route53, config, { old: 100, new: 0 }).catch((e: Error) => e.message);
    expect(error).to.contain("NoSuchHostedZone").and.contain("Set: api.example.com: old-infra 100");
    expect((await shown()).map((r) => r.Weight)).to.deep.equal([100]);
  });

  it("[traffic-6] is throttled by Route 53, and tries again", async () => {
    const { config, shown } = await zoneWith([plain(HOST, "CNAME", 60, "old.example.net")]);
    let refusals = 0;
    const endpoint = await moto.behind((response) => {
      refusals += 1;
      if (refusals > 2) return false;
      response.writeHead(400, { "Content-Type": "text/xml" });
      response.end(
        "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
      );
      return true;
    });
    await adoptRecord(moto.clients({ endpoint }).route53, config);
    expect(refusals).to.be.greaterThan(2);
    expect((await shown())[0]).to.include({ SetIdentifier: "old-infra", Weight: 100 });
  });

  it("[traffic-6] a zone of hundreds of records is read to the name's last one", async () => {
    const names = Array.from({ length: 250 }, (_, i) => plain(`n${String(i).padStart(3, "0")}.example.com`, "A", 60, "198.51.100.7"));
    const { config, shown } = await zoneWith([...names, alias("zz.example.com", ALB)], {}, "zz.example.com");
    await adoptRecord(route53, config);
    expect((await shown())[0]).to.include({ SetIdentifier: "old-infra", Weight: 100 });
  });

  it("[traffic-6] a name that further zones hold is named with each, and a zone must be what the config says it is", async () => {
    const { config } = await zoneWith([alias(HOST, ALB)]);
    const inside = await hosted("example.com", true);
    const narrower = await hosted("api.example.com");
    await put(inside, [plain(HOST, "A", 60, "10.0.0.7")]);
    await put(narrower, [plain(HOST, "A", 60, "198.51.100.7")]);
    const look = async (dns: Partial<Dns>) => {
      const changed = { ...config, dns: { ...(config.dns as Dns), ...dns } };
      return zones(STACK, changed, moto.clients(), { address: "127.0.0.1", port: 1 });
    };
    const warned = (await look({})).filter((f) => f.standing === "warning" && (f.detail.includes(inside) || f.detail.includes(narrower)));
    expect(warned.map((f) => f.mend)).to.have.length(2);
    expect(warned.find((f) => f.detail.includes(inside))?.mend).to.contain(`{ name: ${HOST}, zoneId: ${inside}, private: true }`);
    const named = await look({ also: [{ name: HOST, zoneId: inside, private: true }] });
    expect(named.filter((f) => f.standing === "warning" && f.detail.includes(inside))).to.deep.equal([]);
    expect(named.find((f) => f.detail.includes(inside))).to.include({ standing: "ok" });
    const [wrong] = await look({ zoneId: inside });
    expect(wrong).to.include({ standing: "failed" });
    expect(wrong?.detail).to.contain("is a private one, and the stack config says otherwise");
    const [elsewhere] = await look({ zoneId: await hosted("example.org") });
    expect(elsewhere?.detail).to.contain("api.example.com is not below it");
  });

  it("[traffic-5] a TTL that resolvers hold for longer than the wait for them is said", async () => {
    const { config } = await zoneWith([plain(HOST, "CNAME", 86_400, "old.example.net")], { lowTtlForSeconds: 3_600 });
    const said = (await records(STACK, config, moto.clients())).filter((f) => f.standing === "warning");
    expect(said.map((f) => f.mend)).to.deep.equal(["Set dns.lowTtlForSeconds to 86400 or more."]);
  });
});
