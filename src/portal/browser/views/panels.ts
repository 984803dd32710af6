import type { ComponentChildren } from "preact";
import { type CutoverClient, pagesOf } from "../../../client/index.js";
import type { Recorded } from "../lib/types.js";
import { checklistPanel } from "./checklists.js";
import { costsPanel } from "./costs.js";
import { editsPanel } from "./edits.js";
import { goalsPanel } from "./goals.js";
import { journalPanel } from "./journal.js";
import type { Panel, PanelContext, RevisionsData } from "./panel.js";
import { readinessPanel } from "./readiness.js";
import { revisionsPanel } from "./revisions.js";
import { risksPanel } from "./risks.js";
import { tuningPanel } from "./tuning.js";

const panel = <T>(
  id: string,
  title: string,
  load: (api: CutoverClient, stack: string, c: PanelContext) => Promise<T>,
  view: (data: T, c: PanelContext) => ComponentChildren,
): Panel => ({
  id,
  title,
  load,
  view: view as Panel["view"],
});

const PAGE = 1_000;

/** The whole journal, page by page. */
async function entriesOf(api: CutoverClient, stack: string): Promise<Recorded[]> {
  const all: Recorded[] = [];
  for await (const { entries } of pagesOf((after?: number) => api.getJournal(stack, { after, limit: PAGE })))
    all.push(...(entries as Recorded[]));
  return all;
}

async function revisionsOf(api: CutoverClient, stack: string, { compared }: PanelContext): Promise<RevisionsData> {
  const { current, revisions } = await api.getRevisions(stack, { limit: PAGE });
  const right = compared.right ?? current;
  const left = compared.left ?? Math.max(0, right - 1);
  const { changes } = await api.getRevisionDiff(stack, right, { against: left });
  return { current, revisions, changes, left, right };
}

/** The tabs beside the overview and the steps, in order. */
export const PANELS: Panel[] = [
  panel("journal", "Journal", entriesOf, journalPanel),
  panel("revisions", "Revisions", revisionsOf, revisionsPanel),
  panel("checklists", "Checklists", (api, stack) => api.getChecklists(stack), checklistPanel),
  panel("risks", "Risks", (api, stack) => api.getRisks(stack), risksPanel),
  panel("readiness", "Database", (api, stack) => api.getReadiness(stack), readinessPanel),
  panel("costs", "Costs", (api, stack) => api.getCosts(stack), costsPanel),
  panel(
    "tuning",
    "Tuning",
    (api, stack) => api.getTuning(stack),
    (data, { tuning, choose, tune }) =>
      tuningPanel(data, { draft: tuning, onDraft: (typed) => choose({ tuning: typed }), ...(tune === undefined ? {} : { send: tune }) }),
  ),
  panel(
    "edits",
    "Edits",
    (api, stack) => api.getEdit(stack),
    (data, { edit }) => editsPanel(data, edit),
  ),
  panel("goals", "30/60/90 days", (api, stack) => api.getScorecard(stack), goalsPanel),
];
