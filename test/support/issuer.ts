import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { afterThisTest } from "./cleanup.js";

/** An OpenID Connect issuer on loopback, with real keys. */
export interface Issuer {
  url: string;
  audience: string;
  /** How often its keys were fetched. */
  fetches(): number;
  /** Signs with its newest key. */
  sign(claims: JWTPayload, more?: { alg?: string; expires?: string; audience?: string; key?: CryptoKey; kid?: string }): Promise<string>;
  /** Makes a new key and forgets the old one. */
  rotate(): Promise<void>;
  stop(): Promise<void>;
}

/** Ends after the running test. */
export async function startIssuer(alg = "ES256"): Promise<Issuer> {
  const audience = "cutover";
  let number = 0;
  let fetches = 0;
  let current: { key: CryptoKey; kid: string; jwk: JWK };
  const rotate = async (): Promise<void> => {
    number += 1;
    const { publicKey, privateKey } = await generateKeyPair(alg);
    const kid = `key-${number}`;
    current = { key: privateKey, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
  };
  await rotate();
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    if (request.url === "/.well-known/openid-configuration") return response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
    fetches += 1;
    response.end(JSON.stringify({ keys: [current.jwk] }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  afterThisTest(stop);
  return {
    url,
    audience,
    fetches: () => fetches,
    sign: (claims, more = {}) =>
      new SignJWT({ sub: "alice", ...claims })
        .setProtectedHeader({ alg: more.alg ?? alg, kid: more.kid ?? current.kid })
        .setIssuer((claims.iss as string | undefined) ?? url)
        .setAudience(more.audience ?? audience)
        .setExpirationTime(more.expires ?? "5m")
        .sign(more.key ?? current.key),
    rotate,
    stop,
  };
}
