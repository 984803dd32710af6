import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { awsClients } from "../../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { discoverDatabases, discoverInstances } from "../../../src/adapters/aws/discovery.js";
import { cloudwatchLag } from "../../../src/adapters/aws/observations.js";
import { loadBalancerRequests } from "../../../src/adapters/aws/requests.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { projectRoot } from "../../../src/engine/engine.js";
import { Terminal, Transient } from "../../../src/errors.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { database, instances } from "./account.js";

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

  describe("for want of a network pass: going on later costs less than a cutover undone", () => {
    before("credentials, so that the calls are made", () =>
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" }),
    );
    const failing = async (endpoint: string) => {
      const clients = awsClients({ region: REGION, endpoint }, { attempts: 1 });
      const error = await discoverDatabases(clients).catch((e: Error) => e);
      clients.close();
      return error;
    };

    it("where a name's addresses all refuse, each with an error of its own", async () => {
      expect(await failing("http://localhost:1")).to.be.instanceOf(Transient);
    });

    it("where the connection ends before it is secure", async () => {
      const server = createServer((socket) => socket.end());
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const error = await failing(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
      server.close();
      expect(error).to.be.instanceOf(Transient);
    });

    it("where a name is not found", async () => {
      expect(await failing("http://rds.nowhere.invalid")).to.be.instanceOf(Transient);
    });

    const withCode = (code: string, message = "it failed") => Object.assign(new Error(message), { code });
    const codes = "ECONNRESET ECONNREFUSED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN".split(" ");
    /** An account whose calls fail so in the place of the network, which cannot be had to fail in each way here. */
    const failingWith = async (error: Error) => {
      const clients = awsClients({ region: REGION, endpoint: "http://127.0.0.1:1" }, { attempts: 1 });
      clients.rds.middlewareStack.add(() => () => Promise.reject(error), { step: "deserialize", priority: "low", name: "failing" });
      const told = await discoverDatabases(clients).catch((e: Error) => e);
      clients.close();
      return told;
    };
    for (const code of codes) {
      it(`${code}, of itself, as a cause, and as one of several`, async () => {
        for (const error of [withCode(code), new Error("it failed", { cause: withCode(code) }), new AggregateError([withCode(code)])])
          expect(await failingWith(error)).to.be.instanceOf(Transient);
      });
    }

    it("but no other code", async () => {
      expect(await failingWith(withCode("ERR_INVALID_URL"))).to.be.instanceOf(Terminal);
    });
  });

  describe("half: promise 10, what CloudWatch has not measured is unknown, never 0", () => {
    const config = readConfig(RAW, "test", STACK);
    /** A CloudWatch that answers so: what moto answers is always complete. */
    const answering = async (results: object[], more: object = {}) => {
      const endpoint = await behind((response) => {
        response.writeHead(200, { "Content-Type": "application/x-amz-json-1.0" });
        response.end(JSON.stringify({ MetricDataResults: results, ...more }));
        return true;
      });
      return moto.clients({ endpoint });
    };
    const result = (Id: string, values: number[], more: object = {}) => ({
      Id,
      StatusCode: "Complete",
      Timestamps: values.map(() => Date.now() / 1_000 - 60),
      Values: values,
      ...more,
    });
    const others = [result("unconnected", []), result("times", [])];
    const [requests, own] = [result("requests", [1_000]), result("ownErrors", [])];
    const errorRate = async (results: object[], more?: object) =>
      (await loadBalancerRequests(await answering([...results, ...others], more), config, "error-rate", "old", 300, Date.now())).reading;

    it("a complete answer without errors is an error rate of 0", async () => {
      expect(await errorRate([requests, own, result("targetErrors", [])])).to.deep.equal({ known: true, value: 0 });
    });

    for (const [title, results, reason, more] of [
      [
        "errors that failed to be read",
        [requests, own, result("targetErrors", [], { StatusCode: "InternalError" })],
        "HTTPCode_Target_5XX_Count is InternalError",
      ],
      [
        "errors of a part of the window",
        [requests, own, result("targetErrors", [1], { StatusCode: "PartialData", Messages: [{ Code: "x", Value: "try again" }] })],
        "HTTPCode_Target_5XX_Count is PartialData, try again",
      ],
      ["errors that are not answered", [requests, own], "HTTPCode_Target_5XX_Count is missing"],
      [
        "an answer without a status",
        [requests, own, result("targetErrors", [], { StatusCode: undefined })],
        "HTTPCode_Target_5XX_Count is without a status",
      ],
      ["an answer that goes on", [requests, own, result("targetErrors", [])], "there is more of it", { NextToken: "more" }],
    ] as [string, object[], string, object?][])
      it(`${title} are unknown`, async () => {
        expect(await errorRate(results, more)).to.deep.equal({ known: false, reason: `CloudWatch's answer is not complete: ${reason}` });
      });

    it("a lag of which CloudWatch has only a part is unknown", async () => {
      const lag = async (more?: object) => cloudwatchLag(await answering([result("lag", [0], more)]), config, Date.now());
      expect((await lag()).reading).to.deep.equal({ known: true, value: 0 });
      expect((await lag({ StatusCode: "InternalError" })).reading).to.deep.equal({
        known: false,
        reason: "CloudWatch's answer is not complete: ReplicaLag is InternalError",
      });
    });
  });

  describe("in the cleanup, where AWS refuses a second time what it did the first", () => {
    const read = readConfig(RAW, "test", STACK);
    const effect = { key: "k", fence: 1 };
    const portOf = (old: Partial<NonNullable<typeof read.old>>, endpoint?: string) => {
      const config = { ...read, old: { ...(read.old as NonNullable<typeof read.old>), ...old } };
      return awsCloudPort(moto.clients(endpoint === undefined ? {} : { endpoint }), () => config);
    };

    it("an instance that AWS has forgotten keeps none of the others running, and the journal says which was which", async () => {
      const clients = moto.clients();
      const [first = "", second = ""] = await instances(clients, 2, { Name: "old" });
      const port = portOf({ instanceIds: [first, "i-0123456789abcdef0", second] });
      expect(await port.terminateInstances(effect)).to.deep.equal({
        summary: `2 instances were terminated: ${first}, ${second}. Gone already: i-0123456789abcdef0.`,
        facts: { instances: [first, second], gone: ["i-0123456789abcdef0"] },
      });
      const found = await discoverInstances(clients);
      expect(found.filter((i) => [first, second].includes(i.id)).map((i) => i.state)).to.deep.equal(["terminated", "terminated"]);
      expect((await port.terminateInstances(effect)).summary).to.match(/^0 instances were terminated\. Gone already: /);
    });

    it("a database that is being deleted is done: moto forgets it at once, RDS takes minutes and refuses meanwhile", async () => {
      await database(moto.clients(), "old-db");
      let asked = "";
      const deletions: string[] = [];
      const xml = (response: ServerResponse, status: number, body: string): boolean => {
        response.writeHead(status, { "Content-Type": "text/xml" }).end(body);
        return true;
      };
      const deleting = (response: ServerResponse): boolean => {
        const action = new URLSearchParams(asked).get("Action");
        if (action === "DescribeDBInstances")
          return xml(
            response,
            200,
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>old-db</DBInstanceIdentifier><DBInstanceStatus>deleting</DBInstanceStatus></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>",
          );
        if (action !== "DeleteDBInstance") return false;
        deletions.push(action);
        return xml(
          response,
          400,
          "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidDBInstanceState</Code><Message>Instance old-db is already being deleted.</Message></Error></ErrorResponse>",
        );
      };
      const endpoint = await behind(deleting, (body) => {
        asked = body.toString();
        return body;
      });
      await portOf({ databaseIdentifier: "old-db" }).snapshotDatabase("old-db-final", effect, 0);
      const again = await portOf({ databaseIdentifier: "old-db" }, endpoint).deleteDatabase("old-db-final", effect, 0);
      expect(again.summary).to.equal("old-db is being deleted already; old-db-final keeps its last state.");
      expect(deletions).to.deep.equal([]);
    });
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
        expect((await discoverInstances(clients)).filter((i) => i.state !== "terminated")).to.deep.equal([]);
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
