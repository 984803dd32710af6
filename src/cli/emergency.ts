import { Command } from "commander";
import { Transient } from "../errors.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks, wholeNumber } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { print, say } from "./output.js";

interface EmergencyOptions extends ServiceOptions, OutputOptions {
  why: string;
  /** Seconds to watch until users are back. */
  wait: number;
}

const POLL_MS = 500;
const BY_HAND = "Set the weights in Route 53 yourself: the old record's to 100 first, then the new record's to 0.";

/** Users of one stack to the old side at once. */
export const emergencyCommand = (cli: Cli): Command =>
  prints(talks(new Command("emergency")))
    .description("send a stack's users to the old side at once, past the engine")
    .argument(...STACK)
    .option("--why <text>", "the reason, for the journal", "an emergency")
    .option("--wait <seconds>", "how long to watch", wholeNumber(0, 65_535), 300)
    .action(async (stack: string, options: EmergencyOptions) => emergency(await cli.service(options), stack, options));

/** Then watches until stack config and records say so too. */
async function emergency(service: ServiceClient, stack: string, { why, wait, output }: EmergencyOptions): Promise<void> {
  await service.command(stack, "emergency", { why }).catch((error: Error) => {
    // Nobody should look for the service now.
    throw error instanceof Transient ? new Transient(error.message, { cause: error, next: BY_HAND }) : error;
  });
  say(`${stack}: the emergency exit is taken; users go to the old side.`);
  const deadline = Date.now() + wait * 1_000;
  let gone: Transient | undefined;
  for (;;) {
    const view = await service.migration(stack).catch((error: Error) => {
      if (!(error instanceof Transient) || Date.now() > deadline) throw error;
      // Told while it ends, it has gone; whoever runs the stack next goes on.
      if (gone === undefined)
        say(`${error.message} The emergency stands in the journal: its next process goes on with it.\nOr do not wait. ${BY_HAND}`);
      gone = error;
      return undefined;
    });
    if (view === undefined) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      continue;
    }
    const { status, dns, heldReason } = view;
    if (status === "held" && dns?.new === 0)
      return print(output, view, () => `${stack}: ${dns.old} % old, ${dns.new} % new. ${heldReason ?? ""}`);
    if (Date.now() > deadline)
      throw new Transient(`${stack} is ${status} after ${wait} s${heldReason === undefined ? "" : `: ${heldReason}`}`, {
        next: `Look: cutover status ${stack}; the weights themselves were the first thing that was set.`,
      });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
