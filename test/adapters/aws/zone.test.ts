import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand, type ResourceRecordSet } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import { adoptRecord, releaseRecord, setWeights } from "../../../src/adapters/aws/records.js";
import { judge, plainName, recordsAt } from "../../../src/adapters/aws/zone.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { records } from "../../../src/doctor/records.js";
import { RAW, STACK } from "../../automation/model.js";
import { toldTtl, toldWeight } from "../../support/awsReading.js";
import { motoForSuite } from "../../support/moto.js";

const CONFIG = readConfig(RAW, "test", STACK);
const HOST = "api.example.com";
const ALB = { HostedZoneId: "Z3AADJGX6KTTL2", DNSName: "dualstack.old-123.us-east-2.elb.amazonaws.com.", EvaluateTargetHealth: true };
const alias = (Name: string, Type: "A" | "AAAA" = "A", AliasTarget = ALB): ResourceRecordSet => ({ Name, Type, AliasTarget });
const plain = (Name: string, Type: ResourceRecordSet["Type"], TTL: number, ...values: string[]): ResourceRecordSet => ({
  Name,
  Type,
  TTL,
  ResourceRecords: values.map((Value) => ({ Value })),
});

/** Every kind of record that public zones hold for a web application, in the form Route 53 answers with. */
const KINDS: Record<string, ResourceRecordSet[]> = {
  "an alias to a load balancer": [alias(HOST)],
  "an alias to CloudFront": [
    alias(HOST, "A", { HostedZoneId: "Z2FDTNDATAQYW2", DNSName: "d111abc.cloudfront.net.", EvaluateTargetHealth: false }),
  ],
  "an alias to an API gateway": [
    alias(HOST, "A", {
      HostedZoneId: "ZOJJZC49E0EPZ",
      DNSName: "d-abc.execute-api.us-east-2.amazonaws.com.",
      EvaluateTargetHealth: false,
    }),
  ],
  "an alias to another record": [
    alias(HOST, "A", { HostedZoneId: "ZONE", DNSName: "live.example.com.", EvaluateTargetHealth: false }),
    plain("live.example.com", "A", 60, "198.51.100.7"),
  ],
  "a CNAME": [plain(HOST, "CNAME", 300, "old-123.us-east-2.elb.amazonaws.com")],
  "several addresses": [plain(HOST, "A", 3_600, "198.51.100.7", "198.51.100.8")],
  "A and AAAA aliases of a dual-stack load balancer": [alias(HOST), alias(HOST, "AAAA")],
};

