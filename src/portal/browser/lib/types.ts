/** What the service answers, as its document says. */

/** The document leaves open what an entry of each type has. */
export type { Recorded } from "../../../automation/journal/entries.js";
export type {
  Beginning,
  Checklist,
  ConfigChange as Change,
  Costs as CostsView,
  DatabaseReadiness,
  Edit as EditAnswer,
  Gate as GateSummary,
  Inventory as InventoryView,
  Me,
  Migration,
  Moment,
  NextStep as PreviewAnswer,
  Preview,
  Rehearsal,
  RehearsalSummary,
  Revision,
  Risk as RiskView,
  Scorecard,
  Signals,
  StackInFile,
  Step,
  Tuning as TuningData,
  Way,
} from "../../../client/index.js";
