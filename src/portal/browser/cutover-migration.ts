import { type ComponentChild, type ComponentChildren, h } from "preact";
import type { CutoverClient } from "../../client/index.js";
import { asProblem, type Problem } from "./lib/api.js";
import { CutoverElement } from "./lib/element.js";
import { save } from "./lib/save.js";
import type { Change } from "./lib/session.js";
import type { Migration, Step } from "./lib/types.js";
import { FRESH_MS, MigrationData, type Onlooker } from "./migrationData.js";
import { MigrationDialog } from "./migrationDialog.js";
import { type Action, actionBar, actionsOf, isOver, mayTune } from "./views/actions.js";
import { answers, writePause } from "./views/answers.js";
import { charts, firstWindow, windowOf } from "./views/charts.js";
import { withoutService } from "./views/dialog.js";
import { FIRST_FILTER } from "./views/journal.js";
import { now } from "./views/now.js";
import type { Panel, PanelContext } from "./views/panel.js";
import { PANELS } from "./views/panels.js";
import { migrationHeader, problemBox } from "./views/parts.js";
import { phaseLine } from "./views/phases.js";
import { stepList } from "./views/steps.js";
import { type Tab, tabs } from "./views/tabs.js";
import { NO_DRAFT, type TuningDraft } from "./views/tuning.js";

const CHART_WIDTH = { narrow: 340, wide: 560 };
const TABS: Tab[] = [{ id: "overview", title: "Overview" }, { id: "steps", title: "Steps" }, ...PANELS];

/**
 * `<cutover-migration stack="web-api-production">`: one migration, live: where it is, what comes next and what that will
 * change, the signals of both sides, and everything that is known about it. `view` names the tab; with `actions="off"`
 * it only shows.
 */
export class CutoverMigration extends CutoverElement implements Onlooker {
  static override observedAttributes = [...CutoverElement.observedAttributes, "stack", "view", "actions"];
  /** What was refused last; stays until something is asked again. */
  private refusal: Problem | undefined;
  private window: string | undefined;
  private at: number | undefined;
  private readonly open = new Set<string>();
  private chosen: Pick<PanelContext, "journal" | "compared" | "tuning"> = {
    tuning: NO_DRAFT,
    journal: FIRST_FILTER,
    compared: { left: undefined, right: undefined },
  };
  private readonly data = new MigrationData(this);
  private readonly dialog = new MigrationDialog(this);

  get stack(): string {
    return this.getAttribute("stack") ?? "";
  }
  set stack(stack: string) {
    this.setAttribute("stack", stack);
  }
  get tab(): string {
    const asked = this.getAttribute("view") ?? "overview";
    return TABS.some((t) => t.id === asked) ? asked : "overview";
  }

  /** The migration as the session knows it now. */
  migration(): Migration | undefined {
    return this.session?.migrations.get(this.stack);
  }
  plan(): readonly Step[] {
    return this.data.steps;
  }
  get readBefore(): readonly string[] | undefined {
    return this.data.moment?.byHand;
  }
  get byHand(): readonly string[] | undefined {
    return this.session?.live === false && !this.session.signedOut ? this.readBefore : undefined;
  }
  get api(): CutoverClient | undefined {
    return this.session?.api;
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (name === "stack" && before !== after) this.forget();
    super.attributeChangedCallback(name, before, after);
    if (this.isConnected && (name === "stack" || name === "view")) this.data.refresh(0);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.data.stop();
  }

  override reconnect(): void {
    super.reconnect();
    if (this.migration() !== undefined) this.data.refresh(0);
  }

  private forget(): void {
    this.data.forget();
    [this.window, this.refusal] = [undefined, undefined];
    this.chosen = { ...this.chosen, tuning: NO_DRAFT, compared: { left: undefined, right: undefined } };
    this.open.clear();
    this.dialog.close();
  }

  protected override changed(change: Change): void {
    const m = this.migration();
    if (m === undefined || (change !== undefined && change.stack !== this.stack)) return;
    if (change?.statusChanged) this.emit("cutover-status", { stack: m.stack, status: m.status });
    this.data.changed(m, this.session?.live === true);
  }

  get panel(): Panel | undefined {
    return PANELS.find((p) => p.id === this.tab);
  }

  stretch(m: Migration): ReturnType<typeof windowOf> | undefined {
    const { steps } = this.data;
    return this.tab === "overview" ? windowOf(this.window ?? firstWindow(m, steps), m, steps) : undefined;
  }

  context(migration: Migration): PanelContext {
    const actions = this.offered(migration);
    return {
      migration,
      steps: this.data.steps,
      ...this.chosen,
      choose: ({ journal, compared, tuning = {} }) => {
        const before = this.chosen.tuning;
        this.chosen = {
          tuning: { ...before, ...tuning, changes: { ...before.changes, ...tuning.changes } },
          journal: { ...this.chosen.journal, ...journal },
          compared: { ...this.chosen.compared, ...compared },
        };
        if (compared !== undefined) this.data.refresh(0);
        this.update();
      },
      ...(actions.includes("rollback") ? { rollback: (revision: number) => this.dialog.open("rollback", revision) } : {}),
      ...(this.mayAct && mayTune(migration, this.data.roles)
        ? { tune: (changesOf) => void this.tune(changesOf), edit: () => this.dialog.open("edit") }
        : {}),
    };
  }

