import { expect } from "chai";
import { STACK } from "../automation/model.js";
import { peopleOf } from "../support/people.js";
import { inTerminal } from "../support/terminal.js";
import { MAIN, type ModelService, modelService } from "./service.js";

describe("a person's yes at a terminal", function () {
  this.timeout(120_000);
  let service: ModelService;
  before(async () => {
    service = await modelService();
    await peopleOf(service.migrations, STACK).standBefore("traffic.dns-25");
  });
  after(() => service.close());

  const cutover = (args: string[], answers: [string, string][] = []) =>
    inTerminal([process.execPath, MAIN, ...args], {
      answers,
      env: { CUTOVER_SERVER: service.url, CUTOVER_TOKEN: service.token, CUTOVER_USER: "alice" },
    });
  const revisions = async () => (await service.migrations.get(STACK)).state.revisions.map((r) => r.number);

  it("[people-12] is asked for before anything moves; anything else is no", async () => {
    const before = await revisions();
    for (const args of [
      ["rollback", STACK, "--to", String(before.at(-2))],
      ["advance", STACK],
    ]) {
      const { code, shown } = await cutover(args, [["[y/N]", "\r"]]);
      expect(shown, args.join(" ")).to.match(/\[y\/N\][\s\S]*Nothing was done\./);
      expect(code).to.equal(0);
    }
    expect(await revisions()).to.deep.equal(before);
    const moved = await cutover(["advance", STACK], [["[y/N]", "y\r"]]);
    expect(moved.shown).to.contain("traffic.dns-25");
    expect(await revisions()).to.have.length.above(before.length);
  });

  it("[people-12] is not asked of a script, and --yes says it at a terminal", async () => {
    const to = String((await revisions()).at(-2));
    const { shown } = await cutover(["rollback", STACK, "--to", to, "--yes", "--why", "a test"]);
    expect(shown).to.contain(`going back to revision ${to}`).and.not.contain("[y/N]");
  });

  it("[people-21] a stack's name misspelt is answered with the nearest one", async () => {
    for (const name of ["status", "approve", "preview"]) {
      const { code, stderr } = await service.run([name, "web-api-prodution"]);
      expect(code, name).to.equal(3);
      expect(stderr, name).to.contain("Did you mean web-api-production?");
    }
  });

  it("[people-12] an approval answers only to what asks: after an emergency nobody is sent to the new side by it", async () => {
    const fresh = await modelService();
    const people = peopleOf(fresh.migrations, STACK);
    await people.standBefore("traffic.dns-100");
    expect(await people.say({ command: "emergency", why: "errors" })).to.include({ status: "held" });
    const before = [...fresh.world.effects];
    const { code, stderr } = await fresh.run(["approve", STACK]);
    expect(code, stderr).to.equal(4);
    expect(stderr).to.contain(`${STACK} waits for no approval: it is held: Went back to revision`);
    const step = (await fresh.migrations.get(STACK)).state;
    const named = await fresh.run(["approve", STACK, "traffic.dns-100"]);
    expect(named.code, named.stderr).to.equal(4);
    expect((await fresh.migrations.settled(STACK)).status).to.equal("held");
    expect(step.status).to.equal("held");
    expect(fresh.world.effects).to.deep.equal(before);
    expect(fresh.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    await fresh.close();
  });
});
