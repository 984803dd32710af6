import { randomBytes } from "node:crypto";
import { expect } from "chai";
import type { Migrations } from "../../../src/automation/migrations.js";
import { openQueue, type Queue } from "../../../src/database/queue.js";
import { parseOperations } from "../../../src/operations/config.js";
import { Notifier } from "../../../src/operations/notifications/notifier.js";
import { signingKey, verifySignature } from "../../../src/operations/signatures.js";
import { known } from "../../../src/ports/observations.js";
import { modelPlan, NO_FAULTS, STACK } from "../../automation/model.js";
import { act, modelService, until } from "../../automation/modelService.js";
import { afterThisTest } from "../../support/cleanup.js";
import { receiver } from "../../support/receiver.js";
import { tempFolderForSuite } from "../../support/tmp.js";

/** The model has a migration in staging too. */
const inProduction = (channel: object) => ({ environments: ["production"], ...channel });

describe("notifications", function () {
  this.timeout(60_000);
  const folder = tempFolderForSuite("notifications");

  /** Notifies as a configuration says, with a real queue of its own. */
  async function notifying(
    service: Migrations,
    allowHosts: string[],
    notifications: object[],
    kept = { queue: `queue-${Math.random()}`, cursors: new Map<string, number>() },
  ) {
    const queue: Queue = await openQueue(`pglite:${folder()}/${kept.queue}`, (error) => outcomes.push(error.message));
    const outcomes: string[] = [];
    const notifier = new Notifier({
      config: parseOperations(JSON.stringify({ allowHosts, notifications: notifications.map(inProduction) }), "operations.yaml"),
      migrations: service,
      queue,
      cursors: { load: async (stack) => kept.cursors.get(stack), save: async (stack, seq) => void kept.cursors.set(stack, seq) },
      onOutcome: (channel, outcome, error) => outcomes.push(`${channel} ${outcome}${error === undefined ? "" : `: ${error.message}`}`),
    });
    await notifier.start();
    let open = true;
    const close = async () => {
      if (!open) return;
      open = false;
      notifier.stop();
      await queue.close();
    };
    afterThisTest(close);
    return { outcomes, close, kept };
  }

  it("tell of approvals and of a gate that failed, in the form that each receiver wants, signed, once each", async () => {
    const secret = `whsec_${randomBytes(32).toString("base64")}`;
    process.env.TEST_NOTIFY_SECRET = secret;
    afterThisTest(() => void delete process.env.TEST_NOTIFY_SECRET);
    const { host, url, until: received } = await receiver();
    const { world, start } = modelService();
    const service = start();
    const { outcomes } = await notifying(
      service,
      [host],
      [
        { name: "chat", kind: "slack", url: `${url}/chat`, events: ["approval.needed", "rollback.started"] },
        { name: "hub", kind: "webhook", url: `${url}/hub`, secret: { env: "TEST_NOTIFY_SECRET" } },
        { name: "bus", kind: "cloudevents", url: `${url}/bus`, events: ["gate.failed"] },
        { name: "elsewhere", kind: "webhook", url: `${url}/elsewhere`, applications: ["another"] },
      ],
    );
    await service.create(STACK, "alice");
    const moved = () => (world.applied.dns?.weights.new ?? 0) >= 25;
    world.faults = {
      ...NO_FAULTS,
      reading: (name, side) => (name === "error-rate" && side === "new" && moved() ? known(0.5) : undefined),
    };
    await until(service, (s) => s.heldReason?.startsWith("Went back") === true);
    const all = await received(
      (r) => r.some((x) => x.path === "/hub" && x.json.type === "migration.held") || r.some((x) => x.json?.type === "rollback.completed"),
    );
    const plan = modelPlan();
    const asks = plan
      .slice(
        0,
        plan.findIndex((s) => s.id === "traffic.dns-25"),
      )
      .filter((s) => s.kind === "approval");
    const chat = (await received((r) => r.filter((x) => x.path === "/chat").length === asks.length + 1)).filter((x) => x.path === "/chat");
    expect(chat[0]?.json).to.deep.equal({
      text: `:raised_hand: *production* ${STACK} waits for approval: ${asks[0]?.kind === "approval" ? asks[0].asks.replaceAll("&", "&amp;") : ""}`,
    });
    expect(chat.at(-1)?.json.text).to.contain("goes back to revision").and.contain("automatically").and.contain("error-rate");
    const bus = (await received((r) => r.some((x) => x.path === "/bus"))).find((x) => x.path === "/bus");
    expect(bus?.headers["content-type"]).to.equal("application/cloudevents+json; charset=utf-8");
    expect(bus?.json).to.deep.include({
      specversion: "1.0",
      source: `/cutover/migrations/${STACK}`,
      type: "cutover.gate.failed",
      subject: "traffic.dns-25",
      datacontenttype: "application/json",
    });
    expect(bus?.json.data).to.deep.include({ stack: STACK, application: "web-api", environment: "production" });
    const hub = all.filter((x) => x.path === "/hub");
    expect(hub[0]?.json).to.include({ type: "migration.created", stack: STACK, summary: `alice began the migration of ${STACK}.` });
    for (const one of hub) {
      expect(verifySignature([signingKey(secret, "")], one.headers, one.body)).to.deep.equal({ valid: true, id: one.json.id });
      expect(one.body).not.to.contain("v1:sealed");
    }
    expect(new Set(hub.map((x) => x.json.id)).size).to.equal(hub.length);
    expect(all.some((x) => x.path === "/elsewhere")).to.equal(false);
    expect(outcomes.filter((o) => !o.endsWith("delivered"))).to.deep.equal([]);
    await service.close();
  });

  it("are tried again while a receiver is away, with the same id; what it refuses for good is not", async () => {
    let tries = 0;
    const {
      host,
      url,
      until: received,
    } = await receiver((request, response) => {
      tries += request.path === "/flaky" ? 1 : 0;
      response.writeHead(request.path === "/gone" ? 404 : tries < 2 ? 503 : 204).end();
    });
    const service = modelService().start();
    const { outcomes } = await notifying(
      service,
      [host],
      [
        { name: "flaky", kind: "webhook", url: `${url}/flaky` },
        { name: "gone", kind: "webhook", url: `${url}/gone` },
        { name: "inside", kind: "webhook", url: "https://169.254.169.254/" },
      ],
    );
    await service.create(STACK, "alice");
    const all = await received((r) => r.filter((x) => x.path === "/flaky").length === 2);
    expect(all.filter((x) => x.path === "/flaky").map((x) => x.json.id)).to.deep.equal([`${STACK}/1`, `${STACK}/1`]);
    while (outcomes.length < 4) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(outcomes).to.have.members([
      "flaky retried: notifications.flaky answered 503",
      "flaky delivered",
      "gone refused: notifications.gone answered 404",
      "inside refused: notifications.inside: 169.254.169.254 has an address that is not public",
    ]);
    expect(all.filter((x) => x.path === "/gone").length).to.equal(1);
    await service.close();
  });

  it("tell after a restart what was journaled while nobody listened, and nothing twice", async () => {
    const { host, url, received, until: came } = await receiver();
    const channel = { name: "hub", kind: "webhook", url: `${url}/hub` };
    const service = modelService().start();
    const first = await notifying(service, [host], [channel]);
    await service.create(STACK, "alice");
    await came((r) => r.length === 1);
    while (first.kept.cursors.get(STACK) !== 1) await new Promise((resolve) => setTimeout(resolve, 20));
    await first.close();
    await act(service);
    await service.settled(STACK);
    const told = received.length;
    const again = await notifying(service, [host], [channel], first.kept);
    await came((r) => r.length === 2);
    await again.close();
    expect(told).to.equal(1);
    expect(received.map((r) => r.json.type)).to.deep.equal(["migration.created", "approval.needed"]);
    await service.close();
  });
});
