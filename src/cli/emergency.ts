import { Command } from "commander";
import type { Migration } from "../client/generated.js";
import { rawShift, SHIFTS } from "../config/shift.js";
import { type RawConfig, StackFile } from "../config/stackFile.js";
import { Transient } from "../errors.js";
import { byHand } from "../readModels/byHand.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks, wholeNumber } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { print, say } from "./output.js";

interface EmergencyOptions extends ServiceOptions, OutputOptions {
  why: string;
  /** Seconds to watch until users are back. */
  wait: number;
  insist?: boolean;
}

const POLL_MS = 500;

/** Users of one stack to the old side at once. */
export const emergencyCommand = (cli: Cli): Command =>
  prints(talks(new Command("emergency")))
    .description("send a stack's users to the old side at once, past the engine")
    .argument(...STACK)
    .option("--why <text>", "the reason, for the journal", "an emergency")
    .option("--insist", "also where the old side is known to be no better")
    .option("--wait <seconds>", "how long to watch", wholeNumber(0, 65_535), 300)
    .action(async (stack: string, options: EmergencyOptions) =>
      emergency(await cli.service(options), stack, options, await handwork(cli.globals().stacks, stack)),
    );

/** Zone, records and exact commands from the stack's file, where it lies here: nobody should look for them now. */
async function handwork(stacks: string, stack: string): Promise<string> {
  // Whatever else is wrong with the file keeps nobody from sending users back.
  const raw = await StackFile.read(stacks, stack)
    .then((file) => file.raw())
    .catch((): RawConfig => ({}));
  const first = SHIFTS[rawShift(raw)?.key === "cutover:traffic" ? "traffic" : "dns"].byHand;
  return [first, ...(Object.keys(raw).length === 0 ? [] : byHand(namesOnly(raw)))].join("\n");
}

function namesOnly(raw: RawConfig): Parameters<typeof byHand>[0] {
  const [dns, ingress, traffic] = ["dns", "ingress", "traffic"].map((key) => raw[`cutover:${key}`]) as (object | undefined)[];
  return { dns: dns === undefined ? undefined : { also: [], ...dns }, ingress, traffic } as Parameters<typeof byHand>[0];
}

/** Watches until the far side shows it, and then until stack config and records say so too. */
async function emergency(
  service: ServiceClient,
  stack: string,
  { why, wait, insist, output }: EmergencyOptions,
  hand: string,
): Promise<void> {
  await service.emergency(stack, { why, insist }).catch((error: Error) => {
    throw error instanceof Transient ? new Transient(error.message, { cause: error, next: hand }) : error;
  });
  say(`${stack}: the emergency is ordered. Whether users go to the old side, the far side says.`);
  const deadline = Date.now() + wait * 1_000;
  let told = "";
  const tell = (text: string): void => {
    if (text !== told) say(text);
    told = text;
  };
  let gone = false;
  for (;;) {
    const view = await service.getMigration(stack).catch((error: Error) => {
      if (!(error instanceof Transient) || Date.now() > deadline) throw error;
      // Told while it ends, it has gone; whoever runs the stack next goes on.
      if (!gone) say(`${error.message} The emergency stands in the journal: its next process goes on with it.\nOr do not wait. ${hand}`);
      gone = true;
      return undefined;
    });
    if (view !== undefined) {
      tell(standing(stack, view));
      const { status, dns, heldReason, sentBack } = view;
      if (status === "held" && dns?.new === 0 && sentBack?.shown !== false)
        return print(output, view, () => `${stack}: ${dns.old} % old, ${dns.new} % new. ${heldReason ?? ""}`);
      if (Date.now() > deadline) throw late(stack, view, wait, hand);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function standing(stack: string, { sentBack }: Migration): string {
  if (sentBack === undefined) return "";
  return sentBack.shown
    ? `${stack}: the far side shows it: ${sentBack.old} % old, ${sentBack.new} % new. Stack config and engine follow.`
    : `${stack}: not there yet; waits for ${sentBack.waitsFor}.`;
}

function late(stack: string, { status, heldReason, sentBack }: Migration, wait: number, hand: string): Transient {
  const why = heldReason === undefined ? "" : `: ${heldReason}`;
  if (sentBack?.shown === false)
    return new Transient(`${stack}: after ${wait} s the far side does not show it; it waits for ${sentBack.waitsFor}.`, { next: hand });
  return new Transient(`${stack} is ${status} after ${wait} s${why}`, {
    next: `Users are back, as the far side shows. Look: cutover status ${stack}.`,
  });
}
