import { Command } from "commander";
import type { Migration } from "../client/generated.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { agreed, asksFirst, type YesOption } from "./confirm.js";
import { exitAs, follow } from "./follow.js";
import { paintFor, print } from "./output.js";
import { migrationText } from "./show.js";

/** Commands that ask the service for something, and may wait for its end. */

export interface WaitOptions {
  wait: boolean;
}

/** The option of every command after which a migration moves. */
export const waits = <T extends Command>(command: T): T => command.option("--no-wait", "return at once instead of watching");

/** Watches a migration until it waits for somebody, unless told not to, and prints where it stands then. */
export async function finish(
  service: ServiceClient,
  stack: string,
  after: number,
  { wait, output }: WaitOptions & OutputOptions,
): Promise<void> {
  const view = wait ? await follow(service, stack, after) : await service.getMigration(stack);
  print(output, view, () => migrationText(view, paintFor(process.stdout)));
  if (wait) exitAs(view);
}

type WhyOptions = ServiceOptions & OutputOptions & { why?: string };

type Ask = (service: ServiceClient, stack: string, why: string | undefined) => Promise<Migration>;

/** A command that is its name, a stack and at most a reason. */
const plain =
  (name: string, description: string, ask: Ask, takesWhy: boolean) =>
  (cli: Cli): Command => {
    const command = prints(talks(new Command(name)))
      .description(description)
      .argument(...STACK);
    if (takesWhy) command.option("--why <text>", "the reason, for the journal");
    return command.action(async (stack: string, options: WhyOptions) => {
      const view = await ask(await cli.service(options), stack, options.why);
      print(options.output, view, () => migrationText(view, paintFor(process.stdout)));
    });
  };

const PAUSE = "stop before the next decision; what runs now ends first";
export const pauseCommand = plain("pause", PAUSE, (service, stack, why) => service.pause(stack, { why }), true);
export const promoteCommand = plain("promote", "end the pause that a canary is in", (service, stack) => service.promote(stack), false);

/** Goes on after a pause or a hold. */
export const resumeCommand = (cli: Cli): Command =>
  asksFirst(waits(prints(talks(new Command("resume")))))
    .description("go on after a pause, or after a person has read why it was held")
    .argument(...STACK)
    .action(async (stack: string, options: ServiceOptions & OutputOptions & WaitOptions & YesOption) => {
      const service = await cli.service(options);
      const { lastSeq, status, heldReason } = await service.getMigration(stack);
      if (!(await agreed(`${stack} is ${status}${heldReason === undefined ? "" : `: ${heldReason}`}\nGo on?`, options))) return;
      await service.resume(stack);
      await finish(service, stack, lastSeq, options);
    });
