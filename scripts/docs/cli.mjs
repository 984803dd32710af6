// docs/reference/cli.md: every command, made from the commander program itself.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { row, table } from "./tables.mjs";

/** @returns path in the checkout → text; needs the build */
export async function renderCli(root) {
  const { buildProgram } = await import(pathToFileURL(join(root, "dist", "src", "cli", "program.js")).href);
  const program = await buildProgram();
  const groups = new Map();
  for (const command of program.commands) groups.set(command.helpGroup(), [...(groups.get(command.helpGroup()) ?? []), command]);
  const text = [
    "<!-- Made by npm run docs from src/cli. -->",
    "# Command line",
    "`npm run cutover -- COMMAND` in a checkout, `npx cutover COMMAND` where the package is installed. Results go to standard output and progress to standard error; [exit codes](../exit-codes.md) say what kind of thing went wrong. Every command that talks to the running service finds its token in `CUTOVER_TOKEN`, or in the state folder's `token` file.",
    "Options of every command, anywhere on the line:",
    options(program),
    ...[...groups].flatMap(([heading, commands]) => [
      `## ${heading.replace(/:$/, "")}`,
      ...commands.flatMap((c) => section(c, [program.name()])),
    ]),
  ].join("\n\n");
  return new Map([[join("docs", "reference", "cli.md"), `${text}\n`]]);
}

function section(command, parents) {
  const path = [...parents, command.name()];
  const own = [`### ${path.join(" ")}`, `${sentence(command.description())}`, `    ${path.join(" ")} ${command.usage()}`];
  const args = command.registeredArguments;
  if (args.length > 0)
    own.push(
      table(
        ["argument", "what it is", "default"],
        args.map((a) => row(`\`${a.name()}${a.variadic ? "…" : ""}\``, a.description, a.required ? "required" : "-")),
      ),
    );
  if (command.options.length > 0) own.push(options(command));
  return [...own, ...command.commands.flatMap((c) => section(c, path))];
}

function options(command) {
  return table(
    ["option", "what it does", "default"],
    command.options.map((o) => row(`\`${o.flags}\``, whatOf(o), o.mandatory ? "required" : defaultOf(o))),
  );
}

const whatOf = ({ description, argChoices, envVar }) =>
  `${description}${argChoices === undefined ? "" : ` (one of ${argChoices.join(", ")})`}${envVar === undefined ? "" : `; or ${envVar}`}`;

function defaultOf({ defaultValue, defaultValueDescription, negate }) {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  if (negate || defaultValue === undefined || (Array.isArray(defaultValue) && defaultValue.length === 0)) return "-";
  return `\`${Array.isArray(defaultValue) ? defaultValue.join(" ") : defaultValue}\``;
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
