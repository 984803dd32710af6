import { Content, ResponseErrorPanel } from "@backstage/core-components";
import { MissingAnnotationEmptyState, useEntity } from "@backstage/plugin-catalog-react";
import { useState } from "react";
import { STACK_ANNOTATION, stacksOf } from "./annotation";
import { CutoverElement } from "./CutoverElement";
import { useCutover } from "./useCutover";

/** A page of an entity: its migrations with all their views and commands, one after another. */
export function EntityCutoverContent() {
  const stacks = stacksOf(useEntity().entity);
  const service = useCutover();
  const [error, setError] = useState<Error>();
  if (stacks.length === 0) return <MissingAnnotationEmptyState annotation={STACK_ANNOTATION} />;
  return (
    <Content>
      {error !== undefined && <ResponseErrorPanel error={error} />}
      {stacks.map((stack) => (
        <section key={stack}>
          <CutoverElement tag="cutover-migration" stack={stack} onError={setError} {...service} />
        </section>
      ))}
    </Content>
  );
}
