import { Command } from "commander";
import type { NextStep, Preview } from "../client/generated.js";
import { printable } from "../errors.js";
import { type Cli, type OutputOptions, prints, type ServiceOptions, STACK, talks } from "./cli.js";
import { type Paint, paintFor, print, say } from "./output.js";
import { wayText } from "./show.js";

/** What the next step would change. */
export const previewCommand = (cli: Cli): Command =>
  prints(talks(new Command("preview")))
    .description("show what the next step would change and how one would come back; changes nothing")
    .argument(...STACK)
    .action(async (stack: string, options: ServiceOptions & OutputOptions) => {
      say(`Asking the engine what the next step of ${stack} would change …`);
      const view = await (await cli.service(options)).previewNextStep(stack);
      print(options.output, view, () => previewText(view, paintFor(process.stdout)));
    });

const SIGNS = { create: ["+", "green"], update: ["~", "yellow"], replace: ["±", "red"], delete: ["-", "red"] } as const;

function previewText({ step, preview, wayBack }: NextStep, paint: Paint): string {
  if (step === undefined) return "Every step is done.";
  return [
    `${paint("bold", step.id)}  ${step.title}`,
    ...(preview === undefined ? [NO_PREVIEW[step.kind] ?? ""] : changesText(preview.changes, preview.unchanged, paint)),
    ...(step.gates.length === 0 ? [] : ["Then these gates must hold:", ...step.gates.map((g) => `  ${g.gate}: ${g.accepts}`)]),
    ...(wayBack === undefined ? [] : [wayText(wayBack)]),
  ].join("\n");
}

/** Why a step shows no changes of resources. */
const NO_PREVIEW: Partial<Record<string, string>> = {
  action: "It changes no stack config: it calls the cloud or the cluster itself.",
  gate: "It changes nothing: it waits until its gates hold.",
  approval: "It changes nothing: it waits for a person.",
};

export function changesText(all: Preview["changes"], unchanged: number, paint: Paint): string[] {
  return [
    ...all.flatMap(({ op, type, name, diff }) => {
      const [sign, colour] = SIGNS[op];
      return [
        paint(colour, `${sign} ${op.padEnd(8)}${name}  ${type}`),
        ...diff.map((d) => `    ${d.path}: ${shownValue(d.before)} → ${shownValue(d.after)}${d.replaces === true ? " (replaces it)" : ""}`),
      ];
    }),
    `${unchanged} unchanged.`,
  ];
}

const shownValue = (value: unknown): string => (value === undefined ? "nothing" : printable(value));
