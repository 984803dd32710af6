import { type ComponentChild, h } from "preact";
import { asProblem, type Problem } from "./lib/api.js";
import { CutoverElement } from "./lib/element.js";
import type { Rehearsal, RehearsalSummary } from "./lib/types.js";
import { problemBox } from "./views/parts.js";
import { rehearsalList } from "./views/rehearsals.js";
import { replay } from "./views/replay.js";

/** Between two moments of a replay that runs by itself. */
const MOMENT_MS = 350;

/**
 * `<cutover-rehearsals>`: the rehearsals that were made, with their verdicts; with the attribute `rehearsal` one of them,
 * to replay moment by moment. A choice is told by the event `cutover-rehearsal`.
 */
export class CutoverRehearsals extends CutoverElement {
  static override observedAttributes = [...CutoverElement.observedAttributes, "rehearsal"];
  private list: RehearsalSummary[] | undefined;
  private shown: Rehearsal | undefined;
  private problem: Problem | undefined;
  private stack: string | undefined;
  private at = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  override reconnect(): void {
    super.reconnect();
    void this.load();
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    super.attributeChangedCallback(name, before, after);
    if (name === "rehearsal" && before !== after && this.isConnected) void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.pause();
  }

  private async load(): Promise<void> {
    const id = this.getAttribute("rehearsal");
    this.pause();
    [this.shown, this.problem, this.stack, this.at] = [undefined, undefined, undefined, 0];
    try {
      if (id === null) this.list = (await this.session?.api.listRehearsals())?.rehearsals;
      else this.shown = await this.session?.api.getRehearsal(id);
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.update();
  }

  private get frames(): Rehearsal["migrations"][number]["frames"] {
    return this.shown?.migrations.find((m) => m.stack === this.stack)?.frames ?? this.shown?.migrations[0]?.frames ?? [];
  }

  private play(): void {
    if (this.at >= this.frames.length - 1) this.at = 0;
    this.timer = setInterval(() => {
      if (this.at >= this.frames.length - 1) this.pause();
      else this.at += 1;
      this.update();
    }, MOMENT_MS);
    this.update();
  }

  private pause(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  protected drawn(): ComponentChild {
    const { shown, list } = this;
    return h(
      "div",
      { class: "stack" },
      problemBox(this.problem),
      shown !== undefined
        ? replay({
            rehearsal: shown,
            stack: this.stack ?? shown.migrations[0]?.stack ?? "",
            at: this.at,
            playing: this.timer !== undefined,
            onStack: (stack) => {
              this.pause();
              [this.stack, this.at] = [stack, 0];
              this.update();
            },
            onAt: (at) => {
              this.pause();
              this.at = Math.max(0, Math.min(at, this.frames.length - 1));
              this.update();
            },
            onPlay: () => {
              if (this.timer === undefined) this.play();
              else this.pause();
              this.update();
            },
          })
        : list !== undefined
          ? rehearsalList(list, (id, event) => {
              if (this.emit("cutover-rehearsal", { rehearsal: id })) this.setAttribute("rehearsal", id);
              event.preventDefault();
            })
          : this.problem === undefined
            ? h("p", { class: "empty" }, "Loading…")
            : false,
    );
  }
}
