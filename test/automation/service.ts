import type { Command, Recorded } from "../../src/automation/journal/entries.js";
import type { Migrations } from "../../src/automation/migrations.js";
import type { MigrationState } from "../../src/automation/state/state.js";
import type { ConfigPatch } from "../../src/config/stackFile.js";
import { afterThisTest } from "../support/cleanup.js";
import { peopleOf } from "../support/people.js";
import { type Faults, type ModelStore, type ModelWorld, STACK } from "./model.js";
import { type ModelParts, modelService } from "./modelService.js";

/** A migration over the model of the far side, driven by people as a test wants it. */
export class ModelService {
  readonly world: ModelWorld;
  readonly store: ModelStore;
  readonly migrations: Migrations;
  readonly failures: Error[] = [];
  private readonly people: ReturnType<typeof peopleOf>;

  private constructor(private readonly parts: ModelParts) {
    [this.world, this.store, this.migrations] = [parts.world, parts.store, parts.start()];
    this.people = peopleOf(this.migrations, STACK);
    this.migrations.onFailure((_, error) => this.failures.push(error));
  }

  /** Created, not advanced. @param config what the stack config has otherwise than the model's */
  static async open(config: ConfigPatch = {}): Promise<ModelService> {
    const opened = ModelService.over(modelService({}, config));
    await opened.migrations.create(STACK, "alice");
    return opened;
  }

  private static over(parts: ModelParts): ModelService {
    const service = new ModelService(parts);
    afterThisTest(() => service.migrations.close().then(() => undefined));
    return service;
  }

  /** Another process over the same far side and journal, when this one has ended. */
  async again(): Promise<ModelService> {
    const next = ModelService.over(this.parts);
    await next.migrations.resumeAll();
    return next;
  }

  say(command: Command, who = "alice"): Promise<MigrationState> {
    return this.people.say(command, who);
  }

  /** What loosens a protection, wanted by one and confirmed by another. */
  async loosen(changes: ConfigPatch, why: string, [who, other] = ["alice", "bob"]): Promise<MigrationState> {
    const { proposal } = await this.say({ command: "tune", changes, why }, who);
    return this.say({ command: "confirm", tuning: proposal?.seq ?? 0 }, other);
  }

  /** What a refused command says. */
  async refused(command: Command, who = "alice"): Promise<string> {
    return this.migrations.command(STACK, command, who).then(
      () => "it was accepted",
      (error: Error & { next?: string }) => `${error.message} ${error.next ?? ""}`.trim(),
    );
  }

  /** Advances and approves until the step is at the position, and not begun or waiting for a person. */
  reach(step: string): Promise<MigrationState> {
    return this.people.standBefore(step);
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

/** How effects of these kinds fail, one after another; the last one for good when it says so. */
export function failing(m: ModelService, faults: Record<string, ReturnType<Faults["fail"]>[] | ReturnType<Faults["fail"]>>): void {
  m.world.faults = {
    ...m.world.faults,
    fail: (kind) => {
      const fault = faults[kind];
      return Array.isArray(fault) ? fault.shift() : fault;
    },
  };
}
