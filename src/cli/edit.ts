import { Command } from "commander";
import type { Edit } from "../client/generated.js";
import { printable, UserError } from "../errors.js";
import { finish, type WaitOptions, waits } from "./ask.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks } from "./cli.js";
import type { ServiceClient } from "./client.js";
import { agreed, asksFirst, type YesOption } from "./confirm.js";
import { paintFor, print, say } from "./output.js";
import { changesText } from "./preview.js";

interface EditOptions extends ServiceOptions, OutputOptions, WaitOptions, YesOption {
  why?: string;
  dryRun?: boolean;
}

/** A hot-fix, a rotated password, more replicas: what somebody edited in the stack's file. */
export const editCommand = (cli: Cli): Command =>
  asksFirst(waits(prints(talks(new Command("edit")))))
    .description("take what was edited in the stack's file as a revision of its own; shows what it changes first")
    .argument(...STACK)
    .option("--why <text>", "the reason, for the journal")
    .option("--dry-run", "only show what it would change")
    .action(async (stack: string, options: EditOptions) => {
      const service = await cli.service(options);
      const { why, dryRun, output } = options;
      const edit = await service.getEdit(stack);
      if (dryRun !== true && edit.changes.length > 0 && edit.refused.length > 0)
        throw new UserError(edit.refused, { summary: `${stack}: not everything that was edited can be taken during a migration.` });
      if (edit.changes.length === 0)
        return print(output, edit, () => `${stack}: nothing in the stack's file differs from what is applied.`);
      if (edit.refused.length > 0) return print(output, edit, () => editText(edit));
      say(editText(edit));
      const { preview } = await service.previewEdit(stack);
      const shown = changesText(preview.changes, preview.unchanged, paintFor(process.stdout)).join("\n");
      if (dryRun === true) return print(output, { ...edit, preview }, () => shown);
      say(shown);
      if (!(await agreed(`${stack}: apply it now?`, options))) return;
      const { lastSeq } = await service.getMigration(stack);
      await service.edit(stack, { seen: edit.digest, why });
      await finish(service, stack, lastSeq, options);
    });

/** Said where somebody goes on: what they edited is not part of it. */
export async function sayEdit(service: ServiceClient, stack: string): Promise<void> {
  const edit = await service.getEdit(stack).catch(() => undefined);
  if (edit === undefined || edit.changes.length === 0) return;
  const paths = edit.changes.map((c) => c.path).join(", ");
  say(`The stack's file was edited in ${paths}. That stays there and is not applied; to apply it: cutover edit ${stack}`);
}

const editText = ({ changes, refused }: Edit): string =>
  [
    ...changes.map(({ path, before, after }) => `${path}: ${shownValue(before)} → ${shownValue(after)}`),
    ...refused.map(({ path, accepted }) => `${path} cannot be taken: ${accepted}`),
  ].join("\n");

const shownValue = (value: unknown): string => (value === undefined ? "nothing" : printable(value));
