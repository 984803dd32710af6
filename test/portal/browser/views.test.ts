import { expect } from "chai";
import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import type { InventoryView, Migration, Signals, Step } from "../../../src/portal/browser/lib/types.js";
import { lineChart, valueAt } from "../../../src/portal/browser/views/chart.js";
import { inOrder } from "../../../src/portal/browser/views/charts.js";
import type { DialogState } from "../../../src/portal/browser/views/dialogState.js";
import { grouped } from "../../../src/portal/browser/views/fleetChoice.js";
import { ahead, gravity } from "../../../src/portal/browser/views/intent.js";

const STEPS = [
  { id: "database.go", kind: "approval", pointOfNoReturn: false, wayBack: { summary: "", loses: "nothing" } },
  { id: "cleanup.approve", kind: "approval", pointOfNoReturn: true, wayBack: { summary: "", loses: "the old side", none: true } },
] as Step[];
const STOP = { id: "database.stop-writes", title: "Stop" };
const PROMOTE = {
  id: "database.promote",
  title: "Promote",
  pointOfNoReturn: true as const,
  wayBack: { summary: "The stream", loses: "what it has not brought" },
};
const ASKED = { id: "traffic.webhooks", asks: "Are webhooks ready?" };
const at = (id: string, more: Partial<Migration> = {}) =>
  ({
    status: "ready",
    application: "web-api",
    step: { id },
    ahead: { run: [STOP, PROMOTE], stopsAt: ASKED, reach: { step: 1, phase: 2, end: 5, goal: 0 } },
    ...more,
  }) as Migration;
const dialog = (more: Partial<DialogState>) => ({ action: "advance", extent: "step", ...more }) as DialogState;

describe("what a dialog says will run", () => {
  it("[people-17] is what the service says of each extent: it stops for a person only where that is reached", () => {
    const m = at("database.stop-writes");
    expect(ahead(m, "step")).to.deep.equal({ run: [STOP] });
    expect(ahead(m, "phase")).to.deep.equal({ run: [STOP, PROMOTE] });
    expect(ahead(m, "end")).to.deep.equal({ run: [STOP, PROMOTE], stopsAt: ASKED });
    expect(ahead(m, "goal")).to.deep.equal({ run: [] });
  });

  it("asks for the name exactly where something weighs so heavily, and says what", () => {
    const writes = at("database.stop-writes");
    const said = (state: Partial<DialogState>, m = writes) => gravity(dialog(state), m, STEPS);
    const reaching = { ...writes.ahead, reach: { ...writes.ahead.reach, goal: 5 } };
    const go = at("database.go", { status: "approval" });
    expect(said({ extent: "step" })).to.equal(undefined);
    const another = "Once this has run, the way back is another one and may lose what it has not brought.";
    expect(said({ extent: "phase" })).to.equal(another);
    expect(said({ action: "approve" }, go), "it was advanced to here only").to.equal(undefined);
    expect(said({ action: "approve" }, { ...go, ahead: reaching }), "[people-17] a way back is there").to.equal(another);
    const removal = at("cleanup.approve", { status: "approval", ahead: { run: [], reach: { step: 0, phase: 0, end: 0, goal: 0 } } });
    expect(said({ action: "approve" }, removal)).to.equal("This cannot be undone.");
    const way = { crossesPointOfNoReturn: false, loses: [] as string[], path: [], revision: 1, undoTo: 0 };
    expect(said({ action: "rollback", way })).to.equal(undefined);
    expect(said({ action: "rollback", way: { ...way, loses: ["an hour of writes"] } })).to.equal("It loses an hour of writes.");
    expect(said({ action: "abort" })).to.equal("The migration ends for good.");
    expect(said({ action: "emergency" }), "nothing may stand in an emergency's way").to.equal(undefined);
  });
});

