import { expect } from "chai";
import type { Target } from "../../src/ports/target.js";
import { modelTarget, STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { peopleOf } from "../support/people.js";
import { type ModelServer, openModelServer } from "./modelServer.js";

const AT = `/v1/migrations/${STACK}`;
const round = () => new Promise((resolve) => setImmediate(resolve));

describe("the HTTP API while users are sent back", () => {
  let m: ModelServer;
  /** Called before the far side answers. */
  const far = { observe: async (): Promise<void> => undefined, setWeights: (): void => undefined };
  const watched = (target: Target): Target => ({
    ...target,
    observer: { ...target.observer, observe: (...args) => far.observe().then(() => target.observer.observe(...args)) },
    cloud: {
      ...target.cloud,
      setWeights: (...args) => {
        far.setWeights();
        return target.cloud.setWeights(...args);
      },
    },
  });
  beforeEach(async () => {
    const parts = modelService();
    const openTarget = async () => watched(modelTarget(parts.world));
    m = await openModelServer({}, { ...parts, start: (other) => parts.start({ openTarget, ...other }) });
    await peopleOf(m.migrations, STACK).standBefore("traffic.dns-100");
  });
  afterEach(() => m.close());

  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${m.server.url}${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${m.server.token}`, "x-cutover-user": "carol" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };

  it("[safety-1] lets those who look wait, and takes commands, alerts and looks at its health", async () => {
    const answered: string[] = [];
    const look = (path: string) => call("GET", path).then(({ status }) => answered.push(`${path} ${status}`));
    let looks: Promise<unknown> = Promise.resolve();
    await m.migrations.turns.first(async () => {
      looks = Promise.all([look(AT), look(`${AT}/plan`), look("/v1/migrations")]);
      expect((await call("GET", "/healthz")).status).to.equal(200);
      const [paused, alerts] = await Promise.all([
        call("POST", `${AT}/pause`, { why: "wait" }),
        call("POST", "/v1/alerts", { version: "4", alerts: [] }),
      ]);
      expect([paused.status, alerts.status]).to.deep.equal([202, 200]);
      for (let i = 0; i < 20; i += 1) await round();
      expect(answered).to.deep.equal([]);
    });
    await looks;
    expect(answered).to.have.members([`${AT} 200`, `${AT}/plan 200`, "/v1/migrations 200"]);
  });

  it("[safety-1] nobody who came to look meanwhile is answered before the weights are set", async () => {
    const order: string[] = [];
    let looks: Promise<unknown> | undefined;
    far.observe = async () => {
      looks ??= Promise.all(Array.from({ length: 20 }, () => call("GET", AT).then(() => order.push("look"))));
      // Long enough for all of them to be answered, if anybody did.
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    far.setWeights = () => void order.push("set");
    expect((await call("POST", `${AT}/emergency`, { why: "errors" })).status).to.equal(202);
    await looks;
    expect(order.indexOf("set"), order.join()).to.equal(0);
    expect(order.filter((o) => o === "look")).to.have.lengthOf(20);
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
  });
});
