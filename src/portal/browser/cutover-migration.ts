import { type Api, asProblem, type Problem } from "./lib/api.js";
import { CutoverElement } from "./lib/element.js";
import { h, type View } from "./lib/render.js";
import { save } from "./lib/save.js";
import type { Change, Me } from "./lib/session.js";
import type { Migration, Signals, Step } from "./lib/types.js";
import { MigrationDialog } from "./migrationDialog.js";
import { actionBar, actionsOf } from "./views/actions.js";
import { charts, firstWindow, windowOf } from "./views/charts.js";
import { FIRST_FILTER } from "./views/journal.js";
import { now } from "./views/now.js";
import { PANELS, type PanelContext } from "./views/panels.js";
import { migrationHeader, problemBox } from "./views/parts.js";
import { phaseLine } from "./views/phases.js";
import { stepList } from "./views/steps.js";
import { type Tab, tabs } from "./views/tabs.js";
import { NO_DRAFT, type TuningDraft } from "./views/tuning.js";

/** After a change, what was fetched is fetched again, but not more often than this. */
const FRESH_MS = 400;
const CHART_WIDTH = { narrow: 340, wide: 560 };
const TABS: Tab[] = [{ id: "overview", title: "Overview" }, { id: "steps", title: "Steps" }, ...PANELS];

/**
 * `<cutover-migration stack="web-api-production">`: one migration, live: where it is, what comes next and what that will
 * change, the signals of both sides, and everything that is known about it. `view` names the tab; with `actions="off"`
 * it only shows.
 */
export class CutoverMigration extends CutoverElement {
  static override observedAttributes = [...CutoverElement.observedAttributes, "stack", "view", "actions"];
  private steps: Step[] = [];
  private signals: Signals | undefined;
  private panels: Record<string, unknown> = {};
  private problem: Problem | undefined;
  /** What was refused last; stays until something is asked again. */
  private refusal: Problem | undefined;
  /** For this stack. */
  private roles: Me["roles"] = [];
  private window: string | undefined;
  private at: number | undefined;
  private readonly open = new Set<string>();
  private chosen: Pick<PanelContext, "journal" | "compared" | "tuning"> = {
    tuning: NO_DRAFT,
    journal: FIRST_FILTER,
    compared: { left: undefined, right: undefined },
  };
  private timer: ReturnType<typeof setTimeout> | undefined;
  private seen = -1;
  private loading = false;
  private again = false;
  private readonly dialog = new MigrationDialog(this);

  get stack(): string {
    return this.getAttribute("stack") ?? "";
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
    return this.steps;
  }
  get api() {
    return this.session?.api;
  }
  get address(): string {
    return `v1/migrations/${encodeURIComponent(this.stack)}`;
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (name === "stack" && before !== after) this.forget();
    super.attributeChangedCallback(name, before, after);
    if (this.isConnected && (name === "stack" || name === "view")) this.refresh(0);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  override reconnect(): void {
    super.reconnect();
    if (this.migration() !== undefined) this.refresh(0);
  }

  private forget(): void {
    [this.steps, this.signals, this.panels, this.window, this.seen] = [[], undefined, {}, undefined, -1];
    [this.problem, this.refusal] = [undefined, undefined];
    this.chosen = { ...this.chosen, tuning: NO_DRAFT, compared: { left: undefined, right: undefined } };
    this.open.clear();
    this.dialog.close();
  }

  protected override changed(change: Change): void {
    const m = this.migration();
    if (m === undefined || (change !== undefined && change.stack !== this.stack)) return;
    if (change?.statusChanged) this.emit("cutover-status", { stack: m.stack, status: m.status });
    // What could not be asked while the service was away is asked again.
    if (this.session?.live === true && this.problem?.status === 0) this.refresh(0);
    if (m.lastSeq > this.seen) this.refresh(this.seen === -1 ? 0 : FRESH_MS);
  }

  /** Fetches again what is shown, once for many changes. */
  refresh(after = FRESH_MS): void {
    if (this.timer !== undefined && after > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.loadInTurn();
    }, after);
  }

  /** One after another: an earlier answer that comes late would hide a later one. */
  private async loadInTurn(): Promise<void> {
    this.again = true;
    if (this.loading) return;
    this.loading = true;
    while (this.again) {
      this.again = false;
      try {
        await this.load();
      } catch (error) {
        this.problem = asProblem(error);
      }
      this.update();
    }
    this.loading = false;
  }

  private async load(): Promise<void> {
    const { api, tab } = this;
    const m = this.migration();
    if (api === undefined || m === undefined) return;
    this.seen = m.lastSeq;
    const { steps } = await api.get<{ steps: Step[] }>(`${this.address}/plan`);
    const { roles } = await api.get<Me>(`v1/me?stack=${encodeURIComponent(m.stack)}`);
    if (m.stack !== this.stack) return;
    [this.steps, this.roles] = [steps, roles];
    this.update();
    const panel = PANELS.find((p) => p.id === tab);
    const shown = panel === undefined ? undefined : await panel.load(api, this.address, this.context(m));
    const signals = tab === "overview" ? await this.loadSignals(api, m) : this.signals;
    if (m.stack !== this.stack) return;
    if (panel !== undefined) this.panels = { ...this.panels, [panel.id]: shown };
    [this.signals, this.problem] = [signals, undefined];
  }

