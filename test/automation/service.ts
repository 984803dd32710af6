import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Command, Recorded } from "../../src/automation/entries.js";
import { Migrations } from "../../src/automation/migrations.js";
import type { MigrationState } from "../../src/automation/state.js";
import { type ConfigPatch, patched } from "../../src/config/stackFile.js";
import { afterThisTest } from "../support/cleanup.js";
import { ModelStore, ModelWorld, modelDriver, modelProject, modelTarget, RAW, STACK } from "./model.js";

/** A migration over the model of the far side, driven by people as a test wants it. */
export class ModelService {
  readonly world = new ModelWorld();
  readonly store = new ModelStore(this.world);
  readonly migrations: Migrations;
  readonly failures: Error[] = [];

  private constructor(folder: string) {
    this.migrations = new Migrations({
      store: this.store,
      driver: modelDriver(this.world, folder),
      openTarget: async () => modelTarget(this.world),
      project: modelProject,
      stacksFolder: folder,
    });
    this.migrations.onFailure((_, error) => this.failures.push(error));
  }

  /** Created, not advanced. @param config what the stack config has otherwise than the model's */
  static async open(config: ConfigPatch = {}): Promise<ModelService> {
    const folder = mkdtempSync(join(tmpdir(), "cutover-model-"));
    writeFileSync(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config: patched(RAW, config) }));
    const opened = new ModelService(folder);
    afterThisTest(async () => {
      await opened.migrations.close();
      rmSync(folder, { recursive: true, force: true });
    });
    await opened.migrations.create(STACK, "alice");
    return opened;
  }

  async say(command: Command, who = "alice"): Promise<MigrationState> {
    await this.migrations.command(STACK, command, who);
    return this.migrations.settled(STACK);
  }

  /** What a refused command says. */
  async refused(command: Command, who = "alice"): Promise<string> {
    return this.migrations.command(STACK, command, who).then(
      () => "it was accepted",
      (error: Error & { next?: string }) => `${error.message} ${error.next ?? ""}`.trim(),
    );
  }

  /** Advances and approves until the step is at the position, and not begun or waiting for a person. */
  async reach(step: string): Promise<MigrationState> {
    for (let i = 0; i < 200; i += 1) {
      const { plan, state } = await this.migrations.get(STACK);
      const at = plan[state.position];
      if (at?.id === step) return state;
      if (state.status === "ready") await this.say({ command: "advance", extent: "step" });
      else if (state.status === "approval" && at !== undefined) await this.say({ command: "approve", step: at.id }, "bob");
      else throw new Error(`${state.status} at ${at?.id}: ${state.heldReason}`);
    }
    throw new Error(`${step} was not reached`);
  }

  get state(): Promise<MigrationState> {
    return this.migrations.get(STACK).then((m) => m.state);
  }

  /** The step at the position. */
  get position(): Promise<string | undefined> {
    return this.migrations.get(STACK).then(({ plan, state }) => plan[state.position]?.id);
  }

  journal<T extends Recorded["type"]>(type: T): Promise<Extract<Recorded, { type: T }>[]> {
    return this.store.entries(STACK).then((all) => all.filter((e): e is Extract<Recorded, { type: T }> => e.type === type));
  }
}
