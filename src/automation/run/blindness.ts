import type { StackConfig } from "../../config/schema.js";
import type { GateSummary } from "../gates/watch.js";
import type { Entry } from "../journal/entries.js";
import type { MigrationState } from "../state/state.js";
import { servesUsers } from "./trafficWatch.js";

/** Longer than two intervals: so many rounds in a row without sight are told to people. */
const BLIND_ROUNDS = 3;
/** What tells how users on the new side fare. */
const OF_USERS = ["error-rate", "latency-p95"];

/**
 * A watch that sees nothing of the users whom it watches raises an alert: once when it has gone blind, and once when it sees
 * again. Unknown passes no gate, but nobody would hear of it.
 */
export class Blindness {
  /** Blind rounds in a row, by stack. */
  private readonly rounds = new Map<string, number>();

  constructor(private readonly note: (stack: string, entry: Entry) => Promise<void>) {}

  /** After a round. */
  async saw(state: MigrationState, config: StackConfig, gates: readonly GateSummary[]): Promise<void> {
    const { stack, blind } = state;
    const watched = servesUsers(config) ? gates.filter((g) => OF_USERS.includes(g.gate)) : [];
    if (watched.length === 0) return;
    const unseen = watched.filter((g) => g.verdict === "unknown" && g.early !== true);
    const rounds = unseen.length === 0 ? 0 : (this.rounds.get(stack) ?? 0) + 1;
    this.rounds.set(stack, rounds);
    if (rounds >= BLIND_ROUNDS && blind === undefined) {
      const why = unseen.map((g) => `${g.gate} ${g.shown}`).join("; ");
      const note = `Nobody sees how users on the new side fare: ${why}. The watch was blind for ${rounds} rounds; it goes on looking.`;
      await this.note(stack, { type: "runner.recovered", note, blind: { gates: unseen.map((g) => g.gate), why } });
    }
    if (rounds === 0 && blind !== undefined)
      await this.note(stack, { type: "runner.recovered", note: "The watch over users on the new side sees again.", blind: null });
  }
}