  private loadSignals(api: Api, m: Migration): Promise<Signals> {
    const { from, to } = windowOf(this.window ?? firstWindow(m, this.steps), m, this.steps);
    const query = new URLSearchParams({
      ...(from === undefined ? {} : { from: String(from) }),
      ...(to === undefined ? {} : { to: String(to) }),
    });
    return api.get<Signals>(`${this.address}/signals?${query}`);
  }

  private context(migration: Migration): PanelContext {
    return {
      migration,
      steps: this.steps,
      ...this.chosen,
      choose: ({ journal, compared, tuning = {} }) => {
        const before = this.chosen.tuning;
        this.chosen = {
          tuning: { ...before, ...tuning, changes: { ...before.changes, ...tuning.changes } },
          journal: { ...this.chosen.journal, ...journal },
          compared: { ...this.chosen.compared, ...compared },
        };
        if (compared !== undefined) this.refresh(0);
        this.update();
      },
      ...(this.readOnly || !this.roles.includes("operator")
        ? {}
        : { rollback: (revision: number) => this.dialog.open("rollback", revision), tune: (changesOf) => void this.tune(changesOf) }),
    };
  }

  private get readOnly(): boolean {
    return this.getAttribute("actions") === "off";
  }

  protected view(): View {
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
    const step = this.steps.find((s) => s.id === m.step?.id);
    return h(
      "div",
      { class: "stack" },
      problemBox(lost ?? this.refusal ?? this.problem),
      migrationHeader(m, this.readOnly ? false : actionBar(actionsOf(m, step, this.roles), (action) => this.dialog.open(action))),
      h(
        "section",
        { class: "card", "aria-label": "Progress" },
        phaseLine(m, this.steps, (phase) => this.showPhase(phase)),
      ),
      tabs(TABS, this.tab, (id) => this.show(id)),
      h("div", { role: "tabpanel", id: "panel", "aria-labelledby": `tab-${this.tab}`, key: this.tab }, this.panel(m)),
      this.dialog.view(m, this.steps),
    );
  }

  private panel(m: Migration): View {
    const { tab } = this;
    if (tab === "overview")
      return h(
        "div",
        { class: "stack" },
        now({ migration: m, steps: this.steps, onPreview: () => this.dialog.open("preview") }),
        charts({
          migration: m,
          steps: this.steps,
          signals: this.signals,
          window: this.window ?? firstWindow(m, this.steps),
          onWindow: (window) => {
            this.window = window;
            this.refresh(0);
            this.update();
          },
          at: this.at,
          onAt: (at) => {
            this.at = at;
            this.update();
          },
          width: this.clientWidth < 560 ? CHART_WIDTH.narrow : CHART_WIDTH.wide,
        }),
      );
    if (tab === "steps")
      return stepList({
        migration: m,
        steps: this.steps,
        open: this.open,
        onToggle: (id) => {
          if (!this.open.delete(id)) this.open.add(id);
          this.update();
        },
        fileHref: (name) => `${this.address}/files/${encodeURIComponent(name)}`,
        onFile: (name, event) => void this.download(name, event),
      });
    const panel = PANELS.find((p) => p.id === tab);
    const data = this.panels[tab];
    return panel === undefined || data === undefined ? h("p", { class: "empty" }, "Loading…") : panel.view(data as never, this.context(m));
  }

  /** Shows a tab; a host page that keeps addresses of its own hears of it first. */
  private show(id: string): void {
    if (this.emit("cutover-view", { stack: this.stack, view: id })) this.setAttribute("view", id);
  }

  private showPhase(phase: string): void {
    for (const s of this.steps) if (s.phase === phase && s.id === this.migration()?.step?.id) this.open.add(s.id);
    this.show("steps");
    setTimeout(() => this.shadowRoot?.getElementById(`phase-${phase}`)?.scrollIntoView({ block: "start" }), FRESH_MS / 4);
  }

  private async tune(changesOf: (draft: TuningDraft) => Record<string, unknown>): Promise<void> {
    this.refusal = undefined;
    const changes = changesOf(this.chosen.tuning);
    const why = this.chosen.tuning.why.trim();
    try {
      const view = await this.api?.post<Migration>(`${this.address}/tune`, { changes, ...(why === "" ? {} : { why }) });
      this.chosen = { ...this.chosen, tuning: NO_DRAFT };
      if (view !== undefined) this.accepted("tune", view);
      this.refresh(0);
    } catch (error) {
      this.refusal = asProblem(error);
    }
    this.update();
  }

  /** A file of evidence needs the credential, which a plain link has not. */
  private async download(name: string, event: Event): Promise<void> {
    event.preventDefault();
    this.refusal = undefined;
    try {
      save(name, (await this.api?.text(`${this.address}/files/${encodeURIComponent(name)}`)) ?? "");
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