describe("the fleet", () => {
  const one = (application: string, more: Partial<Migration> = {}) =>
    ({
      stack: `${application}-production`,
      application,
      environment: "production",
      status: "ready",
      steps: 10,
      done: 1,
      ...more,
    }) as Migration;
  const inventory = {
    applications: [
      { name: "a", wave: 2 },
      { name: "b", wave: 1 },
      { name: "c", wave: 1 },
    ],
  } as InventoryView;
  const names = (order: "wave" | "name" | "progress" | "users", all: Migration[]) =>
    grouped(all, inventory, order).map(({ title, of }) => [title, ...of.map((m) => m.application)]);

  it("[people-18] begins with what needs a person, then goes by wave, or has one order for all", () => {
    const blind = { since: 0, gates: [], why: "401" };
    const all = [one("a", { done: 0 }), one("b", { done: 5 }), one("c", { status: "held", done: 3 }), one("d", { blind, done: 9 })];
    expect(names("wave", all)).to.deep.equal([
      ["Needs a person", "c", "d"],
      ["Wave 1", "b"],
      ["Wave 2", "a"],
    ]);
    expect(names("progress", all)).to.deep.equal([["All applications", "a", "c", "b", "d"]]);
    const moved = [
      one("a"),
      one("b", { dns: { old: 0, new: 100 } as NonNullable<Migration["dns"]> }),
      one("c", { dns: { old: 90, new: 10 } as NonNullable<Migration["dns"]> }),
    ];
    expect(names("users", moved)).to.deep.equal([["All applications", "b", "c", "a"]]);
  });
});

describe("the charts", () => {
  const HOUR = 3_600_000;
  const chart = (points: { at: number; value: number | null }[], { id = "new", to = 4.2 * HOUR } = {}): string => {
    const series = [{ id, label: "new side", points }];
    const shown = { id: "errors", title: "Errors", unit: "fraction", series } as Signals["charts"][number];
    return renderToString(
      h("div", null, lineChart({ chart: shown, from: 0.5 * HOUR, to, moments: [], at: undefined, onAt: () => undefined, width: 560 })),
    );
  };
  const labels = (drawn: string) => [...drawn.matchAll(/<text class="tick"[^>]*>([^<]*)</g)].map(([, text]) => text);

  it("have round ticks that reach above the highest value, and round moments in UTC", () => {
    const drawn = chart([{ at: HOUR, value: 0.0501 }]);
    expect(labels(drawn)).to.deep.equal(["0 %", "2 %", "4 %", "6 %", "01:00", "02:00", "03:00", "04:00"]);
    expect(labels(chart([{ at: HOUR, value: 1 }])).slice(0, 4)).to.deep.equal(["0 %", "50 %", "100 %", "150 %"]);
    const days = labels(chart([{ at: HOUR, value: 1 }], { to: 30 * 24 * HOUR })).slice(4);
    expect(days.length).to.be.at.least(3);
    for (const day of days) expect(day).to.match(/^\d+ Jan$/);
    // Of a window of a few seconds no two labels say the same.
    expect(labels(chart([{ at: 0.5 * HOUR, value: 1 }], { to: 0.5 * HOUR + 9_000 })).slice(4)).to.deep.equal(["00:30"]);
  });

  it("break a line where nothing was measured, make a single reading a dot, and let a weight stand until the next", () => {
    const traceOf = (drawn: string) => /class="trace \w+" d="([^"]*)"/.exec(drawn)?.[1];
    const points = [1, 2, 3, 4].map((hour) => ({ at: hour * HOUR, value: hour === 3 ? null : hour / 100 }));
    expect(traceOf(chart(points))).to.match(/^M[\d.]+,[\d.]+L[\d.]+,[\d.]+M[\d.]+,[\d.]+Z$/);
    const weights = [1, 2].map((hour) => ({ at: hour * HOUR, value: hour / 10 }));
    const [, x1, y1, x2, y2, x3, y3] =
      /^M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)L([\d.]+),([\d.]+)$/.exec(traceOf(chart(weights, { id: "asked" })) ?? "") ?? [];
    expect([y2, x3], "along, then up").to.deep.equal([y1, x2]);
    expect([Number(x1) < Number(x2), Number(y3) < Number(y2)]).to.deep.equal([true, true]);
  });

  it("begin with the lag while the database moves", () => {
    const all = ["dns", "errors", "latency", "lag"].map((id) => ({ id })) as Signals["charts"];
    expect(inOrder(all, "database").map((c) => c.id)).to.deep.equal(["lag", "dns", "errors", "latency"]);
    expect(inOrder(all, "traffic")).to.equal(all);
  });

  it("read an old value as unknown, but a weight as standing until the next", () => {
    const points = [{ at: 0, value: 10 }];
    expect(valueAt(points, 60_000)).to.equal(10);
    expect(valueAt(points, 2 * 3_600_000)).to.equal(undefined);
    expect(valueAt(points, 2 * 3_600_000, true)).to.equal(10);
  });
});
