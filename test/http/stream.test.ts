import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import express from "express";
import { journalOf } from "../../bench/harness/journals.js";
import { sealedConfig, stackConfig } from "../../bench/harness/stacks.js";
import type { Migrations } from "../../src/automation/migrations.js";
import { ProgressStream } from "../../src/http/stream.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";

const MOST_PENDING = 256 * 1_024;

interface Seen {
  id: string;
  type: string;
  stack: string;
}

describe("the stream of events, to viewers that come back", function () {
  this.timeout(120_000);

  /** The stream over a fleet, on a port of its own, with the answers as the service holds them. */
  async function streaming(
    fleet: number,
  ): Promise<{ migrations: Migrations; most: () => number; connect(seen: string): Promise<IncomingMessage> }> {
    const parts = modelService();
    for (let i = 0; i < fleet; i += 1) {
      const stack = `app-${i}-staging`;
      parts.store.journals.set(stack, journalOf(stack, sealedConfig(stackConfig(`app-${i}`, "staging")), 2));
    }
    const migrations = parts.start({ holder: "this service" });
    await migrations.create(STACK, "anna");
    const stream = new ProgressStream(migrations);
    let most = 0;
    const app = express();
    app.get("/", (request, response) => {
      const write = response.write.bind(response) as (text: string) => boolean;
      response.write = (text: string) => {
        const taken = write(text);
        most = Math.max(most, response.writableLength);
        return taken;
      };
      stream.serve(request, response, () => true);
    });
    const server = createServer(app).listen(0, "127.0.0.1");
    await once(server, "listening");
    afterThisTest(async () => {
      server.closeAllConnections();
      server.close();
      await migrations.close();
    });
    const { port } = server.address() as AddressInfo;
    const connect = async (seen: string): Promise<IncomingMessage> => {
      const request = get({ port, host: "127.0.0.1", headers: { "last-event-id": seen } });
      const [answer] = (await once(request, "response")) as [IncomingMessage];
      request.on("error", () => undefined);
      return answer.on("error", () => undefined).setEncoding("utf8");
    };
    return { migrations, most: () => most, connect };
  }

  const eventsIn = (text: string): Seen[] =>
    [...text.matchAll(/id: (.+)\nevent: (.+)\ndata: (.+)\n\n/g)].map(([, id = "", type = "", data = ""]) => ({
      id,
      type,
      stack: (JSON.parse(data) as { stack: string }).stack,
    }));

  async function textUntil(answer: IncomingMessage, enough: RegExp): Promise<string> {
    let text = "";
    for await (const part of answer) {
      text += part as string;
      if (enough.test(text)) return text;
    }
    throw new Error(`the stream ended after ${text.slice(-300)}`);
  }
  const ALL = /: that is all\nid: (.+)\n\n/;

  it("[people-24] a viewer of a service that was started again gets what changed since its last event, not everything", async () => {
    const { connect } = await streaming(20);
    const before = await textUntil(await connect(`11111111-7-${Date.now() - 1_000}`), ALL);
    expect(eventsIn(before).length).to.equal(22);
    // After the newest entry, with room for clocks that are apart.
    const after = await textUntil(await connect(`11111111-7-${Date.now() + 600_000}`), ALL);
    expect(eventsIn(after)).to.deep.equal([]);
  });

  it("[people-24] a snapshot that breaks off is not taken for a whole one: each of its events leads back to where the viewer was", async () => {
    const { connect } = await streaming(20);
    const seen = "11111111-7-1000";
    const text = await textUntil(await connect(seen), ALL);
    expect(new Set(eventsIn(text).map((e) => e.id))).to.deep.equal(new Set([seen]));
    const whole = ALL.exec(text)?.[1] ?? "";
    const next = await textUntil(await connect(whole), /: open\n\n/);
    expect(eventsIn(next)).to.deep.equal([]);
  });

  it("[people-24] many viewers that come back and do not read cost a bounded buffer each, and miss nothing once they read", async () => {
    const { migrations, most, connect } = await streaming(400);
    const viewers = await Promise.all(Array.from({ length: 30 }, () => connect("11111111-7-0")));
    // While they stand still, the service answers and goes on.
    await migrations.command(STACK, { command: "advance", extent: "step" }, "anna");
    await migrations.settled(STACK);
    const texts = await Promise.all(viewers.map((v) => textUntil(v, /event: step\.completed/)));
    expect(most()).to.be.greaterThan(0).and.at.most(MOST_PENDING);
    for (const text of texts) {
      const events = eventsIn(text);
      expect(new Set(events.filter((e) => e.type === "snapshot").map((e) => e.stack)).size).to.equal(402);
      expect(events.filter((e) => e.stack === STACK).map((e) => e.type)).to.include("step.completed");
    }
  });
});
