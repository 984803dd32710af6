import { randomBytes } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { SeenIds, signatureHeaders, signingKey, TOLERANCE_SECONDS, verifySignature } from "../../src/operations/signatures.js";

const SECRET = `whsec_${randomBytes(32).toString("base64")}`;
const key = signingKey(SECRET, "secret");
const other = randomBytes(32);
const NOW = Date.UTC(2026, 0, 5, 9);
const BODY = '{"type":"migration.held"}';
const headers = () => signatureHeaders(key, "msg_1", BODY, NOW);

describe("signatures of webhooks", () => {
  it("agree with the example of the Standard Webhooks specification", () => {
    const example = signingKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret");
    const made = signatureHeaders(example, "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', 1_614_265_330_000);
    expect(made["webhook-signature"]).to.equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  it("[people-23] are those of the specification's own package, whatever is signed", () => {
    const theirs = new Webhook(key, { format: "raw" });
    fc.assert(
      fc.property(fc.string(), fc.nat(4_000_000_000), (body, seconds) => {
        const made = signatureHeaders(key, "msg_1", body, seconds * 1_000)["webhook-signature"];
        expect(made).to.equal(theirs.sign("msg_1", new Date(seconds * 1_000), body));
      }),
    );
  });

  it("are accepted by whoever has the key, also while two keys are exchanged", () => {
    expect(verifySignature([key], headers(), BODY, NOW)).to.deep.equal({ valid: true, id: "msg_1" });
    expect(verifySignature([other, key], headers(), BODY, NOW).valid).to.equal(true);
    const both = signatureHeaders(other, "msg_1", BODY, NOW);
    const joined = { ...headers(), "webhook-signature": `${both["webhook-signature"]} ${headers()["webhook-signature"]}` };
    expect(verifySignature([key], joined, BODY, NOW).valid).to.equal(true);
  });

  it("are refused with another key, body, id or time, whatever it is", () => {
    expect(verifySignature([other], headers(), BODY, NOW)).to.deep.equal({ valid: false, why: "no signature matches" });
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), (body, id, time) => {
        fc.pre(body !== BODY && id !== "msg_1");
        const forged = [
          verifySignature([key], headers(), body, NOW),
          verifySignature([key], { ...headers(), "webhook-id": id }, BODY, NOW),
          verifySignature([key], { ...headers(), "webhook-timestamp": String(time) }, BODY, time * 1_000),
          verifySignature([key], { ...headers(), "webhook-signature": `v1,${body}` }, BODY, NOW),
        ];
        return forged.every((f) => !f.valid);
      }),
    );
  });

  it("are refused when they are old, lie ahead or are not there", () => {
    const limit = TOLERANCE_SECONDS * 1_000;
    expect(verifySignature([key], headers(), BODY, NOW + limit).valid).to.equal(true);
    for (const away of [limit + 1_000, -limit - 1_000])
      expect(verifySignature([key], headers(), BODY, NOW + away)).to.deep.equal({
        valid: false,
        why: "the timestamp is more than 300 s away",
      });
    for (const name of Object.keys(headers()))
      expect(verifySignature([key], { ...headers(), [name]: undefined }, BODY, NOW))
        .to.have.property("why")
        .that.contains("must be there");
  });

  it("count once: an id that was seen is a repetition until its signature has lapsed", () => {
    const seen = new SeenIds();
    expect([seen.begin("a", NOW), seen.begin("a", NOW), seen.begin("b", NOW)]).to.deep.equal(["first", "under way", "first"]);
    seen.end("a", true, NOW);
    expect([seen.begin("a", NOW + 599_000), seen.begin("a", NOW + 600_000)]).to.deep.equal(["taken", "first"]);
  });

  it("count again after a message was not taken: its sender sends it once more under the same id", () => {
    const seen = new SeenIds();
    seen.begin("a", NOW);
    seen.end("a", false, NOW);
    expect(seen.begin("a", NOW)).to.equal("first");
  });

  it("need a secret of some length, and never print it", () => {
    for (const secret of ["secret-of-mine", "whsec_c2hvcnQ=", ""])
      expect(() => signingKey(secret, "notifications.slack.secret"))
        .to.throw(/notifications\.slack\.secret: got another text; accepted: whsec_/)
        .and.satisfy((e: Error) => secret === "" || !e.message.includes(secret));
  });
});