  private get mayAct(): boolean {
    return this.getAttribute("actions") !== "off";
  }

  /** What is offered to this person now. */
  private offered(m: Migration): Action[] {
    if (!this.mayAct) return [];
    return actionsOf(m, this.data.roles);
  }

  protected drawn(): ComponentChild {
    const m = this.migration();
    const { session } = this;
    const lost = session?.live === false ? session.problem : undefined;
    if (m === undefined)
      return h(
        "div",
        { class: "stack" },
        problemBox(lost),
        h("p", { class: "empty" }, session?.loaded === true ? `There is no migration of ${this.stack}.` : "Loading…"),
      );
    return h(
      "div",
      { class: "stack" },
      problemBox(lost ?? this.refusal ?? this.data.problem),
      this.byHand === undefined || isOver(m) ? false : h("div", { class: "card" }, withoutService(this.byHand)),
      migrationHeader(
        m,
        actionBar(m, this.offered(m), (action) => this.dialog.open(action)),
      ),
      writePause(this.data.clocked, m),
      h("section", { class: "card glance", "aria-label": "At a glance" }, answers(m, this.data.clocked, this.session?.live !== false)),
      h(
        "section",
        { class: "card", "aria-label": "Progress" },
        phaseLine(m, this.data.steps, (phase) => this.showPhase(phase)),
      ),
      tabs(TABS, this.tab, (id) => this.show(id)),
      h("div", { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${this.tab}`, key: this.tab }, this.content(m)),
      this.dialog.view(m, this.data.steps),
    );
  }

  private content(m: Migration): ComponentChildren {
    if (this.tab === "overview") return h("div", { class: "stack" }, this.now(m), this.charts(m));
    if (this.tab === "steps") return this.stepList(m);
    const { panel } = this;
    const data = this.data.panels[this.tab];
    return panel === undefined || data === undefined ? h("p", { class: "empty" }, "Loading…") : panel.view(data as never, this.context(m));
  }

  private now(migration: Migration): ComponentChildren {
    return now({
      migration,
      clocked: this.data.clocked,
      steps: this.data.steps,
      onPreview: () => this.dialog.open("preview"),
      onReport: () => void this.download(`${migration.stack}.html`, (api) => api.getReportPage(migration.stack)),
    });
  }

  private charts(migration: Migration): ComponentChildren {
    const { steps, signals } = this.data;
    return charts({
      migration,
      steps,
      signals,
      window: this.window ?? firstWindow(migration, steps),
      onWindow: (window) => {
        this.window = window;
        this.data.refresh(0);
        this.update();
      },
      at: this.at,
      onAt: (at) => {
        this.at = at;
        this.update();
      },
      width: this.clientWidth < 560 ? CHART_WIDTH.narrow : CHART_WIDTH.wide,
    });
  }

  private stepList(migration: Migration): ComponentChildren {
    return stepList({
      migration,
      steps: this.data.steps,
      open: this.open,
      onToggle: (id) => {
        if (!this.open.delete(id)) this.open.add(id);
        this.update();
      },
      fileHref: (name) => this.api?.addressOf((api) => api.getFile(migration.stack, name)) ?? "",
      onFile: (name, event) => {
        event.preventDefault();
        void this.download(name, (api) => api.getFile(migration.stack, name));
      },
    });
  }

  /** Shows a tab; a host page that keeps addresses of its own hears of it first. */
  private show(id: string): void {
    if (this.emit("cutover-view", { stack: this.stack, view: id })) this.setAttribute("view", id);
  }

  private showPhase(phase: string): void {
    for (const s of this.data.steps) if (s.phase === phase && s.id === this.migration()?.step?.id) this.open.add(s.id);
    this.show("steps");
    setTimeout(() => this.shadowRoot?.getElementById(`phase-${phase}`)?.scrollIntoView({ block: "start" }), FRESH_MS / 4);
  }

  private async tune(changesOf: (draft: TuningDraft) => Record<string, unknown>): Promise<void> {
    this.refusal = undefined;
    const changes = changesOf(this.chosen.tuning);
    const why = this.chosen.tuning.why.trim();
    try {
      const view = await this.api?.tune(this.stack, { changes, why: why === "" ? undefined : why });
      this.chosen = { ...this.chosen, tuning: NO_DRAFT };
      if (view !== undefined) this.accepted("tune", view);
      this.data.refresh(0);
    } catch (error) {
      this.refusal = asProblem(error);
    }
    this.update();
  }

  /** A file of evidence needs the credential, which a plain link has not. */
  private async download(name: string, get: (api: CutoverClient) => Promise<string>): Promise<void> {
    this.refusal = undefined;
    try {
      if (this.api !== undefined) save(name, await get(this.api));
    } catch (error) {
      this.refusal = asProblem(error);
      this.update();
    }
  }

  /** For the dialog: a command was accepted. */
  accepted(command: string, view: Migration): void {
    this.session?.take(view);
    this.emit("cutover-command", { stack: view.stack, command });
  }
}
