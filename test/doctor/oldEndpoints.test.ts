import { expect } from "chai";
import { parse } from "yaml";
import { endpointsOf, oldAddressesOf, oldBalancerOf } from "../../src/config/oldSide.js";
import type { StackConfig } from "../../src/config/schema.js";
import { readConfig } from "../../src/config/stackFile.js";
import { oldEndpoints } from "../../src/doctor/oldEndpoints.js";
import { RAW, STACK } from "../automation/model.js";

const CONFIG = readConfig(RAW, "test", STACK);
const OLD = CONFIG.old as NonNullable<StackConfig["old"]>;
const arnOf = (name: string) => `arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/app/${name}/50dc6c495c0c9188`;

describe("cutover doctor looks at the form of the old side", () => {
  const looked = (old: Partial<StackConfig["old"]>) => {
    const { addresses: _, loadBalancerArn: __, ...rest } = OLD;
    const config: StackConfig = { ...CONFIG, old: { ...rest, endpoints: [], ...old } };
    return { config, found: oldEndpoints(STACK, config) };
  };

  it("[traffic-1] earlier forms count as before, and what is proposed in their place means the same", () => {
    const { config, found } = looked({
      addresses: ["192.0.2.7"],
      loadBalancerArn: arnOf("old"),
      endpoints: [{ kind: "auto-scaling-group", name: "web" }],
    });
    expect(found.map((f) => f.standing)).to.deep.equal(["warning"]);
    expect(found[0]?.detail).to.contain("old.loadBalancerArn and old.addresses are earlier forms");
    const [, yaml = ""] = (found[0]?.mend ?? "").split("under cutover:old:\n");
    const proposed = looked(parse(yaml) as Partial<StackConfig["old"]>);
    expect(proposed.found).to.deep.equal([]);
    for (const read of [oldBalancerOf, oldAddressesOf, (c: StackConfig) => endpointsOf(c.old)])
      expect(read(proposed.config)).to.deep.equal(read(config));
  });

  it("[traffic-1] a second load balancer is named: one is measured and removed", () => {
    const { found } = looked({ endpoints: [arnOf("one"), arnOf("two")].map((arn) => ({ kind: "load-balancer" as const, arn })) });
    expect(found[0]?.detail).to.contain("has 2 load balancers").and.contain(arnOf("two")).and.not.contain(arnOf("one"));
    expect(looked({ endpoints: [{ kind: "host", name: "old.example.com" }] }).found).to.deep.equal([]);
  });
});
