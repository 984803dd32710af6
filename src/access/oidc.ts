import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { Transient, Unauthenticated } from "../errors.js";
import type { Caller, Grant } from "./caller.js";
import { addressIds, digestOf } from "./ids.js";

export interface OidcOptions {
  /** As it stands in the tokens. */
  issuer: string;
  audience: string;
  /** Where the issuer's keys are. @default what its `.well-known/openid-configuration` says */
  jwksUrl?: string | undefined;
  /** The claim that names a person: one that people cannot set themselves. */
  nameClaim: string;
  /** The claim with a person's groups. */
  groupsClaim: string;
  /** Milliseconds in which the keys are not fetched again for a key that is not among them. @default 10 s */
  cooldownMs?: number;
}

/** What a person of the identity provider, or the members of a group there, may do. */
export interface OidcGrant extends Grant {
  user?: string | undefined;
  group?: string | undefined;
}

/** Signatures with a key pair only: with a shared secret whoever checks could forge, and `none` proves nothing. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const CLOCK_TOLERANCE_SECONDS = 5;
const FETCH_MS = 5_000;
const discovered = z.object({ issuer: z.string(), jwks_uri: z.url() });

export const looksLikeJwt = (given: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(given);

/** Checks JWTs of one OpenID Connect issuer. Its keys are fetched when they are needed, and again when it changes them. */
export class OidcVerifier {
  private keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(
    private readonly options: OidcOptions,
    private readonly grants: readonly OidcGrant[],
  ) {}

  /** @throws Unauthenticated for a token that is not accepted, Transient when the issuer does not answer */
  async callerOf(token: string): Promise<Caller> {
    const { issuer, audience, nameClaim, groupsClaim } = this.options;
    const keys = await this.issuersKeys();
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      requiredClaims: ["sub", "exp"],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    }).catch((error: Error) => {
      throw described(error, issuer);
    });
    const name = nameIn(payload, nameClaim);
    const groups = listIn(payload[groupsClaim]);
    const grants = this.grants.filter(
      (g) => (g.user !== undefined && g.user === name) || (g.group !== undefined && groups.includes(g.group)),
    );
    return { name, grants, ids: [...new Set([...idsIn(payload), ...addressIds(name)])] };
  }

  private issuersKeys(): Promise<JWTVerifyGetKey> {
    this.keys ??= this.findKeys();
    this.keys.catch(() => {
      this.keys = undefined;
    });
    return this.keys;
  }

  private async findKeys(): Promise<JWTVerifyGetKey> {
    const { issuer, jwksUrl, cooldownMs = 10_000 } = this.options;
    const url = jwksUrl ?? (await discover(issuer));
    return createRemoteJWKSet(new URL(url), { cooldownDuration: cooldownMs, timeoutDuration: FETCH_MS });
  }
}

async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS), redirect: "error" });
    const document = discovered.parse(await answer.json());
    if (document.issuer !== issuer) throw new Error(`it names ${document.issuer} as the issuer`);
    return document.jwks_uri;
  } catch (cause) {
    throw new Transient(`The identity provider's ${url} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function nameIn(payload: JWTPayload, claim: string): string {
  const name = payload[claim];
  if (typeof name !== "string" || name === "" || name.length > 200)
    throw new Unauthenticated(`The token has no claim ${claim} that names somebody.`);
  if (claim === "email" && payload.email_verified === false) throw new Unauthenticated("The token's email address is not verified.");
  return name;
}

/** Subject and verified e-mail address, as digests: the journal tells two names of one person apart from two people. */
function idsIn({ iss, sub, email, email_verified: verified }: JWTPayload): string[] {
  const address = typeof email === "string" && verified !== false ? addressIds(email) : [];
  return [digestOf(`sub ${iss} ${sub}`), ...address];
}

const listIn = (claim: unknown): unknown[] => (Array.isArray(claim) ? claim : typeof claim === "string" ? [claim] : []);

function described(error: Error, issuer: string): Error {
  if (error instanceof errors.JWTExpired) return new Unauthenticated("The token has expired.", { next: "Sign in again." });
  if (error instanceof errors.JWTClaimValidationFailed) return new Unauthenticated(`The token's claim ${error.claim} is not accepted.`);
  if (error instanceof errors.JOSEAlgNotAllowed) return new Unauthenticated("The token is not signed with an accepted algorithm.");
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)
    return new Unauthenticated(`The token is not signed by ${issuer}.`);
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError) || error.code === "ERR_JOSE_GENERIC")
    return new Transient(`The keys of ${issuer} cannot be fetched: ${error.message}`, { cause: error });
  return new Unauthenticated("The token is not a JWT that can be checked.");
}
