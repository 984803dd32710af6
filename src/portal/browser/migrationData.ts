import type { CutoverClient } from "../../client/index.js";
import { asProblem, type Problem } from "./lib/api.js";
import type { Me, Migration, Moment, Signals, Step } from "./lib/types.js";
import { isOver } from "./views/actions.js";
import type { Clocked } from "./views/answers.js";
import type { Panel, PanelContext } from "./views/panel.js";

/** After a change, what was fetched is fetched again, but not more often than this. */
export const FRESH_MS = 400;

/** Signals move between two entries of the journal, too: they are looked at as often as the service measures them. */
const SIGNALS_MS = 15_000;

/** While something runs, what it is at. */
const MOVING_MS = 3_000;
const SECOND = 1_000;
const isMoving = ({ status }: Migration): boolean => status === "running" || status === "returning";

/** Whose data it is, and what of it is looked at. */
export interface Onlooker {
  readonly stack: string;
  readonly isConnected: boolean;
  readonly api: CutoverClient | undefined;
  migration(): Migration | undefined;
  /** The panel that is shown; absent for what needs nothing else. */
  readonly panel: Panel | undefined;
  context(migration: Migration): PanelContext;
  /** The stretch of time whose signals are shown; absent where none are. */
  stretch(migration: Migration): { from?: number; to?: number } | undefined;
  update(): void;
}

/** What was fetched about one migration; fetched again, what is shown of it, when the migration has moved. */
export class MigrationData {
  steps: readonly Step[] = [];
  signals: Signals | undefined;
  moment: Moment | undefined;
  /** When the moment came, by the page's clock. */
  private momentAt = 0;
  /** By the panel's id. */
  panels: Readonly<Record<string, unknown>> = {};
  problem: Problem | undefined;
  /** The person's, for this stack. */
  roles: Me["roles"] = [];
  private seen = -1;
  private beat: ReturnType<typeof setTimeout> | undefined;
  private momentBeat: ReturnType<typeof setTimeout> | undefined;
  private tick: ReturnType<typeof setInterval> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loading = false;
  private again = false;

  constructor(private readonly onlooker: Onlooker) {}

  /** Another stack is looked at. */
  forget(): void {
    [this.steps, this.signals, this.panels, this.problem, this.seen] = [[], undefined, {}, undefined, -1];
    this.moment = undefined;
  }

  /** What is true at this moment, with the target's clock as it has gone on since. */
  get clocked(): Clocked | undefined {
    return this.moment === undefined ? undefined : { moment: this.moment, now: this.moment.now + Date.now() - this.momentAt };
  }

  stop(): void {
    clearTimeout(this.momentBeat);
    clearInterval(this.tick);
    this.tick = undefined;
    clearTimeout(this.timer);
    clearTimeout(this.beat);
    this.timer = undefined;
  }

  /** The migration may have moved, or the service be there again. */
  changed(m: Migration, live: boolean): void {
    // What could not be asked while the service was away is asked again.
    if (live && this.problem?.status === 0) this.refresh(0);
    if (m.lastSeq > this.seen) this.refresh(this.seen === -1 ? 0 : FRESH_MS);
  }

  /** Fetches again what is shown, once for many changes. */
  refresh(after = FRESH_MS): void {
    if (this.timer !== undefined && after > 0) return;
    this.stop();
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
      this.onlooker.update();
    }
    this.loading = false;
    this.lookAgain();
  }

  private lookAgain(): void {
    const { onlooker } = this;
    const m = onlooker.migration();
    clearTimeout(this.beat);
    if (m === undefined || isOver(m) || !onlooker.isConnected || onlooker.stretch(m) === undefined) return;
    this.beat = setTimeout(() => this.refresh(0), SIGNALS_MS);
  }

  /** Asked often while something runs: the engine's events and the clocks stand in no journal. */
  private async lookAtMoment(): Promise<void> {
    const { onlooker } = this;
    const { stack, api } = onlooker;
    clearTimeout(this.momentBeat);
    const moment = await api?.getMoment(stack).catch(() => undefined);
    const m = onlooker.migration();
    if (m === undefined || stack !== onlooker.stack || !onlooker.isConnected) return;
    if (moment !== undefined) [this.moment, this.momentAt] = [moment, Date.now()];
    onlooker.update();
    clearTimeout(this.momentBeat);
    if (isOver(m)) return;
    this.momentBeat = setTimeout(() => void this.lookAtMoment(), isMoving(m) ? MOVING_MS : SIGNALS_MS);
    this.tick ??= setInterval(() => onlooker.update(), SECOND);
  }

  private async load(): Promise<void> {
    const { onlooker } = this;
    const { stack, api } = onlooker;
    const m = onlooker.migration();
    if (api === undefined || m === undefined) return;
    this.seen = m.lastSeq;
    const { steps } = await api.getPlan(stack);
    const { roles } = await api.getMe({ stack });
    if (stack !== onlooker.stack) return;
    [this.steps, this.roles] = [steps, roles];
    onlooker.update();
    void this.lookAtMoment();
    const { panel } = onlooker;
    const shown = await panel?.load(api, stack, onlooker.context(m));
    const stretch = onlooker.stretch(m);
    const signals = stretch === undefined ? this.signals : await api.getSignals(stack, stretch);
    if (stack !== onlooker.stack) return;
    if (panel !== undefined) this.panels = { ...this.panels, [panel.id]: shown };
    [this.signals, this.problem] = [signals, undefined];
  }
}
