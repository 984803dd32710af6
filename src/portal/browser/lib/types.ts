import type { z } from "zod";
import type { Way as Planned } from "../../../automation/decide/wayBack.js";
import type { GateSummary } from "../../../automation/gates/watch.js";
import type { Recorded } from "../../../automation/journal/entries.js";
import type { Preview, Revision } from "../../../automation/journal/records.js";
import type { stackInFile } from "../../../http/schemas/migration.js";
import type * as rehearsals from "../../../http/schemas/rehearsal.js";
import type { migrationView, stepView } from "../../../http/views.js";
import type { DatabaseReadiness } from "../../../ports/readiness.js";
import type { Checklist } from "../../../readModels/checklists.js";
import type { CostsView } from "../../../readModels/costs.js";
import type { InventoryView } from "../../../readModels/dependencies.js";
import type { Moment } from "../../../readModels/moment.js";
import type { RiskView } from "../../../readModels/risks.js";
import type { Signals } from "../../../readModels/signals.js";

export type { Scorecard } from "../../../report/scorecard.js";

/** What the service answers, as its own types say. Of its code the portal loads only what is pure and small. */
export type Migration = ReturnType<typeof migrationView>;
export type Step = ReturnType<typeof stepView>;
export type { Checklist, CostsView, DatabaseReadiness, GateSummary, InventoryView, Moment, Preview, Recorded, Revision, RiskView, Signals };
export type Way = Planned & { byHand?: string[] };

export type StackInFile = z.output<typeof stackInFile>;
export type RehearsalSummary = z.output<typeof rehearsals.rehearsalSummary>;
export type Rehearsal = z.output<typeof rehearsals.rehearsal>;

export interface PreviewAnswer {
  step?: Step;
  preview?: Preview;
  wayBack?: Way;
}

/** What somebody edited in a stack's file. */
export interface EditAnswer {
  digest: string;
  changes: Change[];
  refused: { path: string; got?: string; accepted: string }[];
}

export interface Change {
  path: string;
  before?: unknown;
  after?: unknown;
}
