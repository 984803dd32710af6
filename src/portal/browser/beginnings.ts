import type { ComponentChildren } from "preact";
import type { CutoverClient } from "../../client/index.js";
import { asProblem, type Problem } from "./lib/api.js";
import type { Migration } from "./lib/types.js";
import { type BeginState, beginDialog, beginnable, type Outcome } from "./views/beginDialog.js";

/** The element that begins them. */
export interface BeginOwner {
  readonly shadowRoot: ShadowRoot | null;
  readonly api: CutoverClient | undefined;
  update(): void;
  accepted(view: Migration): void;
  /** Asks for the list of stacks again. @returns those that have begun; nothing where it was not answered */
  begunNow(): Promise<ReadonlySet<string> | undefined>;
}

/** Beginning several migrations: what is shown before, and what became of each. One after another, so that it can be stopped. */
export class Beginnings {
  private state: BeginState | undefined;
  private opener: HTMLElement | undefined;

  constructor(private readonly element: BeginOwner) {}

  open(stacks: readonly string[]): void {
    this.opener ??= (this.element.shadowRoot?.activeElement as HTMLElement | null) ?? undefined;
    this.set({ stacks, outcomes: new Map(), at: "shown" });
    void this.ask(stacks);
  }

  view(): ComponentChildren {
    return (
      this.state !== undefined &&
      beginDialog({
        state: this.state,
        close: () => this.close(),
        confirm: () => void this.begin(),
        again: (stacks) => this.open(stacks),
      })
    );
  }

  /** While they are begun it only keeps the next ones from being begun. */
  private close(): void {
    if (this.state?.at === "stopping") return;
    if (this.state?.at === "beginning") {
      this.set({ ...this.state, at: "stopping" });
      return;
    }
    this.set(undefined);
    if (this.opener?.isConnected === true) this.opener.focus();
    this.opener = undefined;
  }

  private set(state: BeginState | undefined): void {
    this.state = state;
    this.element.update();
  }

  private async ask(stacks: readonly string[]): Promise<void> {
    const { api } = this.element;
    if (api === undefined) return;
    const answer = await api.previewBeginnings({ stacks: [...stacks] }).catch((error: unknown) => ({ problem: asProblem(error) }));
    // Meanwhile it may have been closed, or opened for others.
    if (this.state?.stacks === stacks) this.set({ ...this.state, ...answer });
  }

  private async begin(): Promise<void> {
    const { api } = this.element;
    if (this.state === undefined || api === undefined) return;
    const all = beginnable(this.state);
    this.set({ ...this.state, at: "beginning" });
    for (const { stack, digest } of all) {
      if (this.state.at !== "beginning") break;
      this.tell(stack, { is: "asked" });
      try {
        this.element.accepted(await api.createMigration({ stack, seen: digest }));
        this.tell(stack, { is: "begun" });
      } catch (error) {
        this.tell(stack, outcomeOf(asProblem(error)));
      }
    }
    await this.settle();
    this.set({ ...this.state, at: "over" });
  }

  /** What nobody answered for may have been begun all the same: the list of stacks knows. */
  private async settle(): Promise<void> {
    const begun = await this.element.begunNow();
    if (begun === undefined) return;
    for (const [stack, outcome] of this.state?.outcomes ?? [])
      if (outcome.is === "unknown") this.tell(stack, begun.has(stack) ? { is: "begun" } : { is: "failed", problem: outcome.problem });
  }

  private tell(stack: string, outcome: Outcome): void {
    if (this.state !== undefined) this.set({ ...this.state, outcomes: new Map([...this.state.outcomes, [stack, outcome]]) });
  }
}

/** A refusal says that it was not begun; an answer that did not come, or an error of the service, says nothing. */
const outcomeOf = (problem: Problem): Outcome => ({ is: problem.status === 0 || problem.status >= 500 ? "unknown" : "failed", problem });
