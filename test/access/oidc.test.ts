import { expect } from "chai";
import { generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { type OidcGrant, OidcVerifier } from "../../src/access/oidc.js";
import { Transient, Unauthenticated } from "../../src/errors.js";
import { type Issuer, startIssuer } from "../support/issuer.js";

const GRANTS: OidcGrant[] = [
  { user: "alice", role: "approver", environments: ["production"] },
  { group: "platform", role: "operator" },
];

describe("a JWT of an identity provider", () => {
  let issuer: Issuer;
  let verifier: OidcVerifier;
  const verifierOf = (more: { nameClaim?: string; audience?: string } = {}) =>
    new OidcVerifier(
      { issuer: issuer.url, audience: issuer.audience, nameClaim: "sub", groupsClaim: "groups", cooldownMs: 0, ...more },
      GRANTS,
    );
  beforeEach(async () => {
    issuer = await startIssuer();
    verifier = verifierOf();
  });
  const refusal = async (token: string | Promise<string>, by = verifier): Promise<Error> =>
    by.callerOf(await token).then(
      () => new Error("accepted"),
      (error: Error) => error,
    );
  const expectRefused = async (token: string | Promise<string>, why: RegExp) => {
    const error = await refusal(token);
    expect(error, error.message).to.be.instanceOf(Unauthenticated);
    expect(error.message).to.match(why);
  };

  it("names a person, with the roles of the person and of their groups", async () => {
    const { ids, ...alice } = await verifier.callerOf(await issuer.sign({ groups: ["platform", "others"] }));
    expect(alice).to.deep.equal({ name: "alice", grants: GRANTS });
    expect(ids).to.have.length(1);
    const { ids: others, ...bob } = await verifier.callerOf(await issuer.sign({ sub: "bob", groups: "platform" }));
    expect(bob).to.deep.equal({ name: "bob", grants: [GRANTS[1]] });
    expect(others).to.not.deep.equal(ids);
    expect((await verifier.callerOf(await issuer.sign({ sub: "carol" }))).grants).to.deep.equal([]);
  });

  it("[safety-10] tells two names of one person by the subject or the e-mail address, and believes no address that is not verified", async () => {
    const idsOf = async (claims: Record<string, unknown>) => (await verifier.callerOf(await issuer.sign(claims))).ids ?? [];
    const [one, other, unverified] = [
      await idsOf({ sub: "u1", email: "Alice@Example.com" }),
      await idsOf({ sub: "u2", email: "alice+approvals@example.com" }),
      await idsOf({ sub: "u3", email: "alice@example.com", email_verified: false }),
    ];
    expect(other.filter((id) => one.includes(id))).to.have.length(1);
    expect(unverified.filter((id) => one.includes(id))).to.have.length(0);
  });

  it("takes keys of the usual kinds", async () => {
    for (const alg of ["RS256", "PS256", "ES384", "EdDSA"]) {
      issuer = await startIssuer(alg);
      expect((await verifierOf().callerOf(await issuer.sign({}))).name, alg).to.equal("alice");
    }
  });

  it("is refused when it has expired, is for somebody else, comes from somebody else, or has no end", async () => {
    await expectRefused(issuer.sign({}, { expires: "-1m" }), /has expired/);
    await expectRefused(issuer.sign({}, { audience: "another" }), /claim aud is not accepted/);
    await expectRefused(issuer.sign({ iss: "https://elsewhere.example.com" }), /claim iss is not accepted/);
    const { privateKey } = await generateKeyPair("ES256");
    await expectRefused(issuer.sign({}, { key: privateKey }), /not signed by/);
    await expectRefused(issuer.sign({}, { key: privateKey, kid: "unknown" }), /not signed by/);
    const claims = { sub: "alice", iss: issuer.url, aud: issuer.audience };
    await expectRefused(new SignJWT(claims).setProtectedHeader({ alg: "ES256" }).sign(privateKey), /not signed by|claim exp/);
  });

  it("is refused without a signature, with one of a shared secret, and when it is none", async () => {
    const claims = { sub: "alice", iss: issuer.url, aud: issuer.audience };
    await expectRefused(new UnsecuredJWT(claims).setExpirationTime("5m").encode(), /not signed with an accepted algorithm/);
    const shared = new TextEncoder().encode("a shared secret of more than thirty-two bytes");
    const hmac = new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setExpirationTime("5m").sign(shared);
    await expectRefused(hmac, /not signed with an accepted algorithm/);
    await expectRefused("a.b.c", /not a JWT/);
    const [header, , signature] = (await issuer.sign({})).split(".");
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: "mallory", exp: 9_999_999_999 })).toString("base64url");
    await expectRefused(`${header}.${forged}.${signature}`, /not signed by/);
  });

  it("is accepted after the keys were changed, and the old key's no more", async () => {
    const old = await issuer.sign({});
    expect((await verifier.callerOf(old)).name).to.equal("alice");
    await issuer.rotate();
    expect((await verifier.callerOf(await issuer.sign({ sub: "bob" }))).name).to.equal("bob");
    expect(issuer.fetches()).to.equal(2);
    await expectRefused(old, /not signed by/);
  });

  it("must name somebody by the claim that is asked for; an email address must be verified", async () => {
    verifier = verifierOf({ nameClaim: "email" });
    expect((await verifier.callerOf(await issuer.sign({ email: "alice@example.com", email_verified: true }))).name).to.equal(
      "alice@example.com",
    );
    await expectRefused(issuer.sign({}), /no claim email/);
    await expectRefused(issuer.sign({ email: "alice@example.com", email_verified: false }), /not verified/);
  });

  it("is neither accepted nor called wrong while the provider does not answer", async () => {
    const token = await issuer.sign({});
    await issuer.stop();
    expect(await refusal(token)).to.be.instanceOf(Transient);
  });
});
