import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { accessSchema } from "../../src/config/access.js";
import { NO_OPERATIONS } from "../../src/operations/config.js";
import { createLogger } from "../../src/operations/logs.js";
import { Operations } from "../../src/operations/operations.js";
import { startServer } from "../../src/server.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { peopleOf } from "../support/people.js";
import { runForTest } from "../support/processes.js";
import { requireSchemathesis } from "../support/schemathesis.js";

const SECONDS = Number(process.env.CUTOVER_FUZZ_SECONDS ?? 60);
/** Other requests each time with CUTOVER_FUZZ_SEED=$RANDOM; a failure says how to repeat it. */
const SEED = process.env.CUTOVER_FUZZ_SEED ?? "1";
/** It answers as long as the client stays: the client's own tests read it. */
const ENDLESS = "events";

/** Which values can be tuned depends on the stack's config and on how far it is: no schema says that. */
const SETTINGS = `
[[operations]]
include-operation-id = "tune"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 404, 409]
`;

describe("a fuzzer that knows the OpenAPI document", () => {
  it("finds no server error and no answer that is not described", async function () {
    this.timeout((2 * SECONDS + 120) * 1_000);
    const program = requireSchemathesis(this);
    const { world, folder, start } = modelService();
    const logged: string[] = [];
    const log = (line: string) => void logged.push(line);
    const operations = new Operations({ config: NO_OPERATIONS, logger: createLogger("fatal") });
    const migrations = start();
    migrations.onFailure((stack, error) => log(`${stack}: ${error.stack}`));
    const settings = accessSchema.parse({ limits: { requestsPerMinute: 1_000_000, failuresPerMinute: 10_000 } });
    const server = await startServer({ migrations, operations, settings, port: 0, log });
    afterThisTest(async () => {
      await server.close();
      await migrations.close();
    });
    await peopleOf(migrations, STACK).standBefore("traffic.dns-100");

    const authorization = `Bearer ${server.token}`;
    const document = await (await fetch(`${server.url}/v1/openapi.json`, { headers: { authorization } })).text();
    const stacks = (await migrations.list()).map((m) => m.stack);
    await writeFile(join(folder, "openapi.json"), aboutReal(document, stacks));
    await writeFile(join(folder, "schemathesis.toml"), SETTINGS);
    const fuzz = async (seconds: number, ...choice: string[]) => {
      const options = ["--url", server.url, "--checks", "all", "--seed", SEED, "--max-time", String(seconds), "--request-timeout", "30"];
      const args = ["run", "openapi.json", ...options, "-H", `Authorization: ${authorization}`, "--no-color", ...choice];
      const { code, stdout, stderr } = await runForTest(program, args, { cwd: folder });
      expect(code, `${stdout}${stderr}${logged.join("\n")}`).to.equal(0);
      expect(stdout).to.match(/\d+ generated/);
    };
    // An abort ends a migration for good: what it leaves is asked about afterwards.
    await fuzz(SECONDS, "--exclude-operation-id", ENDLESS, "--exclude-operation-id", "abort");
    await fuzz(Math.ceil(SECONDS / 4), "--include-tag", "commands");
    expect(logged).to.deep.equal([]);
    expect(world.violations).to.deep.equal([]);
    for (const stack of stacks) expect(await migrations.verify(stack), stack).to.deep.equal([]);
  });
});

/** Names the stacks that there are, so that requests reach what stands behind the name; others are tried as wrong ones. */
function aboutReal(document: string, stacks: string[]): string {
  return JSON.stringify(
    JSON.parse(document, (_, value) => (value?.in === "path" && value.name === "stack" ? { ...value, schema: { enum: stacks } } : value)),
  );
}
