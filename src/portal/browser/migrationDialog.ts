import type { ComponentChildren } from "preact";
import type { CutoverClient } from "../../client/index.js";
import { asProblem } from "./lib/api.js";
import type { Migration, Step } from "./lib/types.js";
import type { Action } from "./views/actions.js";
import { actionDialog } from "./views/dialog.js";
import type { DialogState } from "./views/dialogState.js";
import { lostNames } from "./views/intent.js";

/** Until the second press of the emergency button counts. */
const ARMING_MS = 700;

/** The element that a dialog belongs to. */
export interface DialogOwner {
  readonly shadowRoot: ShadowRoot | null;
  readonly api: CutoverClient | undefined;
  readonly stack: string;
  migration(): Migration | undefined;
  plan(): readonly Step[];
  /** Read beforehand; undefined while the service answers. */
  readonly byHand: readonly string[] | undefined;
  /** The same, whether it answers or not. */
  readonly readBefore: readonly string[] | undefined;
  update(): void;
  accepted(command: string, view: Migration): void;
}

/** The dialog of one element: what is open, what the service said it would do, and the command in the end. */
export class MigrationDialog {
  private state: DialogState | undefined;
  private opener: HTMLElement | undefined;

  constructor(private readonly element: DialogOwner) {}

  open(action: Action, revision?: number): void {
    const m = this.element.migration();
    if (m === undefined) return;
    this.opener = (this.element.shadowRoot?.activeElement as HTMLElement | null) ?? undefined;
    this.state = {
      action,
      extent: "step",
      why: "",
      typed: "",
      named: {},
      armed: "no",
      sending: false,
      ...(revision === undefined ? {} : { revision }),
    };
    this.element.update();
    void this.ask();
  }

  close(): void {
    if (this.state === undefined) return;
    this.state = undefined;
    this.element.update();
    this.opener?.focus();
  }

  view(migration: Migration, steps: readonly Step[]): ComponentChildren {
    if (this.state === undefined) return false;
    return actionDialog({
      state: this.state,
      migration,
      steps,
      byHand: this.element.byHand ?? (this.state.problem?.status === 0 ? this.element.readBefore : undefined),
      change: (what) => this.change(what),
      close: () => this.close(),
      send: () => void this.send(),
    });
  }

  private change(what: Partial<DialogState>): void {
    if (this.state === undefined) return;
    const revisionChanged = what.revision !== undefined && what.revision !== this.state.revision;
    this.state = { ...this.state, ...what };
    if (what.armed === "arming") setTimeout(() => this.change({ armed: "ready" }), ARMING_MS);
    if (revisionChanged) {
      this.state = { ...this.state, problem: undefined };
      delete this.state.way;
      delete this.state.insist;
      void this.ask();
    }
    this.element.update();
  }

  /** Asks the service what the action would do. */
  private async ask(): Promise<void> {
    const { state } = this;
    const { api, stack } = this.element;
    if (state === undefined || api === undefined) return;
    const answer: Partial<DialogState> = {};
    try {
      if (state.action === "advance" || state.action === "preview") answer.preview = await api.previewNextStep(stack);
      if (state.action === "edit") {
        const edit = await api.getEdit(stack);
        answer.edit = { ...edit, ...(await api.previewEdit(stack)) };
      }
      if (state.action === "emergency") answer.way = await api.getEmergencyWay(stack);
      if (state.action === "abort") answer.way = await api.getWayBack(stack, { revision: 0 });
      if (state.action === "rollback") {
        const { current, revisions } = await api.getRevisions(stack, { limit: 1_000 });
        answer.revisions = revisions;
        answer.revision = state.revision ?? revisions.findLast((r) => r.number !== current)?.number ?? 0;
        answer.way = await api.getWayBack(stack, { revision: answer.revision });
      }
    } catch (error) {
      answer.problem = asProblem(error);
    }
    // Meanwhile the dialog may have been closed, or another revision chosen.
    if (this.state?.action !== state.action || this.state.revision !== state.revision) return;
    this.state = { ...this.state, ...answer };
    this.element.update();
  }

  private async send(): Promise<void> {
    const { state } = this;
    const { api, stack } = this.element;
    if (state === undefined || api === undefined) return;
    this.change({ sending: true, problem: undefined });
    try {
      const view = await command(api, stack, state, this.element);
      if (view !== undefined) this.element.accepted(state.action, view);
      this.close();
    } catch (error) {
      this.change({ sending: false, armed: "no", problem: asProblem(error) });
    }
  }
}

/** Sends what was decided. @returns nothing for what only shows */
async function command(
  api: CutoverClient,
  stack: string,
  { action, extent, revision, why: said, edit, insist }: DialogState,
  element: DialogOwner,
): Promise<Migration | undefined> {
  const [m, why] = [element.migration(), said.trim() === "" ? undefined : said.trim()];
  const step = m?.step?.id ?? "";
  switch (action) {
    case "advance":
      return api.advance(stack, { extent });
    case "approve": {
      // It counts for the preview that was shown, and for no other.
      const preview = element.plan().find((s) => s.id === step)?.preview?.digest;
      const resources = m === undefined ? [] : lostNames(action, m);
      return api.approve(stack, { step, resources: resources.length === 0 ? undefined : resources, preview });
    }
    case "refuse":
      return api.refuse(stack, { step, why });
    case "edit":
      return api.edit(stack, { seen: edit?.digest, why });
    case "rollback":
      return revision === undefined ? undefined : api.rollback(stack, { revision, why, insist });
    case "pause":
      return api.pause(stack, { why });
    case "resume":
      return api.resume(stack);
    case "promote":
      return api.promote(stack);
    case "abort":
      return api.abort(stack, { why, insist });
    case "emergency":
      return api.emergency(stack, { why, insist });
    case "preview":
      return undefined;
  }
}
