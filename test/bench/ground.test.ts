import { expect } from "chai";
import type { Snapshot } from "../../bench/ground/load.js";
import { hasNameServer } from "../../bench/ground/names.js";
import { type Run, upgrade } from "../../bench/ground/scenarios.js";
import { kindsOf, sentOf } from "../../bench/ground/table.js";
import { requirePart } from "../support/parts.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

/** The short form of `npm run proving-ground`: real servers, load balancer, name server and users. */
describe("[traffic-8] [traffic-9] the proving ground", function () {
  this.timeout(600_000);

  const newVersion = async (context: Mocha.Context, off?: Run["off"]): Promise<Snapshot> => {
    requirePart(context, "gdnsd", hasNameServer(), "apt-get install gdnsd");
    await requireEngine(context);
    const run = { folder: tempFolder("ground"), ...(off === undefined ? {} : { off }), users: 40, webSockets: 10, say: () => undefined };
    return upgrade(run, { kind: "rolling", replicas: 3, startupSeconds: 15 });
  };

  it("rolls a new version out pod by pod: no request, slow one or upload is left without its answer", async function () {
    const snapshot = await newVersion(this);
    // The load balancer cuts WebSockets at the end of its delay: a message may be under way just then.
    const dropped = kindsOf(snapshot).filter(([kind]) => kind !== "websocket: a message without an answer");
    expect(dropped).to.deep.equal([]);
    expect(sentOf(snapshot)).to.be.above(200);
    for (const operation of ["read", "write", "slow", "upload", "websocket"] as const)
      expect(snapshot.sent[operation], operation).to.be.above(0);
  });

  it("drops requests without the pre-stop pause, so that the pause is seen to matter", async function () {
    const { failures } = await newVersion(this, "preStop");
    expect(failures.length).to.be.above(0);
    // A target that listens no more, while the load balancer still sends to it.
    expect(failures.map((f) => f.what)).to.include("answered 502");
  });
});
