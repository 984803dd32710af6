import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import type { Recorded } from "../../../src/automation/journal/entries.js";
import type { Migrations } from "../../../src/automation/migrations.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import { currentRevision, type MigrationState } from "../../../src/automation/state/state.js";
import { editsOf, isOfSteps, nameOfEdit, withEdits } from "../../../src/config/edits.js";
import { type ConfigPatch, patched, type RawConfig, readConfig, StackFile } from "../../../src/config/stackFile.js";
import { known } from "../../../src/ports/observations.js";
import { afterThisTest } from "../../support/cleanup.js";
import { peopleOf } from "../../support/people.js";
import { NO_FAULTS, RAW, STACK, WITH_PROCESSES } from "../model.js";
import { type ModelParts, modelService } from "../modelService.js";

const IMAGE = "workload.image";
const FIXED = "example.org/web-api:1.0.1";

/** A migration over the model, and its stack's file under a person's hands. */
async function begun(config: ConfigPatch = {}) {
  const parts = modelService({}, config);
  const migrations = parts.start();
  afterThisTest(() => migrations.close().then(() => undefined));
  await migrations.create(STACK, "alice");
  return { parts, migrations, people: peopleOf(migrations, STACK), ...fileOf(parts), ...journalOf(parts) };
}

function fileOf({ folder }: ModelParts) {
  const path = StackFile.pathOf(folder, STACK);
  const read = (): RawConfig => (parse(readFileSync(path, "utf8")) as { config: RawConfig }).config;
  return { path, read, edit: (patch: ConfigPatch) => writeFileSync(path, stringify({ config: patched(read(), patch) })) };
}

const journalOf = ({ store }: ModelParts) => ({
  journal: async <T extends Recorded["type"]>(type: T) =>
    (await store.entries(STACK)).filter((e): e is Extract<Recorded, { type: T }> => e.type === type),
});

const imageOf = (raw: RawConfig): unknown => (raw["cutover:workload"] as { image?: unknown }).image;
const replicasOf = (raw: RawConfig): unknown => (raw["cutover:workload"] as { replicas?: unknown }).replicas;
const weightsOf = (raw: RawConfig): unknown => (raw["cutover:dns"] as { weights?: unknown }).weights;

async function taken(migrations: Migrations, why = "a hot-fix"): Promise<MigrationState> {
  await migrations.takeEdit(STACK, { why }, "alice");
  return migrations.settled(STACK);
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it was accepted",
    (error: Error) => error.message,
  );

