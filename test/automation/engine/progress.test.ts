import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { Progress, resourceEvent } from "../../../src/automation/engine/progress.js";

const URN = "urn:pulumi:web-api-production::cutover::cutover:MigratedApp$aws:rds/instance:Instance::prod-db-replica";
const metadata = (op: string, urn = URN) => ({ op, urn, type: urn.split("::")[2] }) as never;
const of = (event: object): ReturnType<typeof resourceEvent> => resourceEvent(event as EngineEvent);

describe("what the engine is at", () => {
  it("[people-16] is each resource from its first event until it is done or failed; what stays as it is takes no time", () => {
    const progress = new Progress();
    const take = (event: object, now: number): void => {
      const told = of(event);
      if (told !== undefined) progress.take("web-api-production", told, now);
    };
    take({ resourcePreEvent: { metadata: metadata("same", `${URN}-other`) } }, 1);
    take({ resourcePreEvent: { metadata: metadata("create") } }, 2);
    take({ resourcePreEvent: { metadata: metadata("update", `${URN}-2`) } }, 3);
    take({ diagnosticEvent: { message: "creating" } }, 4);
    expect(progress.of("web-api-production")).to.deep.equal([
      { name: "prod-db-replica", type: "aws:rds/instance:Instance", op: "create", since: 2 },
      { name: "prod-db-replica-2", type: "aws:rds/instance:Instance", op: "update", since: 3 },
    ]);
    expect(progress.of("another"), "another stack").to.deep.equal([]);
    take({ resOutputsEvent: { metadata: metadata("create") } }, 5);
    take({ resOpFailedEvent: { metadata: metadata("update", `${URN}-2`) } }, 6);
    expect(progress.of("web-api-production")).to.deep.equal([]);
    take({ resourcePreEvent: { metadata: metadata("delete") } }, 7);
    progress.end("web-api-production");
    expect(progress.of("web-api-production"), "the update has ended").to.deep.equal([]);
  });
});
