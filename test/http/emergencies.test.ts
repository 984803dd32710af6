import { expect } from "chai";
import { STACK } from "../automation/model.js";
import { until } from "../automation/modelService.js";
import { peopleOf } from "../support/people.js";
import { type ModelServer, openModelServer } from "./modelServer.js";

interface Answer {
  status: number;
  detail: string;
}

/** Inputs of the kinds that an emergency meets: whoever asks, whatever waits, wherever the weights are. */
describe("[safety-1] an emergency over the service", function () {
  this.timeout(60_000);
  let m: ModelServer;
  beforeEach(async () => {
    m = await openModelServer();
  });
  afterEach(() => m.close());

  async function emergency(who = "alice", { insist = false, token = m.server.token } = {}): Promise<Answer> {
    const answer = await fetch(`${m.server.url}/v1/migrations/${STACK}/emergency`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}`, "x-cutover-user": who },
      body: JSON.stringify({ why: "users see errors", ...(insist ? { insist } : {}) }),
    });
    const { detail = "" } = (await answer.json()) as { detail?: string };
    return { status: answer.status, detail };
  }
  const people = () => peopleOf(m.migrations, STACK);
  const newWeight = () => m.world.applied.dns?.weights.new;
  const started = () => (m.store.journals.get(STACK) ?? []).filter((e) => e.type === "rollback.started");

  async function requireBack(answer: Answer): Promise<void> {
    expect(answer.status, answer.detail).to.equal(202);
    expect(newWeight()).to.equal(0);
    const state = await m.migrations.settled(STACK);
    expect(state.status, state.heldReason).to.equal("held");
    expect(m.world.violations).to.deep.equal([]);
  }

  it("of two people at once: one way back, whoever came first", async () => {
    await people().standBefore("traffic.dns-100");
    const answers = await Promise.all([emergency("alice"), emergency("bob")]);
    expect(answers.map((a) => a.status)).to.include(202);
    for (const { status } of answers) expect(status).to.be.oneOf([202, 409]);
    await m.migrations.settled(STACK);
    expect(newWeight()).to.equal(0);
    expect(started().length).to.be.within(1, 2);
    expect(m.world.violations).to.deep.equal([]);
  });

  it("with nobody on the new side: only who insists", async () => {
    await people().standBefore("traffic.dns-25");
    expect((await emergency()).detail).to.contain("all users are on the old side already");
    await requireBack(await emergency("alice", { insist: true }));
  });

  for (const [step, weight] of [
    ["traffic.dns-100", 25],
    ["optimize.alerts", 100],
  ] as const)
    it(`with ${weight} % on the new side`, async () => {
      await people().standBefore(step);
      expect(newWeight()).to.equal(weight);
      await requireBack(await emergency());
    });

  it("directly after another one, and once it is over: nobody is left to send back", async () => {
    await people().standBefore("traffic.dns-100");
    await requireBack(await emergency());
    const again = await emergency("bob");
    expect([again.status, again.detail]).to.satisfy(([status, detail]: [number, string]) => status === 409 && detail.includes("already"));
    expect((await emergency("bob", { insist: true })).status).to.equal(202);
    await m.migrations.settled(STACK);
    expect(m.world.violations).to.deep.equal([]);
  });

  it("while a person is asked, while it is paused, and while it is held", async () => {
    await people().standBefore("traffic.dns-100");
    await people().say({ command: "advance", extent: "step" });
    await m.migrations.command(STACK, { command: "advance", extent: "end" }, "alice");
    const asked = await m.migrations.settled(STACK);
    expect(asked.status).to.equal("approval");
    await requireBack(await emergency());
    await people().say({ command: "resume" });
    await until(m.migrations, () => (newWeight() ?? 0) > 0);
    await m.migrations.command(STACK, { command: "pause", why: "a look" }, "alice").catch(() => undefined);
    await requireBack(await emergency());
  });

  it("of a migration that is over: it says so, and changes nothing", async () => {
    await people().standBefore("traffic.dns-100");
    await people().say({ command: "abort", why: "not this year" });
    const aborted = await emergency("alice", { insist: true });
    expect([aborted.status, aborted.detail]).to.deep.equal([409, `${STACK}: the migration is aborted.`]);
  });

  it("with a token that is not, or no more, accepted: nothing is done, and the next one with the right token is not held up", async () => {
    await people().standBefore("traffic.dns-100");
    for (let i = 0; i < 5; i += 1) expect((await emergency("alice", { token: "cutover_000000000000_expired" })).status).to.equal(401);
    expect(newWeight()).to.be.greaterThan(0);
    await requireBack(await emergency());
  });

  it("while the journal's store does not answer: it says so at once, and does it as soon as it answers", async () => {
    await people().standBefore("traffic.dns-100");
    const { faults } = m.world;
    m.world.faults = { ...faults, store: () => "unreached" };
    expect((await emergency()).status).to.equal(503);
    m.world.faults = { ...faults, store: () => "full" };
    const full = await emergency();
    expect(full.detail).to.contain("disk with free space");
    m.world.faults = faults;
    await requireBack(await emergency());
  });

  it("while the engine's state cannot be reached or is locked: users go back all the same", async () => {
    await people().standBefore("traffic.dns-100");
    let left = 30;
    m.world.faults = { ...m.world.faults, locked: () => left-- > 0 };
    expect((await emergency()).status).to.equal(202);
    expect(newWeight()).to.equal(0);
    await m.migrations.settled(STACK);
    expect(m.world.violations).to.deep.equal([]);
  });
});
