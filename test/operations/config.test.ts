import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseOperations, readOperations, urlOf } from "../../src/operations/config.js";
import { tempFolder } from "../support/tmp.js";

const of = (text: string) => parseOperations(text, "operations.yaml");

describe("operations.yaml", () => {
  it("says what is filled in when it says nothing", () => {
    expect(of("")).to.deep.equal({ allowHosts: [], notifications: [], hooks: [] });
    const [hook] = of("hooks: [{ name: board, moments: [before-step], url: 'https://hooks.example.com' }]").hooks;
    expect(hook).to.include({ deadlineSeconds: 30, fail: "hold" });
  });

  const wrong: [string, string, RegExp][] = [
    ["an unknown key", "notification: []", /notification: got an unknown key/],
    [
      "a moment that does not exist",
      "hooks: [{ name: a, moments: [now], url: 'https://x.example.com' }]",
      /moments\.0: got "now"; accepted: one of before-step/,
    ],
    [
      "an event that does not exist",
      "notifications: [{ name: a, kind: slack, url: 'https://x.example.com', events: [x] }]",
      /accepted: one of migration\.created/,
    ],
    ["neither URL nor command", "hooks: [{ name: a, moments: [held] }]", /a url or a command, one of the two/],
    ["a signature on a command", "hooks: [{ name: a, moments: [held], command: [x], secret: { env: X } }]", /no secret beside a command/],
    [
      "a secret in plain text",
      "notifications: [{ name: a, kind: webhook, url: 'https://x.example.com', secret: whsec_x }]",
      /accepted: \{env: NAME\} or \{file: PATH\}/,
    ],
    [
      "two of one name",
      "hooks: [{ name: a, moments: [held], command: [x] }, { name: a, moments: [held], command: [x] }]",
      /names that differ/,
    ],
    ["a cron line that is none", "drift: { cron: daily }", /drift\.cron: got "daily"; accepted: five fields of cron/],
    ...["0 25 * * *", "60 5 * * *", "0 5 31 2 *", "0 5 * * mo", "0 5 1-0 * *", "*/0 5 * * *"].map((line): [string, string, RegExp] => [
      `the cron line ${line}, which names no time`,
      `drift: { cron: "${line}" }`,
      /drift\.cron: got .*; accepted: five fields of cron: minute/,
    ]),
    ["text that is no YAML", "hooks: [", /operations\.yaml: got .*; accepted: a YAML map/],
  ];
  for (const [what, text, message] of wrong) it(`refuses ${what}`, () => expect(() => of(text)).to.throw(message));

  it("is checked with its secrets when the service starts", async () => {
    const file = join(tempFolder("operations"), "operations.yaml");
    const problem = async (text: string) => {
      writeFileSync(file, text);
      return readOperations(file).then(
        () => undefined,
        (error: Error) => error.message,
      );
    };
    const hub = "name: hub, kind: webhook";
    expect(await problem(`notifications: [{ ${hub}, url: "http://hub.example.com" }]`)).to.equal(
      "notifications.hub.url: got http:; accepted: an https URL, or a host that is in allowHosts",
    );
    expect(await problem(`{ allowHosts: [hub.example.com], notifications: [{ ${hub}, url: "http://hub.example.com" }] }`)).to.equal(
      undefined,
    );
    expect(await problem(`notifications: [{ ${hub}, url: "https://hub.example.com", secret: { file: /nothing/here } }]`)).to.equal(
      "notifications.hub.secret: missing; accepted: a file /nothing/here that can be read",
    );
    expect(await problem("hooks: [{ name: board, moments: [held], url: { env: NOT_SET_ANYWHERE } }]")).to.contain(
      "the variable NOT_SET_ANYWHERE",
    );
    expect(await readOperations("/nothing/here.yaml").catch((error: Error) => error.message)).to.contain("/nothing/here.yaml: got ENOENT");
  });

  it("names what is missing, and never a URL that was kept elsewhere", async () => {
    const missing = await urlOf({ env: "NOT_SET_ANYWHERE" }, "notifications.chat.url").catch((error: Error) => error.message);
    expect(missing).to.equal("notifications.chat.url: missing; accepted: the variable NOT_SET_ANYWHERE");
    process.env.TEST_BAD_URL = "hooks.example.com/SECRET";
    const bad = await urlOf({ env: "TEST_BAD_URL" }, "notifications.chat.url").catch((error: Error) => error.message);
    delete process.env.TEST_BAD_URL;
    expect(bad).to.contain("notifications.chat.url").and.not.contain("SECRET");
  });
});
