import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import type { Grant } from "../../src/access/caller.js";
import { TokenFolder } from "../../src/access/tokenFolder.js";
import { makeToken } from "../../src/access/tokens.js";
import { CutoverClient, type CutoverProblem } from "../../src/client/index.js";
import { patched } from "../../src/config/stackFile.js";
import { RAW, STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { type ModelServer, openModelServer } from "./modelServer.js";

const TRIAL = "web-api-trial";
const BROKEN = "broken-staging";

describe("beginning several migrations", () => {
  let open: ModelServer;
  let tokens: TokenFolder;
  beforeEach(async () => {
    const parts = modelService();
    tokens = new TokenFolder(join(parts.folder, "tokens"));
    open = await openModelServer({ access: { tokens } }, parts);
    afterThisTest(open.close);
    await edit({});
    await writeFile(join(parts.folder, `Pulumi.${BROKEN}.yaml`), stringify({ config: { "cutover:application": { name: "broken" } } }));
  });

  const edit = (more: Record<string, unknown>): Promise<void> =>
    writeFile(
      join(open.folder, `Pulumi.${TRIAL}.yaml`),
      stringify({ config: patched(RAW, { "application.environment": "trial", ...more }) }),
    );
  const clientOf = async (...grants: Grant[]): Promise<CutoverClient> => {
    const { token, stored } = makeToken({
      name: "olga",
      grants: grants.map((g) => ({ ...g, applications: g.applications?.slice(), environments: g.environments?.slice() })),
    });
    await tokens.add(stored);
    return new CutoverClient({ url: `${open.server.url}/`, token, retries: 0 });
  };

  it("[people-18] tells of each what its plan holds, or why it cannot be begun, and begins none", async () => {
    const client = await clientOf({ role: "operator" });
    const { beginnings } = await client.previewBeginnings({ stacks: [TRIAL, BROKEN, "unknown-production", TRIAL] });
    expect(beginnings.map((b) => b.stack)).to.deep.equal([TRIAL, BROKEN, "unknown-production"]);
    const [trial, broken, unknown] = beginnings;
    const created = await open.migrations.create(STACK, "alice");
    const sum = trial?.phases?.reduce((all, p) => all + p.steps, 0);
    expect(trial).to.include({ application: "web-api", environment: "trial", begun: false });
    expect(sum).to.equal(created.plan.length);
    expect(trial?.first?.id).to.equal(created.plan[0]?.id);
    expect(trial?.asks).to.equal(created.plan.filter((s) => s.kind === "approval").length);
    expect(trial?.pointsOfNoReturn).to.have.length(created.plan.filter((s) => s.pointOfNoReturn === true).length);
    expect(broken?.problem).to.contain("application.environment");
    expect(unknown?.problem).to.contain("unknown-production");
    expect((await open.migrations.stacks()).find((s) => s.stack === TRIAL)?.begun).to.equal(false);
  });

  it("[people-18] takes no config that was edited since it was looked at", async () => {
    const client = await clientOf({ role: "operator" });
    const seen = (await client.previewBeginnings({ stacks: [TRIAL] })).beginnings[0]?.digest;
    await edit({ "workload.replicas": 7 });
    const refused = await client.createMigration({ stack: TRIAL, seen }).catch((error: CutoverProblem) => error);
    expect(refused).to.include({ status: 409, next: "Look at it again, then begin it." });
    expect((await client.listStacks()).stacks.find((s) => s.stack === TRIAL)?.begun).to.equal(false);
    const again = (await client.previewBeginnings({ stacks: [TRIAL] })).beginnings[0]?.digest;
    expect((await client.createMigration({ stack: TRIAL, seen: again })).stack).to.equal(TRIAL);
  });

  it("[people-18] says which of them the caller may begin, by application and environment", async () => {
    const trialOnly = await clientOf({ role: "viewer" }, { role: "operator", environments: ["trial"] });
    const may = (await trialOnly.listStacks()).stacks.map((s) => [s.stack, s.mayBegin]);
    expect(Object.fromEntries(may)).to.deep.include({ [TRIAL]: true, [STACK]: false });
    const { beginnings } = await trialOnly.previewBeginnings({ stacks: [STACK, TRIAL] });
    expect(beginnings[0]?.problem).to.equal("olga does not have the role operator for web-api in production.");
    expect(beginnings[1]?.problem).to.equal(undefined);
    const stranger = await clientOf({ role: "operator", applications: ["another"] });
    expect((await stranger.previewBeginnings({ stacks: [TRIAL] })).beginnings[0]?.problem).to.equal(`There is no migration of ${TRIAL}.`);
  });
});
