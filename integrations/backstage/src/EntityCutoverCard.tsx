import { InfoCard, ResponseErrorPanel } from "@backstage/core-components";
import { MissingAnnotationEmptyState, useEntity } from "@backstage/plugin-catalog-react";
import { useState } from "react";
import { STACK_ANNOTATION, stacksOf } from "./annotation";
import { CutoverElement } from "./CutoverElement";
import { useCutover } from "./useCutover";

/** A card for an entity's overview: where each of its migrations is. It only shows. */
export function EntityCutoverCard() {
  const stacks = stacksOf(useEntity().entity);
  const service = useCutover();
  const [error, setError] = useState<Error>();
  if (stacks.length === 0) return <MissingAnnotationEmptyState annotation={STACK_ANNOTATION} />;
  return (
    <InfoCard title="Migration">
      {error === undefined ? (
        stacks.map((stack) => (
          <CutoverElement key={stack} tag="cutover-migration" stack={stack} view="overview" readOnly onError={setError} {...service} />
        ))
      ) : (
        <ResponseErrorPanel error={error} />
      )}
    </InfoCard>
  );
}
