import { configApiRef, identityApiRef, useApi } from "@backstage/core-plugin-api";
import { useCallback } from "react";

/** Where the service is, and the signed-in person's Backstage token, which the service checks by its OIDC settings. */
export function useCutover(): { baseUrl: string; token: () => Promise<string> } {
  const baseUrl = useApi(configApiRef).getString("cutover.baseUrl");
  const identity = useApi(identityApiRef);
  const token = useCallback(async () => (await identity.getCredentials()).token ?? "", [identity]);
  return { baseUrl, token };
}
