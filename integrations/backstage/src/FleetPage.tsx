import { Content, Header, Page, ResponseErrorPanel } from "@backstage/core-components";
import { useState } from "react";
import { CutoverElement } from "./CutoverElement";
import { useCutover } from "./useCutover";

/** A page of its own: all applications, and one migration when it is chosen. */
export function FleetPage() {
  const service = useCutover();
  const [stack, setStack] = useState<string>();
  const [error, setError] = useState<Error>();
  return (
    <Page themeId="tool">
      <Header title="Cutover" subtitle={stack ?? "All applications"} />
      <Content>
        {error !== undefined && <ResponseErrorPanel error={error} />}
        {stack === undefined ? (
          <CutoverElement tag="cutover-fleet" onSelect={setStack} onError={setError} {...service} />
        ) : (
          <>
            <button type="button" onClick={() => setStack(undefined)}>
              All applications
            </button>
            <CutoverElement tag="cutover-migration" stack={stack} onError={setError} {...service} />
          </>
        )}
      </Content>
    </Page>
  );
}
