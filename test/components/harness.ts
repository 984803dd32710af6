import * as pulumi from "@pulumi/pulumi";
import { SEALED } from "../../src/policies/resource.js";
import { invoke } from "../../src/sandbox/provider/invokes.js";

export interface Registered {
  type: string;
  name: string;
  /** Plain inputs; secrets are unwrapped. */
  // biome-ignore lint/suspicious/noExplicitAny: inputs are looked into by path
  inputs: any;
  /** URN and id of the provider it was given; empty for the default one. */
  provider: string;
  /** The same with SEALED in the place of each secret, as policies see it. */
  sealed: Record<string, unknown>;
}

/**
 * Registers what a function makes, without an engine, and answers all custom resources in order.
 * @param call answers the providers' functions
 */
export async function registered(
  make: () => unknown,
  call: (token: string, inputs: Record<string, unknown>) => Record<string, unknown> = (token, inputs) => invoke(token, inputs, "us-east-2"),
): Promise<Registered[]> {
  const found: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom, provider }) => {
        if (custom !== false) found.push({ type, name, inputs, provider: provider ?? "", sealed: {} });
        const outputs: Record<string, unknown> = { ...inputs };
        if (type === "kubernetes:networking.k8s.io/v1:Ingress")
          outputs.status = { loadBalancer: { ingress: [{ hostname: "lb.example.com" }] } };
        if (type === "aws:acm/certificate:Certificate") {
          const option = { resourceRecordName: `_v.${inputs.domainName}.`, resourceRecordType: "CNAME", resourceRecordValue: "_v.acm." };
          Object.assign(outputs, { arn: "arn:certificate", domainValidationOptions: [option] });
        }
        if (type === "aws:iam/role:Role") outputs.arn = `arn:aws:iam::123456789012:role/${inputs.name}`;
        if (type === "aws:rds/instance:Instance") outputs.address = `${inputs.identifier}.rds.example.com`;
        return { id: `${name}-id`, state: outputs };
      },
      call: ({ token, inputs }) => call(token, inputs),
    },
    "cutover",
    "web-api-production",
  );
  await pulumi.runtime.runInPulumiStack(async () => {
    make();
    return {};
  });
  // Registrations wait for each other's outputs: it is quiet once a round brings nothing new.
  for (let before = -1, quiet = 0; quiet < 5; quiet = found.length === before ? quiet + 1 : 0) {
    before = found.length;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  return found.map(({ type, name, inputs, provider }) => ({
    type,
    name,
    provider,
    inputs: JSON.parse(JSON.stringify(unwrapped(inputs, (secret) => unwrapped(secret)))),
    sealed: unwrapped(inputs, () => SEALED) as Record<string, unknown>,
  }));
}

/** A value of the wire with something in the place of each secret. */
function unwrapped(value: unknown, ofSecret: (inner: unknown) => unknown = (inner) => inner): unknown {
  if (Array.isArray(value)) return value.map((v) => unwrapped(v, ofSecret));
  if (typeof value !== "object" || value === null) return value;
  const object = value as Record<string, unknown>;
  if (object["4dabf18193072939515e22adb298388d"] === "1b47061264138c4ac30d75fd1eb44270") return ofSecret(object.value);
  return Object.fromEntries(Object.entries(object).map(([k, v]) => [k, unwrapped(v, ofSecret)]));
}

/** The one resource of a type (and name). */
export function only(all: Registered[], type: string, name?: string): Registered["inputs"] {
  const found = all.filter((r) => r.type.endsWith(type) && (name === undefined || r.name === name));
  if (found.length !== 1)
    throw new Error(`${found.length} resources of ${type} ${name ?? ""}: ${all.map((r) => `${r.type} ${r.name}`).join(", ")}`);
  return found[0]?.inputs;
}
