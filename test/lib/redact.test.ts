import { expect } from "chai";
import { redact, redactText } from "../../src/lib/redact.js";

describe("redaction", () => {
  const texts: [string, string][] = [
    ["connect to postgresql://admin:hunter2@db:5432/x", "connect to postgresql://[secret]@db:5432/x"],
    ["DATABASE_PASSWORD=hunter2 was set", "DATABASE_PASSWORD=[secret] was set"],
    ['{"apiKey": "abc def", "host": "db"}', '{"apiKey": [secret], "host": "db"}'],
    ["token: abc123, lag: 2", "token: [secret], lag: 2"],
    ["Authorization: Bearer eyJhbGciOi.abc.def", "Authorization: [secret] [secret]"],
    ["key AKIAABCDEFGHIJKLMNOP in use", "key [secret] in use"],
    ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[secret]"],
    ["error-rate 12.8 % (accepted: at most 5 %)", "error-rate 12.8 % (accepted: at most 5 %)"],
  ];
  for (const [given, wanted] of texts)
    it(`makes of ${JSON.stringify(given)} no more than may be shown`, () => expect(redactText(given)).to.equal(wanted));

  it("goes into objects and lists", () => {
    const shown = redact({ headers: [{ "x-api-key": "k" }], why: "no route to https://u:p@host", count: 3, password: "" });
    expect(shown).to.deep.equal({
      headers: [{ "x-api-key": "[secret]" }],
      why: "no route to https://[secret]@host",
      count: 3,
      password: "",
    });
  });
});
