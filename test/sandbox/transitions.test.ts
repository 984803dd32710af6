import { join } from "node:path";
import { expect } from "chai";
import { readConfig } from "../../src/config/stackFile.js";
import type { Properties } from "../../src/sandbox/backend.js";
import { invoke } from "../../src/sandbox/provider/invokes.js";
import { planned } from "../../src/sandbox/provider/planned.js";
import { checkInputs } from "../../src/sandbox/schema/check.js";
import { World } from "../../src/sandbox/world/world.js";
import { sampleStacks } from "../support/samples.js";
import { tempFolder } from "../support/tmp.js";
import { TRANSITIONS, type Transition } from "./transitions.js";

/** What the sandbox does, in the table's words: its provider's check and plan, then the service behind it. */
async function outcomeOf(world: World, { resource: type, from, to, plannedOnly }: Transition): Promise<string> {
  const [failure] = checkInputs(type, to as Properties);
  if (failure !== undefined) return `refused: ${failure.reason}`;
  const plan = from === undefined ? undefined : planned(type, from as Properties, to as Properties, { secretsMutable: true });
  if (plan !== undefined && plan.replacing.length > 0) return "replace";
  if (plan !== undefined && plan.differences.length === 0) return "no change";
  const what = plan === undefined ? "create" : "update";
  if (plannedOnly === true) return what;
  const ref = { type, urn: `urn:pulumi:s::p::${type}::n` };
  try {
    if (from === undefined) await world.create(ref, to as Properties);
    else {
      const { id, outputs } = await world.create(ref, from as Properties);
      await world.update(ref, id, outputs, to as Properties);
    }
    return what;
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
}

describe("what the sandbox's providers do from one set of inputs to another is what the real ones do", () => {
  for (const [i, transition] of TRANSITIONS.entries()) {
    const { resource, what, outcome, source } = transition;
    const expected = typeof outcome === "string" ? outcome : `refused, ${outcome.refused.source}`;
    it(`${resource.split(":").at(-1)}: ${what} → ${expected} (${source})`, async () => {
      const [sample] = (await sampleStacks()).filter((s) => s.stack === "web-api-production");
      const config = readConfig(sample?.raw ?? {}, "a sample", "web-api-production");
      const folder = tempFolder(`transition-${i}`);
      const world = new World(join(folder, "w.json"), "web-api-production", async () => config, 1, []);
      const found = await outcomeOf(world, transition);
      if (typeof outcome === "string") expect(found).to.equal(outcome);
      else expect(found.replace(/^refused: /, "")).to.match(outcome.refused);
    });
  }

  it("know the load balancers' zone of every region that has one", () => {
    const zoneOf = (region: string) => invoke("aws:lb/getHostedZoneId:getHostedZoneId", {}, region).id;
    for (const region of ["af-south-1", "cn-north-1", "us-gov-west-1", "mx-central-1", "us-east-2", "eu-central-2"])
      expect(zoneOf(region), region).to.match(/^Z[A-Z0-9]{10,}$/);
    expect(() => zoneOf("mars-1")).to.throw("unsupported ELBv2 Region (mars-1)");
  });
});
