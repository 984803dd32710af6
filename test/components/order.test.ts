import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { MigratedApp } from "../../src/components/MigratedApp.js";
import { type ConfigPatch, patched, readConfig } from "../../src/config/stackFile.js";
import { RAW, STACK } from "../automation/model.js";
import { registered } from "./harness.js";

const IMAGE = "example.org/web-api:1.1.0";

/** What is registered of a strategy, in order: what depends on something comes after it. */
async function order(strategy: object, patch: ConfigPatch = {}): Promise<string[]> {
  const config = readConfig(patched(RAW, { "workload.deployed": true, strategy, ...patch }), "test", STACK);
  const secrets = pulumi.secret<Record<string, string>>({ "database-password": "made-up" }) as pulumi.Output<Record<string, string>>;
  const all = await registered(() => new MigratedApp("web-api", { config, secrets }));
  return all.flatMap(({ type, name }) =>
    /:(Rollout|Deployment|Ingress|Service|Record)$/.test(type) && !name.includes("synthetic") ? [`${type.split(":").at(-1)} ${name}`] : [],
  );
}

function comesFirst(all: string[], first: string, second: string): void {
  expect(all).to.include.members([first, second]);
  expect(all.indexOf(first), `${first} before ${second}: ${all.join(", ")}`).to.be.below(all.indexOf(second));
}

describe("the order of pods and of what sends requests to them", () => {
  it("[traffic-12] [traffic-14] pods that get no requests yet come after the Services and the Ingress that names them, so that they get its readiness gate", async () => {
    const waiting = await order({ kind: "canary", image: IMAGE, workload: "both", pingPong: true, rolloutWeight: 0 });
    comesFirst(waiting, "Deployment web-api", "Ingress web-api");
    comesFirst(waiting, "Service web-api-ping", "Ingress web-api");
    comesFirst(waiting, "Ingress web-api", "Rollout web-api");
    const green = await order({ kind: "blue-green", image: IMAGE, green: true, greenWeight: 0 });
    comesFirst(green, "Deployment web-api-blue", "Ingress web-api");
    comesFirst(green, "Service web-api-green", "Ingress web-api");
    comesFirst(green, "Ingress web-api", "Deployment web-api-green");
  });

  it("pods that get requests come before the Ingress that sends them", async () => {
    const routed = await order({ kind: "canary", image: IMAGE, workload: "both", pingPong: true, rolloutWeight: 100 });
    comesFirst(routed, "Rollout web-api", "Ingress web-api");
    comesFirst(
      await order({ kind: "blue-green", image: IMAGE, green: true, greenWeight: 50 }),
      "Deployment web-api-green",
      "Ingress web-api",
    );
  });

  it("[applications-14] users of a web process that may run only once are sent to it after its pod", async () => {
    const moved = await order(
      { kind: "rolling", image: IMAGE },
      {
        "workload.once": true,
        "workload.replicas": 1,
        "handover.once": "new",
        "dns.steps": [100],
        "dns.records": "both",
        "dns.weights": { old: 0, new: 100 },
      },
    );
    const records = moved.filter((r) => r.startsWith("Record ") && !r.includes("validation"));
    expect(records).to.have.length.at.least(2);
    comesFirst(moved, "Deployment web-api", "Ingress web-api");
    comesFirst(moved, "Ingress web-api", records.find((r) => r.includes("new")) ?? "none");
  });
});
