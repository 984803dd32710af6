import type { ComponentChildren } from "preact";
import type { CutoverClient } from "../../../client/index.js";
import type { Migration, Revision, Step } from "../lib/types.js";
import type { TuningDraft } from "./tuning.js";

export interface JournalFilter {
  kind: string;
  text: string;
  /** Not before and not after, as a field says it (`2026-01-05T22:00`, UTC); empty: any time. */
  from: string;
  to: string;
  /** Entries shown; more on demand. */
  most: number;
  open: ReadonlySet<number>;
}

/** What a panel gets: the migration as it is now, what it chose, and how to choose something else. */
export interface PanelContext {
  migration: Migration;
  steps: readonly Step[];
  journal: JournalFilter;
  compared: Compared;
  tuning: TuningDraft;
  choose: (what: { journal?: Partial<JournalFilter>; compared?: Partial<Compared>; tuning?: Partial<TuningDraft> }) => void;
  /** Absent where no commands are offered. */
  rollback?: (revision: number) => void;
  edit?: () => void;
  tune?: (changesOf: (draft: TuningDraft) => Record<string, unknown>) => void;
}

export interface Panel {
  id: string;
  title: string;
  /** Fetches what it shows; called again when the migration has moved. */
  load: (api: CutoverClient, stack: string, context: PanelContext) => Promise<unknown>;
  view: (data: never, context: PanelContext) => ComponentChildren;
}

export interface RevisionsData {
  current: number;
  revisions: Revision[];
  changes: { path: string; before?: unknown; after?: unknown }[];
  left: number;
  right: number;
}

/** The two revisions that stand side by side; absent: the one that is applied and the one before. */
export interface Compared {
  left: number | undefined;
  right: number | undefined;
}