describe("the records that answer today", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let zones = 0;

  /** A fresh zone with these records, and a config that names it. */
  async function zoneWith(sets: ResourceRecordSet[], patch: Partial<NonNullable<StackConfig["dns"]>> = {}, dualstack = true) {
    const clients = moto.clients();
    const { route53 } = clients;
    const hosted = async () => {
      zones += 1;
      const { HostedZone } = await route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: `zone ${zones}` }));
      return (HostedZone?.Id ?? "").replace("/hostedzone/", "");
    };
    const zoneId = await hosted();
    const put = (records: ResourceRecordSet[], id = zoneId) =>
      route53.send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId: id,
          ChangeBatch: {
            Changes: records.map((record) => ({
              Action: "CREATE" as const,
              ResourceRecordSet: {
                ...record,
                ...(record.AliasTarget?.HostedZoneId === "ZONE" ? { AliasTarget: { ...record.AliasTarget, HostedZoneId: id } } : {}),
              },
            })),
          },
        }),
      );
    if (sets.length > 0) await put(sets);
    const dns = { ...(CONFIG.dns as NonNullable<StackConfig["dns"]>), zoneId, ...patch };
    const ingress = {
      ...(CONFIG.ingress as NonNullable<StackConfig["ingress"]>),
      ipAddressType: dualstack ? ("dualstack" as const) : ("ipv4" as const),
    };
    const config: StackConfig = { ...CONFIG, dns, ingress };
    const shown = async (name = HOST, id = zoneId) => (await recordsAt(route53, id, name)).map((r) => ({ ...r, Name: plainName(r.Name) }));
    const findings = () => records(STACK, config, clients);
    const weight = () => toldWeight(clients, config);
    return { clients, route53, config, zoneId, put, shown, findings, hosted, weight };
  }

  for (const [kind, sets] of Object.entries(KINDS)) {
    it(`[traffic-1] [traffic-2] [traffic-3] [traffic-4] promises 2, 5: ${kind}: kept with a weight, moved and given back exactly`, async () => {
      const { route53, config, shown, findings, put, weight } = await zoneWith(sets);
      const before = await shown();
      const said = await findings();
      expect(said.filter((f) => f.standing === "failed")).to.deep.equal([]);
      for (const { Type } of before) expect(said.map((f) => f.detail).join("\n")).to.contain(`${HOST} ${Type}`);

      const { facts } = await adoptRecord(route53, config);
      const weighted = await shown();
      expect(weighted).to.deep.equal(before.map((r) => ({ ...r, SetIdentifier: "old-infra", Weight: 100 })));
      // Asked again after a crash: no second effect, and the same facts.
      expect((await adoptRecord(route53, config)).facts).to.deep.equal(facts);

      await put(
        before.map(({ Name, Type }) => ({
          ...plain(Name ?? "", Type, 60, Type === "AAAA" ? "2001:db8::1" : Type === "CNAME" ? "new.example.net" : "203.0.113.9"),
          SetIdentifier: "new-infra",
          Weight: 0,
        })),
      );
      await setWeights(route53, config, { old: 25, new: 75 });
      expect(await weight()).to.deep.equal({ known: true, value: 75 });
      const weights = (await shown()).map((r) => [r.Type, r.SetIdentifier, r.Weight]);
      for (const { Type } of before) {
        expect(weights).to.deep.include([Type, "old-infra", 25]);
        expect(weights).to.deep.include([Type, "new-infra", 75]);
      }
      // While a record of the new side stands, a plain one would be refused: it stays weighted, and nothing is dark.
      expect((await releaseRecord(route53, config, facts)).summary).to.contain("Still weighted");

      await setWeights(route53, config, { old: 100, new: 0 });
      const fresh = (await shown()).filter((r) => r.SetIdentifier === "new-infra");
      await route53.send(
        new ChangeResourceRecordSetsCommand({
          HostedZoneId: config.dns?.zoneId,
          ChangeBatch: { Changes: fresh.map((ResourceRecordSet) => ({ Action: "DELETE" as const, ResourceRecordSet })) },
        }),
      );
      // The TTL was lowered meanwhile: the way back gives the earlier one back.
      const low = (await shown()).filter((r) => r.TTL !== undefined).map((r) => ({ ...r, TTL: 60 }));
      if (low.length > 0)
        await route53.send(
          new ChangeResourceRecordSetsCommand({
            HostedZoneId: config.dns?.zoneId,
            ChangeBatch: { Changes: low.map((ResourceRecordSet) => ({ Action: "UPSERT" as const, ResourceRecordSet })) },
          }),
        );
      await releaseRecord(route53, config, facts);
      expect(await shown()).to.deep.equal(before);
      await releaseRecord(route53, config, facts);
      expect(await shown()).to.deep.equal(before);
    });
  }

  it("[traffic-4] what somebody changed since is kept: by the weights, and on the way back", async () => {
    const { route53, config, shown, zoneId } = await zoneWith([plain(HOST, "A", 300, "198.51.100.7")]);
    const { facts } = await adoptRecord(route53, config);
    const [adopted] = await shown();
    const moved = { ...(adopted as ResourceRecordSet), ResourceRecords: [{ Value: "198.51.100.99" }] };
    await route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet: moved }] },
      }),
    );
    await setWeights(route53, config, { old: 100, new: 0 });
    await releaseRecord(route53, config, facts);
    expect(await shown()).to.deep.equal([plain(HOST, "A", 300, "198.51.100.99")]);
  });

  it("[traffic-6] several names move together: another name, an apex, a wildcard, and the host in a private zone", async () => {
    const all = await zoneWith([
      alias(HOST),
      alias("example.com"),
      plain("www.example.com", "CNAME", 300, "example.com"),
      alias("*.example.com"),
    ]);
    const inside = await all.hosted();
    await all.put([plain(HOST, "A", 120, "10.0.0.7")], inside);
    const also = [
      { name: "example.com", private: false },
      { name: "www.example.com", private: false },
      { name: "*.example.com", private: false },
      { name: HOST, zoneId: inside, private: true },
    ];
    const config = { ...all.config, dns: { ...(all.config.dns as NonNullable<StackConfig["dns"]>), also } };
    const { facts } = await adoptRecord(all.route53, config);
    await setWeights(all.route53, config, { old: 100, new: 0 });
    for (const [name, zone, type] of [
      [HOST, all.zoneId, "A"],
      ["example.com", all.zoneId, "A"],
      ["www.example.com", all.zoneId, "CNAME"],
      ["*.example.com", all.zoneId, "A"],
      [HOST, inside, "A"],
    ] as const) {
      const found = (await all.shown(name, zone)).filter((r) => r.Type === type);
      expect(found, `${name} in ${zone}`).to.have.length(1);
      expect(found[0]).to.include({ SetIdentifier: "old-infra", Weight: 100 });
    }
    await releaseRecord(all.route53, config, facts);
    expect(await all.shown(HOST, inside)).to.deep.equal([plain(HOST, "A", 120, "10.0.0.7")]);
    expect(await all.shown("*.example.com")).to.deep.equal([alias("*.example.com")]);
  });

  it("[traffic-6] a name that a wildcard answers for gets a record of its own, and loses it on the way back", async () => {
    const { route53, config, shown } = await zoneWith([alias("*.example.com")]);
    const { facts } = await adoptRecord(route53, config);
    expect(await shown()).to.deep.equal([{ ...alias(HOST), SetIdentifier: "old-infra", Weight: 100 }]);
    expect(await shown("*.example.com")).to.deep.equal([alias("*.example.com")]);
    await releaseRecord(route53, config, facts);
    expect(await shown()).to.deep.equal([]);
  });

  const POLICIES: [string, ResourceRecordSet[], string][] = [
    ["weights of somebody else", [{ ...alias(HOST), SetIdentifier: "theirs", Weight: 1 }], "not cutover's (theirs)"],
    ["latency", [{ ...alias(HOST), SetIdentifier: "ohio", Region: "us-east-2" }], "is a latency set (ohio)"],
    ["geolocation", [{ ...alias(HOST), SetIdentifier: "eu", GeoLocation: { ContinentCode: "EU" } }], "is a geolocation set (eu)"],
    ["failover", [{ ...alias(HOST), SetIdentifier: "first", Failover: "PRIMARY" }], "is a failover set (first)"],
    [
      "multivalue",
      [{ ...plain(HOST, "A", 60, "198.51.100.7"), SetIdentifier: "one", MultiValueAnswer: true }],
      "is a multivalue set (one)",
    ],
    ["a delegation", [plain(HOST, "NS", 300, "ns1.example.net")], "is delegated to another zone"],
    [
      "an HTTPS record with hints",
      [alias(HOST), plain(HOST, "HTTPS" as never, 300, "1 . alpn=h2 ipv4hint=198.51.100.7")],
      "leads browsers past",
    ],
    ["nothing", [], "there is nothing to take over"],
  ];
  for (const [what, sets, expected] of POLICIES) {
    it(`[traffic-6] ${what}: refused by name with what to do, and nothing is changed`, async () => {
      const { refused } = judge({ zoneId: "Z1", name: HOST, private: false }, sets);
      expect(refused.join(" ")).to.contain(HOST).and.contain(expected);
    });
  }

  it("[traffic-2] [traffic-6] refuses at AWS itself: a latency set, and a CNAME at the apex; the doctor says the same beforehand", async () => {
    const { route53, config, shown, findings } = await zoneWith([{ ...alias(HOST), SetIdentifier: "ohio", Region: "us-east-2" }]);
    const before = await shown();
    const error = await adoptRecord(route53, config).catch((e: Error) => e.message);
    expect(error).to.contain("is a latency set (ohio)").and.contain("one alias record");
    expect(await shown()).to.deep.equal(before);
    const [finding] = await findings();
    expect(finding).to.include({ standing: "failed", check: "DNS records" });
    expect(finding?.detail).to.equal(error);
    const apex = [{ Name: "example.com.", Type: "SOA" as const }, plain("example.com", "CNAME", 60, "old.example.net")];
    expect(judge({ zoneId: "Z1", name: "example.com", private: false }, apex).refused[0])
      .to.contain("is the apex")
      .and.contain("alias record");
  });

  it("[traffic-3] AAAA beside a new load balancer without IPv6 is refused before anything moves", async () => {
    const { route53, config, shown, findings } = await zoneWith([alias(HOST), alias(HOST, "AAAA")], {}, false);
    const error = await adoptRecord(route53, config).catch((e: Error) => e.message);
    expect(error).to.contain("set ingress.ipAddressType to dualstack");
    expect((await shown()).every((r) => r.SetIdentifier === undefined)).to.equal(true);
    expect((await findings()).find((f) => f.standing === "failed")?.detail).to.contain("ipAddressType");
  });

  it("[traffic-5] an alias has 60 s: a TTL below is refused, one above is said and not used beside the new side's alias", async () => {
    const low = await zoneWith([alias(HOST)], { cutoverTtlSeconds: 30 });
    expect(await adoptRecord(low.route53, low.config).catch((e: Error) => e.message)).to.contain("cutoverTtlSeconds must be 60, not 30");
    const high = await zoneWith([alias(HOST)], { cutoverTtlSeconds: 300 });
    await adoptRecord(high.route53, high.config);
    expect(await toldTtl(high.clients, high.config)).to.deep.equal({
      known: true,
      value: 60,
    });
    const said = (await high.findings()).filter((f) => f.standing === "warning").map((f) => f.detail);
    expect(said.join("\n")).to.contain("cutoverTtlSeconds is 300").and.contain("(old.endpoints)");
  });
});
