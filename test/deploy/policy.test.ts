import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";

/** Prefix of IAM actions by the package of the service's client; those not named go by the package's own name. */
const PREFIXES: Record<string, string> = {
  "auto-scaling": "autoscaling",
  "cost-explorer": "ce",
  "elastic-load-balancing-v2": "elasticloadbalancing",
  "route-53": "route53",
};
/** Actions that are not named like their calls. */
const NAMED_OTHERWISE: Record<string, string> = { "s3:ListBuckets": "s3:ListAllMyBuckets" };

/** Every call of AWS that the sources import, as IAM actions: what is imported and never sent is refused by the linter. */
async function called(): Promise<string[]> {
  const folder = join(projectRoot(), "src");
  // What the engine's state bucket is asked is the engine's identity's: docs/deployment.md.
  const files = (await readdir(folder, { recursive: true })).filter((n) => n.endsWith(".ts") && n !== join("engine", "lockPlaces.ts"));
  const found = new Set<string>();
  for (const file of files) {
    const text = await readFile(join(folder, file), "utf8");
    for (const [, names = "", service = ""] of text.matchAll(/import \{([^}]*)\} from "@aws-sdk\/client-([a-z0-9-]+)"/g))
      for (const name of names.split(",").map((n) => n.trim().replace(/ as .*/, ""))) {
        const [, command, pages] = /^(?:(\w+)Command|paginate(\w+))$/.exec(name) ?? [];
        const call = command ?? pages;
        if (call === undefined) continue;
        const action = `${PREFIXES[service] ?? service}:${call}`;
        found.add(NAMED_OTHERWISE[action] ?? action);
      }
  }
  return [...found].sort();
}

describe("deploy/iam-policy.json", () => {
  it("allows exactly the calls that the sources make, each once, and nothing by a wildcard", async () => {
    const policy = JSON.parse(await readFile(join(projectRoot(), "deploy", "iam-policy.json"), "utf8")) as {
      Statement: { Sid: string; Action: string[]; Condition?: object }[];
    };
    const allowed = policy.Statement.flatMap((s) => s.Action);
    expect([...allowed].sort()).to.deep.equal(await called());
    expect(allowed.filter((a) => a.includes("*"))).to.deep.equal([]);
  });

  it("lets only what looks at things do so without a condition on what it is about", async () => {
    const { Statement } = JSON.parse(await readFile(join(projectRoot(), "deploy", "iam-policy.json"), "utf8")) as {
      Statement: { Action: string[]; Resource: string | string[]; Condition?: object }[];
    };
    const changing = /:(?!Describe|List|Get)/;
    const open = Statement.filter((s) => s.Resource === "*" && s.Condition === undefined).flatMap((s) => s.Action);
    expect(open.filter((a) => changing.test(a))).to.deep.equal([]);
  });
});
