import { type ComponentChild, h } from "preact";
import { Beginnings, type BeginOwner } from "./beginnings.js";
import { asProblem, type Problem } from "./lib/api.js";
import { CutoverElement } from "./lib/element.js";
import type { Change } from "./lib/session.js";
import type { InventoryView, StackInFile } from "./lib/types.js";
import { fleet } from "./views/fleet.js";
import { choiceOf, type FleetChoice, textOf } from "./views/fleetChoice.js";
import { dependencyGraph } from "./views/graph/view.js";
import { problemBox } from "./views/parts.js";

/** What a card has around the picture in it, in pixels. */
const GRAPH_PAD = 42;

/**
 * `<cutover-fleet>`: all applications, live, what needs a person first, and the graph of what needs what. With
 * `graph="off"` only the table; with `actions="off"` nothing can be begun.
 * What is shown stands in the attribute `view`, and each other choice is told by the event `cutover-view`: a page that
 * keeps it in its address can be sent. A chosen migration is told by the event `cutover-select`; a link's own address comes from the attribute `href`, where
 * `{stack}` stands for the stack.
 */
export class CutoverFleet extends CutoverElement {
  static override observedAttributes = [...CutoverElement.observedAttributes, "href", "graph", "actions", "view"];
  private inventory: InventoryView | undefined;
  private problem: Problem | undefined;
  private asked = false;
  private stacks: readonly StackInFile[] = [];
  private chosen: FleetChoice = choiceOf("");
  /** Stacks that are chosen to be begun together. */
  private readonly picked = new Set<string>();
  private readonly beginnings = new Beginnings(this.beginOwner());
  /** The graph is laid out for the width that there is. */
  private readonly resized = new ResizeObserver(() => this.update());

  override connectedCallback(): void {
    super.connectedCallback();
    this.resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resized.disconnect();
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (name === "view") this.chosen = choiceOf(after ?? "");
    super.attributeChangedCallback(name, before, after);
  }

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

  /** A service of an earlier version knows no such list: then what has begun is shown. @returns whether it was answered */
  private async loadStacks(): Promise<boolean> {
    const answer = await this.session?.api.listStacks().catch(() => undefined);
    if (answer !== undefined) this.stacks = answer.stacks;
    this.update();
    return answer !== undefined;
  }

  private beginOwner(): BeginOwner {
    const element = this;
    return {
      get shadowRoot() {
        return element.shadowRoot;
      },
      get api() {
        return element.session?.api;
      },
      update: () => element.update(),
      accepted: (view) => {
        element.session?.take(view);
        element.picked.delete(view.stack);
        element.emit("cutover-command", { stack: view.stack, command: "begin" });
      },
      begunNow: async () => ((await element.loadStacks()) ? new Set(element.stacks.flatMap((s) => (s.begun ? [s.stack] : []))) : undefined),
    };
  }

  private pick(stacks: readonly string[], isPicked: boolean): void {
    for (const stack of stacks) {
      if (isPicked) this.picked.add(stack);
      else this.picked.delete(stack);
    }
    this.update();
  }

  /** A page that keeps what is shown sets `view` to what it is told; without one the element keeps it. */
  private choose(what: Partial<FleetChoice>): void {
    this.chosen = { ...this.chosen, ...what };
    this.emit("cutover-view", { view: textOf(this.chosen), typed: "text" in what && Object.keys(what).length === 1 });
    this.update();
  }

  protected drawn(): ComponentChild {
    const { session } = this;
    const beginning = {
      picked: this.picked,
      pick: this.pick.bind(this),
      begin: (stacks: readonly string[]) => this.beginnings.open(stacks),
    };
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
        choose: (what) => this.choose(what),
        ...(this.getAttribute("actions") === "off" ? {} : { beginning }),
        hrefOf: (stack) => this.hrefOf(stack),
        onSelect,
      }),
      this.inventory === undefined || this.getAttribute("graph") === "off"
        ? false
        : dependencyGraph({
            ...{ inventory: this.inventory, migrations, chosen: this.chosen.graph },
            choose: (graph) => this.choose({ graph }),
            width: this.clientWidth - GRAPH_PAD,
          }),
      this.beginnings.view(),
    );
  }

  private hrefOf(stack: string): string {
    return (this.getAttribute("href") ?? "#/{stack}").replace("{stack}", encodeURIComponent(stack));
  }
}
