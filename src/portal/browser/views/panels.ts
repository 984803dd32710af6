import type { ComponentChildren } from "preact";
import type { Api } from "../lib/api.js";
import type { Checklist, CostsView, DatabaseReadiness, EditAnswer, Recorded, Revision, RiskView, Scorecard } from "../lib/types.js";
import { checklistPanel } from "./checklists.js";
import { costsPanel } from "./costs.js";
import { editsPanel } from "./edits.js";
import { goalsPanel } from "./goals.js";
import { journalPanel } from "./journal.js";
import type { Panel, PanelContext, RevisionsData } from "./panel.js";
import { readinessPanel } from "./readiness.js";
import { revisionsPanel } from "./revisions.js";
import { risksPanel } from "./risks.js";
import { type TuningData, tuningPanel } from "./tuning.js";

const panel = <T>(
  id: string,
  title: string,
  load: (api: Api, at: string, c: PanelContext) => Promise<T>,
  view: (data: T, c: PanelContext) => ComponentChildren,
): Panel => ({
  id,
  title,
  load,
  view: view as Panel["view"],
});

const PAGE = 1_000;

/** The whole journal, page by page. */
async function entriesOf(api: Api, at: string): Promise<Recorded[]> {
  const entries: Recorded[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: { entries: Recorded[]; next?: number } = await api.get(`${at}/journal?after=${after}&limit=${PAGE}`);
    entries.push(...page.entries);
    after = page.next;
  }
  return entries;
}

async function revisionsOf(api: Api, at: string, { compared }: PanelContext): Promise<RevisionsData> {
  const { current, revisions } = await api.get<{ current: number; revisions: Revision[] }>(`${at}/revisions?limit=${PAGE}`);
  const right = compared.right ?? current;
  const left = compared.left ?? Math.max(0, right - 1);
  const { changes } = await api.get<{ changes: RevisionsData["changes"] }>(`${at}/revisions/${right}/diff?against=${left}`);
  return { current, revisions, changes, left, right };
}

/** The tabs beside the overview and the steps, in order. */
export const PANELS: Panel[] = [
  panel("journal", "Journal", entriesOf, journalPanel),
  panel("revisions", "Revisions", revisionsOf, revisionsPanel),
  panel("checklists", "Checklists", (api, at) => api.get<{ checklists: Checklist[] }>(`${at}/checklists`), checklistPanel),
  panel("risks", "Risks", (api, at) => api.get<{ risks: RiskView[] }>(`${at}/risks`), risksPanel),
  panel("readiness", "Database", (api, at) => api.get<DatabaseReadiness>(`${at}/readiness`), readinessPanel),
  panel("costs", "Costs", (api, at) => api.get<CostsView>(`${at}/costs`), costsPanel),
  panel(
    "tuning",
    "Tuning",
    (api, at) => api.get<TuningData>(`${at}/tuning`),
    (data, { tuning, choose, tune }) =>
      tuningPanel(data, { draft: tuning, onDraft: (typed) => choose({ tuning: typed }), ...(tune === undefined ? {} : { send: tune }) }),
  ),
  panel(
    "edits",
    "Edits",
    (api, at) => api.get<EditAnswer>(`${at}/edit`),
    (data, { edit }) => editsPanel(data, edit),
  ),
  panel("goals", "30/60/90 days", (api, at) => api.get<Scorecard>(`${at}/scorecard`), goalsPanel),
];
