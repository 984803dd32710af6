import { Unauthenticated, UserError } from "../errors.js";
import type { Caller } from "./caller.js";
import { isLocalToken, type LocalToken } from "./localToken.js";
import { looksLikeJwt, type OidcVerifier } from "./oidc.js";
import { callerOfToken, isApiToken, sameSecret, type TokenStore } from "./tokens.js";
import type { WebhookSenders } from "./webhooks.js";

/** The credentials that a service accepts. What is absent is not accepted. */
export interface Access {
  local?: LocalToken;
  tokens?: TokenStore;
  oidc?: OidcVerifier;
  webhooks?: WebhookSenders;
}

/**
 * Who a credential stands for.
 * @param person who is asking, as the request says; counts with a local token that may name people, and nowhere else
 * @throws Unauthenticated when it is not accepted
 */
export async function callerOf({ local, tokens, oidc }: Access, credential: string, person?: string): Promise<Caller> {
  if (isLocalToken(credential)) {
    if (local === undefined || !sameSecret(credential, local.token))
      throw new Unauthenticated("The local token is not the one of this service.", {
        next: "Each start makes a new one: take it from the service's terminal.",
      });
    const grants = [{ role: "admin" as const }];
    return local.namesPeople ? { name: named(person, local.name), grants, mayBeNamed: true } : { name: local.name, grants };
  }
  if (tokens !== undefined && isApiToken(credential)) return callerOfToken(tokens, credential);
  if (oidc !== undefined && looksLikeJwt(credential)) return oidc.callerOf(credential);
  throw new Unauthenticated("The credential is none that this service accepts.");
}

function named(person: string | undefined, otherwise: string): string {
  const name = person?.trim() ?? "";
  if (name === "") return otherwise;
  if (!/^[\p{L}\p{N} ._@+-]{1,80}$/u.test(name))
    throw new UserError({
      path: "header x-cutover-user",
      got: JSON.stringify(name.slice(0, 40)),
      accepted: "a name of at most 80 letters, digits, spaces and . _ @ + -",
    });
  return name;
}
