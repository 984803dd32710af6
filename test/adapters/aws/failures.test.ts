import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { expect } from "chai";
import { awsClients } from "../../../src/adapters/aws/clients.js";
import { discoverDatabases, discoverInstances } from "../../../src/adapters/aws/discovery.js";
import { projectRoot } from "../../../src/engine/engine.js";
import { Terminal, Transient } from "../../../src/errors.js";
import { motoForSuite } from "../../support/moto.js";
import { database } from "./account.js";

const REGION = "us-east-2";

describe("AWS calls that fail", function () {
  this.timeout(60_000);
  const moto = motoForSuite();
  const { behind } = moto;
  const throttled = (response: ServerResponse): boolean => {
    response.writeHead(400, { "Content-Type": "text/xml" });
    response.end(
      "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
    );
    return true;
  };

  it("are tried again while the service throttles, with pauses that differ, and the answer is complete", async () => {
    await database(moto.clients(), "prod-db");
    const tries: number[] = [];
    const endpoint = await behind((response) => tries.push(performance.now()) <= 2 && throttled(response));
    const found = await discoverDatabases(moto.clients({ endpoint }));
    expect(found.map((d) => d.identifier)).to.deep.equal(["prod-db"]);
    expect(tries).to.have.length(3);
    const pauses = tries.slice(1).map((t, i) => t - (tries[i] ?? 0));
    expect(new Set(pauses.map(Math.round)).size, "jitter").to.be.above(1);
  });

  it("are passing failures once the service throttles for too long, and say of which action", async () => {
    const error = await discoverDatabases(moto.clients({ endpoint: await behind(throttled) }, { attempts: 2 })).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Transient).with.property("message").that.contains("rds:DescribeDBInstances: Throttling: Rate exceeded");
  });

  it("end at their deadline when the service is silent", async () => {
    const endpoint = await behind(() => true);
    const error = await discoverDatabases(moto.clients({ endpoint }, { requestMs: 100, attempts: 2 })).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Transient).with.property("message").that.contains("rds:DescribeDBInstances: TimeoutError");
  });

  it("name the action whose service cannot be reached", async () => {
    const away = awsClients({ region: REGION, endpoint: "http://127.0.0.1:1" }, { attempts: 2 });
    const error = await discoverDatabases(away).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Transient).with.property("message").that.contains("rds:DescribeDBInstances");
    away.close();
  });

  describe("for want of a permission", () => {
    /** IAM as moto has it, by its own protocol: cutover has no client of it. */
    const iam = async (action: string, parameters: Record<string, string> = {}): Promise<string> => {
      const answer = await fetch(moto.endpoint(), {
        method: "POST",
        headers: { Authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=0` },
        body: new URLSearchParams({ Action: action, Version: "2010-05-08", UserName: "cutover", ...parameters }),
      });
      const text = await answer.text();
      expect(answer.status, text).to.equal(200);
      return text;
    };
    const identity: Record<string, string> = {};
    const as = async <T>(credentials: Record<string, string>, run: () => Promise<T>): Promise<T> => {
      const before = { ...process.env };
      Object.assign(process.env, credentials);
      try {
        return await run();
      } finally {
        Object.assign(process.env, before);
      }
    };

    before("an identity with the rights of deploy/iam-policy.json less one, in an account that asks", async () => {
      await iam("CreateUser");
      const keys = await iam("CreateAccessKey");
      identity.AWS_ACCESS_KEY_ID = /<AccessKeyId>(.*)<\/AccessKeyId>/.exec(keys)?.[1] ?? "";
      identity.AWS_SECRET_ACCESS_KEY = /<SecretAccessKey>(.*)<\/SecretAccessKey>/.exec(keys)?.[1] ?? "";
      const policy = await readFile(join(projectRoot(), "deploy", "iam-policy.json"), "utf8");
      await iam("PutUserPolicy", { PolicyName: "cutover", PolicyDocument: policy.replace('"rds:DescribeDBInstances",', "") });
      await fetch(`${moto.endpoint()}/moto-api/reset-auth`, { method: "POST", body: "0" });
    });

    it("name the action and where to allow it; what is allowed goes on", async () => {
      await as(identity, async () => {
        const clients = awsClients({ region: REGION, endpoint: moto.endpoint() });
        expect(await discoverInstances(clients)).to.deep.equal([]);
        const error = await discoverDatabases(clients).catch((e: Terminal) => e);
        expect(error)
          .to.be.instanceOf(Terminal)
          .with.property("message")
          .that.matches(/^The permission rds:DescribeDBInstances is missing: /);
        expect((error as Terminal).next).to.equal("Allow rds:DescribeDBInstances in the policy of the identity that cutover runs with.");
        clients.close();
      });
    });
  });
});
