import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { UNKNOWN } from "../../src/sandbox/provider/properties.js";
import { checkInputs } from "../../src/sandbox/schema/check.js";
import { quantity } from "../../src/sandbox/schema/rules.js";

const RECORD = {
  zoneId: "Z1234567890ABC",
  name: "api.example.com",
  type: "A",
  setIdentifier: "old-infra",
  weightedRoutingPolicies: [{ weight: 90 }],
  ttl: 60,
  records: ["1.2.3.4"],
};
const record = (change: object) => checkInputs("aws:route53/record:Record", { ...RECORD, ...change });
const DEPLOYMENT = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web-api" },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web-api" } },
    template: { metadata: { labels: { app: "web-api" } }, spec: { containers: [{ name: "web-api", image: "x:1" }] } },
  },
};
const deployment = (spec: object) => checkInputs("kubernetes:apps/v1:Deployment", { ...DEPLOYMENT, spec: { ...DEPLOYMENT.spec, ...spec } });
const REPLICA = { identifier: "r", instanceClass: "db.r6g.large", replicateSourceDb: "prod-db", skipFinalSnapshot: true };
const replica = (change: object) => checkInputs("aws:rds/instance:Instance", { ...REPLICA, ...change });

describe("the sandbox's providers check inputs as the real ones do", () => {
  it("accept what is right, also where a value is not known yet", () => {
    expect(record({})).to.deep.equal([]);
    expect(record({ records: [UNKNOWN], zoneId: UNKNOWN })).to.deep.equal([]);
    expect(deployment({})).to.deep.equal([]);
    expect(replica({})).to.deep.equal([]);
  });

  const wrong: [string, { property: string; reason: string }[], string, RegExp][] = [
    ["a missing required property", record({ name: undefined }), "name", /missing required property "name"/],
    ["an unknown property", record({ wieght: 5 }), "wieght", /unknown property "wieght"/],
    ["a misspelt property", record({ Ttl: 60 }), "Ttl", /did you mean "ttl"\?/],
    ["a wrong type", record({ ttl: "60" }), "ttl", /expected a number, got the string "60"/],
    [
      "a wrong type deep inside",
      deployment({ template: { spec: { containers: [{ name: "a", ports: [{ containerPort: "http" }] }] } } }),
      "spec.template.spec.containers[0].ports[0].containerPort",
      /expected a number/,
    ],
    [
      "an unknown property deep inside",
      deployment({ template: { spec: { container: [] } } }),
      "spec.template.spec.container",
      /did you mean "containers"\?/,
    ],
    ["a negative weight", record({ weightedRoutingPolicies: [{ weight: -1 }] }), "weightedRoutingPolicies[0].weight", /0 to 255, got -1/],
    [
      "a fractional weight",
      record({ weightedRoutingPolicies: [{ weight: 0.5 }] }),
      "weightedRoutingPolicies[0].weight",
      /0 to 255, got 0.5/,
    ],
    ["a weight without set identifier", record({ setIdentifier: undefined }), "setIdentifier", /required with a routing policy/],
    ["a TTL of 0", record({ ttl: 0 }), "ttl", /from 1, got 0/],
    [
      "a TTL on an alias",
      record({ records: undefined, aliases: [{ name: "lb", zoneId: "Z1", evaluateTargetHealth: true }] }),
      "ttl",
      /alias record takes no TTL/,
    ],
    ["a user name on a replica", replica({ username: "app" }), "username", /conflicts with replicateSourceDb/],
    [
      "a primary without final snapshot",
      replica({ replicateSourceDb: undefined, skipFinalSnapshot: false }),
      "finalSnapshotIdentifier",
      /required/,
    ],
    [
      "a selector that matches no pod",
      deployment({ selector: { matchLabels: { app: "other" } } }),
      "spec.selector",
      /app=other is not among them/,
    ],
    [
      "requests above limits",
      deployment({
        template: {
          metadata: { labels: { app: "web-api" } },
          spec: { containers: [{ name: "a", resources: { requests: { memory: "1Gi" }, limits: { memory: "512Mi" } } }] },
        },
      }),
      "spec.template.spec.containers[0].resources.requests.memory",
      /1Gi is above the limit of 512Mi/,
    ],
    [
      "a wrong name",
      checkInputs("kubernetes:apps/v1:Deployment", { ...DEPLOYMENT, metadata: { name: "Web_API" } }),
      "metadata.name",
      /RFC 1123/,
    ],
    [
      "a misspelt ALB annotation",
      checkInputs("kubernetes:networking.k8s.io/v1:Ingress", {
        metadata: { name: "a", annotations: { "alb.ingress.kubernetes.io/schema": "internal" } },
        spec: {},
      }),
      'metadata.annotations["alb.ingress.kubernetes.io/schema"]',
      /unknown annotation/,
    ],
    [
      "an HPA upside down",
      checkInputs("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", {
        metadata: { name: "a" },
        spec: { minReplicas: 5, maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "a" } },
      }),
      "spec.minReplicas",
      /above maxReplicas/,
    ],
    [
      "an unknown field of a Rollout",
      checkInputs("kubernetes:argoproj.io/v1alpha1:Rollout", {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Rollout",
        metadata: { name: "a" },
        spec: { selector: {}, template: {}, strategy: { canary: { step: [] } } },
      }),
      "spec.strategy.canary.step",
      /did you mean "steps"\?/,
    ],
    ["a resource type nobody knows", checkInputs("aws:lambda/function:Function", {}), "", /does not know the resource type/],
  ];
  for (const [what, failures, property, reason] of wrong) {
    it(`refuse ${what}`, () => {
      const failure = failures.find((f) => f.property === property);
      expect(failure, JSON.stringify(failures)).to.not.equal(undefined);
      expect(failure?.reason).to.match(reason);
    });
  }

  it("compare quantities", () => {
    expect(quantity("250m")).to.equal(0.25);
    expect(quantity("1Gi")).to.equal(1_073_741_824);
  });

  it("hold to the declarations of exactly the installed packages", async () => {
    const root = projectRoot();
    const { generateSchema, PACKAGES } = (await import(pathToFileURL(join(root, "scripts", "generate-schema.mjs")).href)) as {
      generateSchema: (p: string) => Promise<unknown>;
      PACKAGES: string[];
    };
    expect(PACKAGES).to.deep.equal(["aws", "aws-native", "kubernetes"]);
    for (const name of PACKAGES) {
      const written = JSON.parse(await readFile(join(root, "src", "sandbox", "schema", `${name}.json`), "utf8"));
      expect(written, `run node scripts/generate-schema.mjs`).to.deep.equal(JSON.parse(JSON.stringify(await generateSchema(name))));
    }
  }).timeout(60_000);
});
