import { type ComponentChild, h } from "preact";
import { asProblem, type Problem } from "./lib/api.js";
import { CutoverElement } from "./lib/element.js";
import type { Change } from "./lib/session.js";
import type { InventoryView, StackInFile } from "./lib/types.js";
import { FIRST_CHOICE, type FleetChoice, fleet } from "./views/fleet.js";
import { dependencyGraph } from "./views/graph.js";
import { problemBox } from "./views/parts.js";

/**
 * `<cutover-fleet>`: all applications, live, what needs a person first, and the graph of what needs what. With
 * `graph="off"` only the table; with `actions="off"` nothing can be begun.
 * A chosen migration is told by the event `cutover-select`; a link's own address comes from the attribute `href`, where
 * `{stack}` stands for the stack.
 */
export class CutoverFleet extends CutoverElement {
  static override observedAttributes = [...CutoverElement.observedAttributes, "href", "graph", "actions"];
  private inventory: InventoryView | undefined;
  private problem: Problem | undefined;
  private asked = false;
  private stacks: readonly StackInFile[] = [];
  private chosen: FleetChoice = FIRST_CHOICE;

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
      void this.loadStacks();
    }
    const view = change?.statusChanged ? this.session?.migrations.get(change.stack) : undefined;
    if (view !== undefined) this.emit("cutover-status", { stack: view.stack, status: view.status });
  }

  private async loadInventory(): Promise<void> {
    try {
      this.inventory = await this.session?.api.getInventory();
      this.problem = undefined;
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.update();
  }

  /** A service of an earlier version knows no such list: then what has begun is shown. */
  private async loadStacks(): Promise<void> {
    const answer = await this.session?.api.listStacks().catch(() => undefined);
    this.stacks = answer?.stacks ?? [];
    this.update();
  }

  private async begin(stack: string): Promise<void> {
    try {
      const begun = await this.session?.api.createMigration({ stack });
      if (begun !== undefined) this.session?.take(begun);
      this.emit("cutover-command", { stack, command: "begin" });
      this.problem = undefined;
    } catch (error) {
      this.problem = asProblem(error);
    }
    await this.loadStacks();
  }

  protected drawn(): ComponentChild {
    const { session } = this;
    const mayBegin = this.getAttribute("actions") !== "off" && session?.me?.roles.includes("operator") === true;
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
        notBegun: this.stacks.filter((s) => !s.begun && session?.migrations.has(s.stack) !== true),
        chosen: this.chosen,
        choose: (what) => {
          this.chosen = { ...this.chosen, ...what };
          this.update();
        },
        ...(mayBegin ? { begin: (stack: string) => void this.begin(stack) } : {}),
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
