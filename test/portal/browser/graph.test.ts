import { expect } from "chai";
import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import type { InventoryView, Migration } from "../../../src/portal/browser/lib/types.js";
import { type Layout, layoutOf, wrapped } from "../../../src/portal/browser/views/graph/layout.js";
import { fitsInOne, focusOf, type Part, partOf } from "../../../src/portal/browser/views/graph/part.js";
import { dependencyGraph } from "../../../src/portal/browser/views/graph/view.js";
import { largeInventory } from "../largeFleet.js";

type Graph = InventoryView["graph"];
const WIDTHS = { phone: 316, desk: 1_260 };

const node = (id: string, wave?: number): Graph["nodes"][number] =>
  wave === undefined ? { id, label: id, kind: "service" } : { id, label: id, kind: "application", wave };
const edge = (text: string) => {
  const [from = "", to = ""] = text.split(">");
  return { from, to };
};
const graph = (nodes: Graph["nodes"], ...edges: string[]): Graph => ({ nodes, edges: edges.map(edge) });
const drawn = ({ boxes, edges, alone }: Part) => ({
  boxes: boxes.map((b) => `${b.isFocus ? "*" : ""}${b.names.join("+")}`).sort(),
  edges: edges.map((e) => `${e.from}>${e.to}`).sort(),
  alone,
});

const overlap = ({ boxes }: Layout): string[] =>
  boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)
      .map((b) => `${a.id} over ${b.id}`),
  );

describe("the graph of dependencies", () => {
  const small = graph(
    [node("shop", 2), node("cart", 1), node("api", 1), node("lone", 1), node("Redis")],
    "shop>cart",
    "cart>Redis",
    "api>Redis",
  );

  it("[people-18] is about one wave with services and other waves, or one application with each neighbour; what nothing touches is told beside it", () => {
    expect(drawn(partOf(small, { of: "wave", wave: 1 }))).to.deep.equal({
      boxes: ["*api", "*cart", "1 app", "Redis"],
      edges: ["api>Redis", "cart>Redis", "wave 2>cart"],
      alone: ["lone"],
    });
    expect(drawn(partOf(small, { of: "application", name: "cart" }))).to.deep.equal({
      boxes: ["*cart", "Redis", "shop"],
      edges: ["cart>Redis", "shop>cart"],
      alone: [],
    });
  });

  it("[people-18] draws once what needs the same and is needed by the same, and nothing else", () => {
    const nodes = [node("a", 1), node("b", 1), node("c", 1), node("Redis"), node("S3"), node("far", 2), node("other", 2)];
    const same = graph(nodes, "a>Redis", "b>Redis", "a>S3", "b>S3", "c>Redis", "far>c", "far>other");
    expect(drawn(partOf(same, { of: "wave", wave: 1 }))).to.deep.equal({
      boxes: ["*a+b", "*c", "1 app", "Redis", "S3"],
      edges: ["a>Redis", "a>S3", "c>Redis", "wave 2>c"],
      alone: [],
    });
  });

  it("stands who needs something left of it, and ends also where dependencies go round", () => {
    const line = layoutOf(
      partOf(
        graph(
          ["portal", "api", "db"].map((n) => node(n, 1)),
          "portal>api",
          "api>db",
        ),
        { of: "all" },
      ),
      WIDTHS.desk,
    );
    expect(line.boxes.map((b) => b.x)).to.deep.equal([...line.boxes.map((b) => b.x)].sort((a, b) => a - b));
    const round = layoutOf(partOf(graph([node("a", 1), node("b", 1)], "a>b", "b>a"), { of: "all" }), WIDTHS.desk);
    expect(round.boxes).to.have.length(2);
    expect(round.edges).to.have.length(2);
  });

  for (const [screen, width] of Object.entries(WIDTHS))
    it(`[people-18] fits a hundred applications on a ${screen}: no wave is wider, no box lies over another, every name is whole`, () => {
      const inventory = largeInventory();
      for (const wave of [1, 2, 3]) {
        const part = partOf(inventory.graph, { of: "wave", wave });
        const layout = layoutOf(part, width);
        expect(layout.width, `wave ${wave}`).to.be.at.most(width + 1);
        expect(overlap(layout)).to.deep.equal([]);
        const names = layout.boxes.flatMap((b) => b.lines);
        for (const { name, parts } of names) expect(parts.join("").replaceAll(" ", "")).to.equal(name.replaceAll(" ", ""));
        const inWave = inventory.applications.filter((a) => a.wave === wave).map((a) => a.name);
        expect([...names.map((n) => n.name), ...part.alone]).to.include.members(inWave);
      }
    });

  it("breaks a name behind its hyphens, and in mid-word only where it must", () => {
    expect(wrapped("payments-gateway-worker", 16)).to.deep.equal(["payments-", "gateway-worker"]);
    expect(wrapped("web-api", 16)).to.deep.equal(["web-api"]);
    expect(wrapped("AWS Secrets Manager", 12)).to.deep.equal(["AWS Secrets", "Manager"]);
    expect(wrapped("abcdefghijklmno", 6)).to.deep.equal(["abcdef", "ghijkl", "mno"]);
  });

  it("begins with the first wave that is not over, in a fleet that is no picture in one", () => {
    const inventory = largeInventory();
    const over = inventory.applications
      .filter((a) => a.wave === 1)
      .map((a) => ({ application: a.name, environment: "production", status: "completed" }) as Migration);
    expect(fitsInOne(inventory)).to.equal(false);
    expect(focusOf("", inventory, [])).to.deep.equal({ of: "wave", wave: 1 });
    expect(focusOf("", inventory, over)).to.deep.equal({ of: "wave", wave: 2 });
    expect(focusOf("wave-99", inventory, over)).to.deep.equal({ of: "wave", wave: 2 });
    expect(focusOf("wave-3", inventory, [])).to.deep.equal({ of: "wave", wave: 3 });
    expect(focusOf("", { applications: [], graph: small }, [])).to.deep.equal({ of: "all" });
  });

  it("says in words all that it draws", () => {
    const inventory = { applications: [{ name: "cart", wave: 1 }], graph: small } as InventoryView;
    const props = { inventory, migrations: [], chosen: "wave-1", choose: () => undefined, width: WIDTHS.desk };
    const text = renderToString(h("div", null, dependencyGraph(props))).replaceAll(/<[^>]+>/g, "");
    expect(text).to.contain("cart (wave 1) needs Redis; shop needs it.");
  });
});
