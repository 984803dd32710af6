import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { expect } from "chai";
import { awsClients } from "../../../src/adapters/aws/clients.js";
import { findCreated } from "../../../src/adapters/aws/created.js";
import { STACK_TAG } from "../../../src/config/schema.js";
import { STACK } from "../../automation/model.js";
import { afterThisTest } from "../../support/cleanup.js";
import { motoForSuite } from "../../support/moto.js";

const ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation";

describe("what pods may do at AWS, where its creation was interrupted", function () {
  this.timeout(120_000);
  const moto = motoForSuite();

  it("promise 6: a role is found by its name, and only where the stack's program made it", async () => {
    const clients = moto.clients();
    for (const [name, stack] of [
      ["mine", STACK],
      ["theirs", "other-production"],
    ] as const)
      await clients.iam.send(
        new CreateRoleCommand({
          RoleName: name,
          AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [] }),
          Tags: [{ Key: STACK_TAG, Value: stack }],
        }),
      );
    const found = (name: string) => findCreated(clients, STACK, "aws:iam/role:Role", { name });
    expect(await found("mine")).to.equal("mine");
    expect(await found("theirs")).to.equal(undefined);
    expect(await found("nobodys")).to.equal(undefined);
  });

  /** moto has no associations: answers as the API reference shows them (API_ListPodIdentityAssociations, API_DescribePodIdentityAssociation). */
  it("promise 6: an association is found by its ServiceAccount, and only where the stack's program made it", async () => {
    const all = [
      { associationId: "a-mine", serviceAccount: "mine", tags: { [STACK_TAG]: STACK } },
      { associationId: "a-theirs", serviceAccount: "theirs", tags: {} },
    ].map((a) => ({ ...a, clusterName: "production", namespace: "production" }));
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://h");
      const id = /^\/clusters\/production\/pod-identity-associations\/(.+)$/.exec(pathname)?.[1];
      const wanted = (key: string, value: string) => [null, value].includes(searchParams.get(key));
      const listed = all.filter((a) => wanted("namespace", a.namespace) && wanted("serviceAccount", a.serviceAccount));
      const summaries = listed.map(({ tags: _, ...summary }) => summary);
      response.setHeader("Content-Type", "application/json");
      response.end(
        JSON.stringify(id === undefined ? { associations: summaries } : { association: all.find((a) => a.associationId === id) }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const before = { ...process.env };
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    const clients = awsClients({ region: "us-east-2", endpoint });
    afterThisTest(async () => {
      clients.close();
      process.env = before;
      await new Promise((resolve) => server.close(resolve));
    });
    const found = (serviceAccount: string) =>
      findCreated(clients, STACK, ASSOCIATION, { clusterName: "production", namespace: "production", serviceAccount });
    expect(await found("mine")).to.equal("a-mine");
    expect(await found("theirs")).to.equal(undefined);
    expect(await found("nobodys")).to.equal(undefined);
  });
});
