import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parseOperations } from "../../../src/operations/config.js";
import { configuredHooks } from "../../../src/operations/hooks/configured.js";
import { signingKey, verifySignature } from "../../../src/operations/signatures.js";
import type { HookCall } from "../../../src/ports/hooks.js";
import { afterThisTest } from "../../support/cleanup.js";
import { receiver } from "../../support/receiver.js";
import { tempFolder } from "../../support/tmp.js";

const CALL: HookCall = {
  id: "web-api-production/database.promote/before-point-of-no-return/board/80",
  moment: "before-point-of-no-return",
  stack: "web-api-production",
  application: "web-api",
  environment: "production",
  revision: 7,
  step: { id: "database.promote", title: "Promote the replica", phase: "database", attempt: 1, pointOfNoReturn: true },
};
const never = new AbortController().signal;

function hookOf(hook: object, allowHosts: string[] = []) {
  const config = parseOperations(
    JSON.stringify({ allowHosts, hooks: [{ name: "board", moments: ["before-point-of-no-return"], ...hook }] }),
    "operations.yaml",
  );
  const found = configuredHooks(config).at("before-point-of-no-return", CALL)[0];
  if (found === undefined) throw new Error("no hook");
  return found;
}

describe("hooks over HTTP", () => {
  it("get the call as signed JSON, and let pass with any 2xx", async () => {
    const secret = `whsec_${randomBytes(32).toString("base64")}`;
    process.env.TEST_HOOK_SECRET = secret;
    afterThisTest(() => void delete process.env.TEST_HOOK_SECRET);
    const { url, host, received } = await receiver();
    const hook = hookOf({ url: `${url}/gate`, secret: { env: "TEST_HOOK_SECRET" } }, [host]);
    expect(await hook.call(CALL, never)).to.deep.equal({ outcome: "passed", detail: "answered 204" });
    const [one] = received;
    expect(one?.json).to.deep.equal(CALL);
    expect(verifySignature([signingKey(secret, "")], one?.headers ?? {}, one?.body ?? "")).to.deep.equal({ valid: true, id: CALL.id });
  });

  it("refuse with 4xx and their reason, without a secret in it; anything else is a failure", async () => {
    const { url, host } = await receiver((request, response) => {
      if (request.path === "/no") response.writeHead(409).end('{"reason":"freeze until Monday, token=abc123"}');
      else if (request.path === "/problem") response.writeHead(403).end('{"detail":"not you"}');
      else if (request.path === "/plain") response.writeHead(400).end("no");
      else response.writeHead(503).end();
    });
    const at = (path: string) => hookOf({ url: `${url}${path}` }, [host]).call(CALL, never);
    expect(await at("/no")).to.deep.equal({ outcome: "refused", detail: "freeze until Monday, token=[secret]" });
    expect(await at("/problem")).to.deep.equal({ outcome: "refused", detail: "not you" });
    expect(await at("/plain")).to.deep.equal({ outcome: "refused", detail: "answered 400" });
    expect(await at("/broken")).to.deep.equal({ outcome: "failed", detail: "answered 503" });
  });

  it("have a deadline, and are no way into the network of the service", async () => {
    const { url, host } = await receiver(() => undefined);
    expect(await hookOf({ url, deadlineSeconds: 1 }, [host]).call(CALL, never)).to.deep.equal({
      outcome: "timed-out",
      detail: "hooks.board: no answer within 1 s",
    });
    const answer = await hookOf({ url: "https://169.254.169.254/latest/meta-data" }).call(CALL, never);
    expect(answer).to.deep.include({ outcome: "failed" });
    expect(answer.detail).to.contain("is not public");
  });

  it("end with the signal that a command gives", async () => {
    const { url, host, until } = await receiver(() => undefined);
    const stop = new AbortController();
    const call = hookOf({ url }, [host]).call(CALL, stop.signal);
    await until((all) => all.length === 1);
    stop.abort(new Error("woken"));
    expect(await call.catch((error: Error) => error.message)).to.equal("woken");
  });
});

describe("hooks as commands", () => {
  const script = (text: string): string => {
    const file = join(tempFolder("hook"), "hook.sh");
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  };

  it("get the call on standard input and in variables, and none of the service's secrets", async () => {
    process.env.PULUMI_CONFIG_PASSPHRASE ??= "test";
    const out = join(tempFolder("out"), "got");
    const answer = await hookOf({ command: [script('cat > "$1"; env >> "$1"; echo fine'), out] }).call(CALL, never);
    expect(answer).to.deep.equal({ outcome: "passed", detail: "fine" });
    const got = readFileSync(out, "utf8");
    expect(got)
      .to.contain(JSON.stringify(CALL))
      .and.contain("CUTOVER_STEP=database.promote")
      .and.contain("CUTOVER_STACK=web-api-production");
    expect(got).not.to.contain("PULUMI_CONFIG_PASSPHRASE");
  });

  it("refuse by their exit code, with their last line", async () => {
    expect(await hookOf({ command: [script("echo looking; echo 'the board said no' >&2; exit 3")] }).call(CALL, never)).to.deep.equal({
      outcome: "refused",
      detail: "the board said no",
    });
    expect((await hookOf({ command: ["/nothing/here"] }).call(CALL, never)).outcome).to.equal("failed");
  });

  it("are ended with all they started at their deadline", async () => {
    const folder = tempFolder("hook");
    const late = join(folder, "late");
    const hook = hookOf({ command: [script(`(sleep 2; touch ${late}) & sleep 20`)], deadlineSeconds: 1 });
    expect((await hook.call(CALL, never)).outcome).to.equal("timed-out");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(existsSync(late)).to.equal(false);
  });
});
