import { asProblem, type Problem } from "./lib/api.js";
import { CutoverElement } from "./lib/element.js";
import { h, type View } from "./lib/render.js";
import type { Change } from "./lib/session.js";
import type { InventoryView } from "./lib/types.js";
import { fleet } from "./views/fleet.js";
import { dependencyGraph } from "./views/graph.js";
import { problemBox } from "./views/parts.js";

/**
 * `<cutover-fleet>`: all applications by wave, live, and the graph of what needs what. With `graph="off"` only the table.
 * A chosen migration is told by the event `cutover-select`; a link's own address comes from the attribute `href`, where
 * `{stack}` stands for the stack.
 */
export class CutoverFleet extends CutoverElement {
  static override observedAttributes = [...CutoverElement.observedAttributes, "href", "graph"];
  private inventory: InventoryView | undefined;
  private problem: Problem | undefined;
  private asked = false;
  private filter = "";

  override reconnect(): void {
    this.asked = false;
    super.reconnect();
  }

  protected override changed(change: Change): void {
    // What could not be asked while the service was away is asked again.
    if (this.session?.live === false) this.asked = false;
    if (!this.asked && this.session?.live === true) {
      this.asked = true;
      void this.loadInventory();
    }
    const view = change?.statusChanged ? this.session?.migrations.get(change.stack) : undefined;
    if (view !== undefined) this.emit("cutover-status", { stack: view.stack, status: view.status });
  }

  private async loadInventory(): Promise<void> {
    try {
      this.inventory = await this.session?.api.get<InventoryView>("v1/inventory");
      this.problem = undefined;
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.update();
  }

  protected view(): View {
    const { session } = this;
    const migrations = [...(session?.migrations.values() ?? [])];
    const onSelect = (stack: string, event: Event): void => {
      if (!this.emit("cutover-select", { stack })) event.preventDefault();
      else if (event.type === "click" && (event.target as Element).closest("a") === null) location.href = this.hrefOf(stack);
    };
    return h(
      "div",
      { class: "stack" },
      problemBox(session?.live === false ? session.problem : undefined),
      problemBox(this.problem),
      ...(session?.unreadable ?? []).map(({ stack, problem }) =>
        h(
          "div",
          { class: "problem", role: "alert", key: `unreadable ${stack}` },
          h("strong", null, `${stack} cannot be read by this version of cutover`),
          h("span", null, problem),
        ),
      ),
      fleet({
        migrations,
        loaded: session?.loaded === true,
        inventory: this.inventory,
        filter: this.filter,
        onFilter: (text) => {
          this.filter = text;
          this.update();
        },
        hrefOf: (stack) => this.hrefOf(stack),
        onSelect,
      }),
      this.inventory === undefined || this.getAttribute("graph") === "off" ? false : dependencyGraph(this.inventory, migrations),
    );
  }

  private hrefOf(stack: string): string {
    return (this.getAttribute("href") ?? "#/{stack}").replace("{stack}", encodeURIComponent(stack));
  }
}