describe("an edit of a stack's file during a migration", function () {
  this.timeout(120_000);

  it("[safety-7] neither stops a step nor is overwritten by one, and no step applies it", async () => {
    const { parts, migrations, people, read, edit } = await begun();
    await people.standBefore("traffic.dns-25");
    edit({ [IMAGE]: FIXED, "workload.replicas": 7 });
    await people.standBefore("traffic.dns-100");
    expect([imageOf(read()), replicasOf(read())], "the file").to.deep.equal([FIXED, 7]);
    expect(weightsOf(read()), "the step's own value").to.deep.equal({ old: 75, new: 25 });
    const { state } = await migrations.get(STACK);
    expect(imageOf(currentRevision(state).config), "what is applied").to.equal("example.org/web-api:1.0.0");
    expect(parts.world.updates.every((u) => imageOf(u.config) !== FIXED)).to.equal(true);
    expect((await migrations.editInFile(STACK)).shown.map((c) => c.path)).to.deep.equal([IMAGE, "workload.replicas"]);
  });

  it("[safety-7] is taken as a revision of its own, with a preview and the gates of where the migration stands", async () => {
    const { parts, migrations, people, read, edit, journal } = await begun();
    await people.standBefore("traffic.dns-100");
    const before = (await migrations.get(STACK)).state;
    edit({ [IMAGE]: FIXED });
    const { digest } = await migrations.editInFile(STACK);
    expect((await migrations.previewEdit(STACK)).changes.map((c) => c.name)).to.deep.equal([IMAGE]);
    edit({ "workload.replicas": 5 });
    expect(await refusal(migrations.takeEdit(STACK, { why: "seen", seen: digest }, "alice"))).to.contain("edited again");
    const after = await taken(migrations);
    expect([after.status, after.position], "where it stands").to.deep.equal([before.status, before.position]);
    const revision = currentRevision(after);
    expect(revision).to.include({ number: before.revision + 1, who: "alice", refines: before.revision });
    expect(imageOf(revision.config)).to.equal(FIXED);
    expect(parts.world.applied.workload).to.include({ image: FIXED, replicas: 5 });
    const passed = (await journal("gates.passed")).at(-1);
    expect(passed?.step).to.equal(`edit#${(await journal("command")).findLast((c) => c.command === "edit")?.seq}`);
    expect(passed?.gates.map((g) => g.gate)).to.include.members(["dns-weight", "error-rate", "targets-healthy"]);
    expect((await migrations.editInFile(STACK)).changes, "nothing is left to take").to.deep.equal([]);

    // The next step goes on from it, and so does what leads back to where it stood.
    await people.standBefore("cleanup.soak");
    await people.say({ command: "rollback", revision: revision.number, why: "back to the hot-fix" });
    expect(imageOf(read())).to.equal(FIXED);
    expect(parts.world.applied).to.nested.include({ "workload.image": FIXED, "dns.weights.new": 25 });
    // And back from the edit alone undoes no step.
    const way = await migrations.wayBack(STACK, before.revision);
    expect(way.path.map((p) => p.summary)).to.deep.equal(["Take the edit of workload.image, workload.replicas back."]);
    await people.say({ command: "rollback", revision: before.revision, why: "without it" });
    expect(parts.world.applied).to.nested.include({ "workload.image": "example.org/web-api:1.0.0", "dns.weights.new": 25 });
    expect(imageOf(read())).to.equal("example.org/web-api:1.0.0");
    expect(parts.world.violations).to.deep.equal([]);
  });

  it("[safety-7] is taken back by itself when its gates fail, and no step with it", async () => {
    const { parts, migrations, people, edit } = await begun();
    await people.standBefore("traffic.dns-100");
    const before = (await migrations.get(STACK)).state;
    edit({ [IMAGE]: "example.org/web-api:broken" });
    parts.world.faults = { ...NO_FAULTS, reading: (name) => (name === "error-rate" ? known(0.5) : undefined) };
    const after = await taken(migrations);
    parts.world.faults = NO_FAULTS;
    expect([after.status, after.position]).to.deep.equal(["held", before.position]);
    expect(after.heldReason).to.contain("Edit of workload.image");
    expect(parts.world.applied).to.nested.include({ "workload.image": "example.org/web-api:1.0.0", "dns.weights.new": 25 });
    // Then it goes on as if it had not been.
    await people.say({ command: "resume" });
    await people.standBefore("cleanup.soak");
    expect(parts.world.violations).to.deep.equal([]);
  });

  it("[safety-7] is refused by name where the steps own a value, it protects, or it names what stands", async () => {
    const { parts, migrations, people, read, edit } = await begun();
    await people.standBefore("traffic.dns-100");
    edit({ "dns.weights": { old: 0, new: 100 }, "gates.maxErrorRate": 1, "cleanup.soakSeconds": 0, "ingress.host": "other.example.com" });
    const said = await refusal(migrations.takeEdit(STACK, { why: "faster" }, "alice"));
    for (const name of ["dns.weights.new", "gates.maxErrorRate", "cleanup.soakSeconds", "ingress.host"])
      expect(said).to.contain(`${name}: got`);
    expect(said).to.contain("cutover tune");
    const { refused } = await migrations.editInFile(STACK);
    expect(refused.map((r) => r.path)).to.include("dns.weights.new");
    // It stops nobody, and the next update puts back what only steps set.
    await people.say({ command: "advance", extent: "step" });
    expect(weightsOf(read())).to.deep.equal({ old: 0, new: 100 });
    await people.say({ command: "emergency", why: "trouble" });
    expect(weightsOf(read())).to.deep.equal({ old: 100, new: 0 });
    expect(parts.world.applied.dns?.weights.new).to.equal(0);
    expect(parts.world.violations).to.deep.equal([]);
  });

  it("[safety-7] waits for no way back, and a way back waits for none: in a preview, an update, and between", async () => {
    for (const point of ["before preview", "before update", "inside update", "after update"]) {
      const { parts, migrations, people, read, edit } = await begun();
      await people.standBefore("traffic.dns-100");
      edit({ [IMAGE]: FIXED });
      const updates = parts.world.updates.length;
      let told: Promise<unknown> | undefined;
      parts.world.faults = {
        ...NO_FAULTS,
        crash: (at) => {
          if (at === point && parts.world.updates.length >= updates && told === undefined)
            told = migrations.command(STACK, { command: "emergency", why: point }, "bob");
          return false;
        },
      };
      await migrations.takeEdit(STACK, { why: "a hot-fix" }, "alice");
      await migrations.settled(STACK);
      await told;
      const state = await migrations.settled(STACK);
      expect(told, point).to.not.equal(undefined);
      expect(parts.world.applied.dns?.weights.new ?? 0, point).to.equal(0);
      expect([state.status, state.edit], point).to.deep.equal(["held", undefined]);
      expect(weightsOf(read()), point).to.not.deep.equal({ old: 75, new: 25 });
      expect(parts.world.violations, point).to.deep.equal([]);
    }
  });

  it("[safety-7] keeps rotated secrets through rollbacks, and is in nobody's way as a working copy left behind", async () => {
    const { migrations, people, read, edit, path } = await begun();
    const first = readFileSync(path, "utf8");
    await people.standBefore("traffic.dns-25");
    const sealed = { secure: "v1:rotated" };
    edit({ secrets: { "database-password": sealed } });
    const { shown } = await migrations.editInFile(STACK);
    expect(shown).to.deep.equal([{ path: "secrets.database-password", before: "(secret)", after: "(secret)" }]);
    await taken(migrations, "rotated");
    expect(currentRevision((await migrations.get(STACK)).state).config["cutover:secrets"]).to.deep.equal({ "database-password": sealed });
    expect((await migrations.editInFile(STACK)).changes).to.deep.equal([]);
    // Another process has its own copy of the folder, from the beginning.
    writeFileSync(path, first.replace("v1:sealed", "v1:rotated"));
    expect((await migrations.editInFile(STACK)).changes, "an old copy is no edit").to.deep.equal([]);
    await people.standBefore("traffic.dns-100");
    expect(weightsOf(read())).to.deep.equal({ old: 75, new: 25 });
  });

  it("[safety-7] every value that a step of a plan sets is known as one, so that no edit takes it", () => {
    const strategies: ConfigPatch[] = [
      {},
      { strategy: { kind: "rolling", image: "example.org/web-api:1.1.0" } },
      { strategy: { kind: "canary", image: "example.org/web-api:1.1.0" } },
      { processes: WITH_PROCESSES["cutover:processes"], handover: WITH_PROCESSES["cutover:handover"] },
    ];
    const missing = strategies.flatMap((strategy) => {
      const config = readConfig(patched(RAW, strategy), "a test", STACK);
      return buildPlan(config).flatMap((step) => (step.kind === "config" ? Object.keys(step.change(config)) : []));
    });
    const free = missing.filter((path) => !isOfSteps({ path: [`cutover:${path.split(".")[0]}`, ...path.split(".").slice(1)] }));
    expect([...new Set(free)]).to.deep.equal([IMAGE]);
  });

  it("names values with dots in their keys, and takes away the maps that it empties", () => {
    const before: RawConfig = { "cutover:workload": { env: { "a.b": "1" } }, "cutover:tags": { owner: "me" } };
    const after: RawConfig = { "cutover:workload": { env: { "a.b": "2" } } };
    const edits = editsOf(before, after);
    expect(edits.map(nameOfEdit)).to.deep.equal(["tags.owner", "workload.env.a.b"]);
    expect(withEdits(before, edits)).to.deep.equal(after);
  });
});
