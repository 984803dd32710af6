import { expect } from "chai";
import { parse } from "yaml";
import type { Migration, Step } from "../../src/client/index.js";
import { STACK } from "../automation/model.js";
import { type ModelService, modelService } from "./service.js";

describe("the commands that act on migrations", function () {
  this.timeout(120_000);
  let service: ModelService;

  beforeEach(async () => {
    service = await modelService();
  });
  afterEach(() => service.close());

  const view = async (): Promise<Migration> => JSON.parse((await service.run(["status", STACK, "--output", "json"])).stdout);
  /** Goes on, approving as a second person, until a step is done. */
  const advanceTo = async (step: string): Promise<void> => {
    await service.run(["advance", STACK]);
    for (let i = 0; i < 20; i += 1) {
      const { status, step: at } = await view();
      const steps = await service.migrations.get(STACK);
      if (steps.state.steps[step]?.status === "done") return;
      if (status === "approval") await service.run(["approve", STACK, at?.id ?? "", "--confirm", "web-api"], "bob");
      else await service.run(["advance", STACK, "--to", "phase"]);
    }
    throw new Error(`${step} was not reached`);
  };

  it("takes a migration from nothing to its first approval, results on standard output and progress on standard error", async () => {
    const advanced = await service.run(["advance", STACK, "--to", "end"]);
    expect(advanced.code, advanced.stderr).to.equal(0);
    expect(advanced.stderr).to.contain("begun with its stack config").and.contain("✓").and.contain("assess.inventory");
    expect(advanced.stdout).to.contain("approval").and.contain(`cutover approve ${STACK} assess.accept`).and.not.contain("✓ web");
    const approved = await service.run(["approve", STACK]);
    expect(approved.stderr).to.contain("Approving assess.accept").and.contain("containerize.deploy: Create the Kubernetes workload");
    expect(approved.code, approved.stderr).to.equal(0);
    expect((await view()).status).to.equal("approval");
  });

  it("shows the same result as a table, JSON and YAML", async () => {
    await service.run(["advance", STACK]);
    const [table, json, yaml] = await Promise.all(
      ["table", "json", "yaml"].map(async (form) => (await service.run(["status", "--output", form])).stdout),
    );
    expect(table).to.match(/^STACK +STATUS +PHASE +STEP +DONE +NEW SIDE +GREEN +UPDATED\n/);
    expect(JSON.parse(json ?? "")).to.deep.equal(parse(yaml ?? ""));
    expect((JSON.parse(json ?? "") as Migration[]).find((m) => m.stack === STACK)).to.include({ status: "ready", done: 1 });
  });

  it("previews the next step with its way back, and changes nothing", async () => {
    await service.run(["advance", STACK, "--to", "end"]);
    await service.run(["approve", STACK, "--no-wait"]);
    await service.migrations.settled(STACK);
    const before = (await view()).lastSeq;
    const { code, stdout } = await service.run(["preview", STACK]);
    expect(code).to.equal(0);
    expect(stdout).to.contain("The way back to revision").and.contain("Loses: nothing");
    expect((await view()).lastSeq).to.equal(before);
  });

  it("pauses, refuses to advance while it stands, and resumes", async () => {
    await service.run(["advance", STACK]);
    expect((await service.run(["pause", STACK, "--why", "lunch"])).code).to.equal(0);
    const stands = await service.run(["advance", STACK]);
    expect(stands.code).to.equal(4);
    expect(stands.stderr).to.contain("Resume or roll back.");
    expect((await service.run(["resume", STACK])).code).to.equal(0);
  });

  it("shows a rollback's way before it goes, and ends with 0 once it is back", async () => {
    await advanceTo("containerize.deploy");
    const dry = await service.run(["rollback", STACK, "--to", "0", "--dry-run"]);
    expect(dry.stdout).to.contain("The way back to revision 0:").and.contain("The workload is removed again");
    expect((await view()).revision).to.be.greaterThan(0);
    const gone = await service.run(["rollback", STACK, "--to", "0", "--why", "a test"]);
    expect(gone.code, gone.stderr).to.equal(0);
    expect(gone.stderr).to.contain("going back to revision 0, as alice asked");
    expect((await view()).heldReason).to.equal("Went back to revision 0: a test");
  });

  it("lets nothing over a point of no return pass without the application's name, and needs a second person", async () => {
    await service.run(["advance", STACK, "--to", "end"]);
    for (let i = 0; i < 10; i += 1) {
      const { step, status } = await view();
      if (status === "ready") await service.run(["advance", STACK, "--to", "end"]);
      const steps = (await service.migrations.get(STACK)).plan;
      const at = steps.findIndex((s) => s.id === step?.id);
      const next = steps.findIndex((s, n) => n > at && s.kind === "approval");
      if (steps.slice(at, next).some((s) => s.pointOfNoReturn === true)) break;
      if (step?.secondPerson === true) {
        const alone = await service.run(["approve", STACK]);
        expect(alone.code).to.equal(4);
        expect(alone.stderr).to.contain("needs a second person");
      }
      await service.run(["approve", STACK], "bob");
    }
    const refused = await service.run(["approve", STACK], "bob");
    expect(refused.code).to.equal(2);
    expect(refused.stderr).to.contain("point of no return").and.contain("--confirm: missing; accepted: web-api");
    const wrong = await service.run(["approve", STACK, "--confirm", "web-apj"], "bob");
    expect(wrong.stderr).to.contain('--confirm: got "web-apj"; accepted: web-api');
    expect((await service.run(["refuse", STACK, "--why", "not tonight"], "bob")).code).to.equal(0);
    expect((await view()).status).to.equal("held");
  });

  it("tunes a running migration, and shows what can be tuned", async () => {
    await service.run(["advance", STACK]);
    const tuned = await service.run(["tune", STACK, "gates.maxErrorRate=0.08", "dns.steps=[50, 100]", "--why", "calm night"]);
    expect(tuned.code, tuned.stderr).to.equal(0);
    // More errors need a second person.
    expect(tuned.stderr).to.contain("gates.maxErrorRate: 0.05 → 0.08").and.contain(`cutover confirm ${STACK}`);
    expect((await service.run(["confirm", STACK])).stderr).to.contain("it needs a second person");
    const confirmed = await service.run(["confirm", STACK], "bob");
    expect(confirmed.code, confirmed.stderr).to.equal(0);
    expect((await service.run(["status", STACK])).stdout)
      .to.contain("Loosened")
      .and.contain("bob: calm night");
    expect((await service.run(["tune", STACK])).stdout)
      .to.match(/^PATH +VALUE\n/)
      .and.match(/gates\.maxErrorRate +0\.08 +tuned/)
      .and.match(/dns\.steps +\[50,100\] +tuned/);
    const wrong = await service.run(["tune", STACK, "workload.image=other"]);
    expect(wrong.code).to.equal(2);
    expect((await service.run(["tune", STACK, "nonsense"])).stderr).to.contain("PATH=VALUE");
    const unclosed = await service.run(["tune", STACK, "dns.steps=[25, 100"]);
    expect([unclosed.code, unclosed.stderr]).to.deep.equal([
      2,
      'cutover: dns.steps: got "[25, 100"; accepted: a value as in a stack config, for example 0.02 or [25, 100]\n',
    ]);
  });

  it("aborts for good, only with the application's name", async () => {
    await service.run(["advance", STACK]);
    expect((await service.run(["abort", STACK])).code).to.equal(2);
    const aborted = await service.run(["abort", STACK, "--confirm", "web-api"]);
    expect(aborted.code, aborted.stderr).to.equal(0);
    expect((await view()).status).to.equal("aborted");
  });

  it("verifies journals, and reads them filtered by type and step", async () => {
    await service.run(["advance", STACK, "--to", "end"]);
    const verified = await service.run(["verify", STACK]);
    expect([verified.code, verified.stdout]).to.deep.equal([0, `STACK               JOURNAL  FAULTS\n${STACK}  intact   none\n`]);
    const shown = await service.run([
      "journal",
      "show",
      STACK,
      "--type",
      "step.completed",
      "--step",
      "assess.inventory",
      "--output",
      "json",
    ]);
    const entries = JSON.parse(shown.stdout) as { type: string; step: string }[];
    expect(entries.map((e) => [e.type, e.step])).to.deep.equal([["step.completed", "assess.inventory"]]);
  });

  it("plans from the stack config alone: every step with its gates and its way back", async () => {
    const { code, stdout } = await service.run(["plan", STACK, "--output", "json"]);
    expect(code).to.equal(0);
    const { steps } = JSON.parse(stdout) as { steps: Step[] };
    expect(steps.map((s) => s.phase)).to.include.members([
      "assess",
      "containerize",
      "database",
      "rollout",
      "traffic",
      "optimize",
      "cleanup",
    ]);
    expect(steps.every((s) => s.wayBack.summary.length > 0)).to.equal(true);
    const text = (await service.run(["plan", STACK, "--ways-back"])).stdout;
    expect(text).to.contain("database.promote  point of no return").and.contain("back: ");
    const waves = (await service.run(["plan"])).stdout;
    expect(waves).to.match(/^WAVE +APPLICATION +STACK +STRATEGY +STEPS\n1 +batch-processor +batch-processor-production +rolling +\d+\n/);
  });

  it("watches until the migration is over, a line of JSON for each change when asked", async () => {
    await service.run(["advance", STACK]);
    const watching = service.run(["status", STACK, "--watch", "--interval", "1", "--output", "yaml"]);
    await service.run(["abort", STACK, "--confirm", "web-api"]);
    const { stdout, code } = await watching;
    expect(code).to.equal(0);
    expect(stdout).to.contain("status: aborted");
  });
});
