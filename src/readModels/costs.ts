import { STEP } from "../automation/plan/ids.js";
import type { MigrationState } from "../automation/state/state.js";

export interface CostsView {
  /** Whether the step that reads the costs has run. */
  known: boolean;
  currency?: string;
  /** In the whole account, a month. */
  account?: Amounts;
  /** Tagged with the application, a month; absent where nothing is. */
  application?: Amounts;
  /** The whole account by service, the most expensive first. */
  services: (Amounts & { service: string })[];
  spotSavingsAMonth?: number;
  /** The sentence that the step left. */
  evidence?: string;
}

interface Amounts {
  before: number;
  after: number;
}

/** Cost before and after, as the step that reviews it found it. Pure. */
export function costsView(state: MigrationState): CostsView {
  const at = state.steps[STEP.cost];
  const facts = at?.status === "done" ? (at.facts ?? {}) : {};
  const { before, after, applicationBefore, applicationAfter, spotSavingsAMonth, currency, services } = facts;
  const amounts = (a: unknown, b: unknown): Amounts | undefined =>
    typeof a === "number" && typeof b === "number" ? { before: a, after: b } : undefined;
  const account = amounts(before, after);
  const application = amounts(applicationBefore, applicationAfter);
  return {
    known: account !== undefined,
    ...(typeof currency === "string" ? { currency } : {}),
    ...(account === undefined ? {} : { account }),
    ...(application === undefined ? {} : { application }),
    services: Array.isArray(services) ? (services as CostsView["services"]) : [],
    ...(typeof spotSavingsAMonth === "number" ? { spotSavingsAMonth } : {}),
    ...(at?.evidence === undefined ? {} : { evidence: at.evidence }),
  };
}
