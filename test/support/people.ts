import type { Command } from "../../src/automation/journal/entries.js";
import type { Migrations } from "../../src/automation/migrations.js";
import type { MigrationState } from "../../src/automation/state/state.js";

/** The operator and the approver of one migration, for tests that take it somewhere. */
export function peopleOf(migrations: Migrations, stack: string) {
  async function say(command: Command, who = "alice"): Promise<MigrationState> {
    await migrations.command(stack, command, who);
    return migrations.settled(stack);
  }

  /** Advances and approves until a step is next, and not begun or waiting for a person. */
  async function standBefore(id: string): Promise<MigrationState> {
    await migrations.create(stack, "alice");
    for (;;) {
      const { plan, state } = await migrations.get(stack);
      const step = plan[state.position];
      if (step?.id === id) return state;
      if (state.status === "approval") await say({ command: "approve", step: step?.id ?? "" }, "bob");
      else if (state.status === "ready") await say({ command: "advance", extent: "step" });
      else throw new Error(`${stack} is ${state.status} at ${step?.id}, on its way to ${id}: ${state.heldReason}`);
    }
  }
  return { say, standBefore };
}
