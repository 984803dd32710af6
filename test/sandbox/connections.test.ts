import { expect } from "chai";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { UserError } from "../../src/errors.js";
import { afterWeight, cannotStrike, parseFault } from "../../src/sandbox/faults.js";
import { openConnections, openOn } from "../../src/sandbox/world/connections.js";
import { newWorld, type WorldState } from "../../src/sandbox/world/state.js";
import { RAW, STACK } from "../automation/model.js";

const CONFIG = readConfig(RAW, "test", STACK);
const MINUTE = 60_000;

/** All users moved at the world's beginning, and what has gone by since. */
function moved(minutes: number, faults: string[] = [], of: "dns" | "green" = "dns"): WorldState {
  const world = newWorld(STACK, CONFIG, 1, faults);
  const at = world.now;
  world.ttl = [{ at: at - 60 * MINUTE, value: 60 }];
  world.dns = [{ at: at - 60 * MINUTE, value: of === "dns" ? 0 : 100 }];
  if (of === "dns") world.dns.push({ at, value: 100 });
  if (of === "green")
    world.green = [
      { at: at - 60 * MINUTE, value: 50 },
      { at, value: 100 },
    ];
  world.faults = afterWeight(world.faults, 100, of === "green" ? "green" : undefined);
  world.now = at + minutes * MINUTE;
  return world;
}

describe("open connections of the sandbox", () => {
  const on = (world: WorldState, side: "old" | "new" = "old") => openOn(world, CONFIG, side, world.now);

  it("[traffic-9] outlive the weights: the short ones a little, WebSockets and uploads for minutes", () => {
    const counts = [0, 1, 5, 10, 19, 20].map((m) => on(moved(m)));
    expect(counts[0]).to.equal(200);
    for (const [i, count] of counts.slice(1).entries()) expect(count).to.be.lessThan(counts[i] ?? 0);
    expect(counts[3]).to.equal(20);
    expect(counts.at(-1)).to.equal(0);
    expect(on(moved(0, [], "green"), "new"), "a colour's rule counts at once").to.equal(20);
    expect(on(moved(20, [], "green"), "new")).to.equal(0);
  });

  it("[traffic-9] some never end, with the fault, on the side that it names", () => {
    expect(on(moved(600, ["held-connections@100%"]))).to.equal(3);
    expect(on(moved(600, ["held-connections@100%"]), "new")).to.equal(on(moved(600), "new"));
    expect(on(moved(600, ["held-connections@green-100%"], "green"), "new")).to.equal(3);
    expect(on(moved(600, ["held-connections@green-100%"], "green"))).to.equal(0);
    for (const wrong of ["held-connections@50%", "held-connections@canary-100%", "held-connections@cleanup"])
      expect(() => parseFault(wrong), wrong).to.throw(UserError);
    const without = readConfig(patched(RAW, { strategy: { kind: "rolling", image: "example.org/web-api:1.1.0" } }), "t", STACK);
    expect(cannotStrike(parseFault("held-connections@green-100%"), without)).to.contain("there is no green");
  });

  it("[traffic-9] are shown as the real source shows them: whole minutes, two minutes later, a client's and its target's; or not at all", () => {
    const world = moved(10);
    world.now += 25_000;
    const shown = openConnections(world, CONFIG, "old");
    expect(shown.at % MINUTE).to.equal(0);
    expect(world.now - shown.at).to.be.within(2 * MINUTE, 3 * MINUTE);
    expect(shown).to.deep.include({ delaySeconds: 180, reading: { known: true, value: 2 * openOn(world, CONFIG, "old", shown.at) } });
    expect(openConnections(world, CONFIG, "new").reading.known).to.equal(false);
    const named = readConfig(patched(RAW, { "drain.expressions": { new: "sum(open)" } }), "test", STACK);
    expect(openConnections(moved(0, [], "green"), named, "new").reading).to.deep.equal({ known: true, value: 20 });
  });
});
