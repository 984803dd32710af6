import { thirdPartiesOf } from "../automation/plan/documents.js";
import { STEP } from "../automation/plan/ids.js";
import type { Plan } from "../automation/plan/plan.js";
import { currentConfig, type MigrationState, type StepState } from "../automation/state/state.js";
import type { Inventory } from "../inventory/csv.js";
import { assessRisks, type Risk } from "../inventory/risks.js";
import type { CloudFacts } from "../ports/target.js";

export interface RiskView extends Omit<Risk, "mitigatedBy"> {
  /** `mitigated` once every step that carries the mitigation out is done. */
  standing: "open" | "mitigated";
  mitigatedBy: { id: string; title: string; status: StepState["status"] }[];
}

/** The risk register: by the facts that the assessment found, and by how far its mitigations are. Pure. */
export function riskViews(plan: Plan, state: MigrationState, inventory: Inventory | undefined): RiskView[] {
  const config = currentConfig(state);
  const application = inventory?.applications.find((a) => a.name === config.application.name);
  const risks = assessRisks({
    ...((state.steps[STEP.risks]?.facts ?? {}) as CloudFacts),
    criticality: application?.criticality ?? config.application.criticality,
    hasDatabase: config.database !== undefined,
    hasPublicHost: config.dns !== undefined,
    thirdParties: application === undefined ? [] : thirdPartiesOf(application),
  });
  return risks.map((risk) => {
    const mitigatedBy = risk.mitigatedBy.flatMap((id) => {
      const step = plan.find((s) => s.id === id);
      return step === undefined ? [] : [{ id, title: step.title, status: state.steps[id]?.status ?? ("waiting" as const) }];
    });
    const mitigated = mitigatedBy.length > 0 && mitigatedBy.every((s) => s.status === "done");
    return { ...risk, standing: mitigated ? "mitigated" : "open", mitigatedBy };
  });
}
