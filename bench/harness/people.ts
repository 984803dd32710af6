import type { Migrations } from "../../src/automation/migrations.js";

const OPERATOR = "benchmark operator";
const APPROVER = "benchmark approver";

/** Plays the people of one migration until it stands ready before a step. @throws Error when it cannot get there */
export async function drive(migrations: Migrations, stack: string, to: string): Promise<void> {
  await migrations.create(stack, OPERATOR);
  for (;;) {
    const { status, position, heldReason } = await migrations.settled(stack);
    const { plan } = await migrations.get(stack);
    const step = plan[position];
    if (step?.id === to && status === "ready") return;
    if (step === undefined || status === "completed") {
      if (to === "end") return;
      throw new Error(`${stack} is past ${to}`);
    }
    if (status === "ready") await migrations.command(stack, { command: "advance", extent: "step" }, OPERATOR);
    else if (status === "approval") await migrations.command(stack, { command: "approve", step: step.id }, APPROVER);
    else throw new Error(`${stack} is ${status} at ${step.id}: ${heldReason ?? ""}`);
  }
}
