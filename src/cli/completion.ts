import { Argument, Command } from "commander";
import { type Cli, valuesOf } from "./cli.js";

const SHELLS = { bash, zsh, fish };
type Shell = keyof typeof SHELLS;

const INSTALL: Record<Shell, string> = {
  bash: "# Put into ~/.bashrc: source <(cutover completion bash)",
  zsh: "# Put into ~/.zshrc, after compinit: source <(cutover completion zsh)",
  fish: "# Run once: cutover completion fish > ~/.config/fish/completions/cutover.fish",
};

/** Completion for a shell, made from the commands themselves. */
export const completionCommand = (cli: Cli): Command =>
  new Command("completion")
    .description("print the completion for a shell; its first line says where to put it")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SHELLS)))
    .action(async (shell: Shell) => void process.stdout.write(`${INSTALL[shell]}\n${SHELLS[shell](await leaves(cli.program))}\n`));

interface Leaf {
  /** `journal verify`; empty for the program itself. */
  path: string;
  description: string;
  commands: { name: string; description: string }[];
  options: { flag: string; description: string; choices: string[] }[];
  takesStack: boolean;
  /** Choices of its first argument, and values of a second one. */
  choices: string[];
}

async function leaves(command: Command, path: string[] = []): Promise<Leaf[]> {
  const { commands } = command;
  const [first, second] = command.registeredArguments;
  const options = await Promise.all(command.options.map(async (o) => ({ long: o.long ?? o.flags, o, values: [...(await valuesOf(o))] })));
  const own: Leaf = {
    path: path.join(" "),
    description: command.description(),
    commands: commands.map((c) => ({ name: c.name(), description: c.description() })),
    options: [
      ...options.map(({ long, o, values }) => ({ flag: long, description: o.description, choices: values })),
      { flag: "--help", description: "display help for command", choices: [] },
    ],
    takesStack: first?.name() === "stack",
    choices: [...(first?.argChoices ?? []), ...(second === undefined ? [] : await valuesOf(second))],
  };
  const below = await Promise.all(commands.map((c) => leaves(c, [...path, c.name()])));
  return [own, ...below.flat()];
}

const STACKS = `ls stacks 2>/dev/null | sed -n 's/^Pulumi\\.\\(.*\\)\\.yaml$/\\1/p'`;

const wordsOf = ({ commands, options, choices }: Leaf): string =>
  [...commands.map((c) => c.name), ...choices, ...options.map((o) => o.flag)].join(" ");
const choicesOf = (leaf: Leaf): string[] =>
  leaf.options.filter((o) => o.choices.length > 0).map((o) => `      "${leaf.path} ${o.flag}") words="${o.choices.join(" ")}" ;;`);

/** The words that fit after a path of commands, and after an option with choices: the same for bash and zsh. */
function cases(all: Leaf[]): string {
  return [
    `    case "$path $previous" in`,
    ...all.flatMap(choicesOf),
    '      *) case "$path" in',
    ...all.map((l) => `        "${l.path}") words="${wordsOf(l)}${l.takesStack ? ` $(${STACKS})` : ""}" ;;`),
    "      esac ;;",
    "    esac",
  ].join("\n");
}

/** The path of commands among the words before the cursor. */
const walk = (all: Leaf[], from: string): string =>
  [
    `    local path="" word next`,
    `    for word in ${from}; do`,
    `      next="\${path:+$path }$word"`,
    `      case "|${all
      .map((l) => l.path)
      .filter((p) => p !== "")
      .join("|")}|" in *"|$next|"*) path="$next" ;; esac`,
    "    done",
  ].join("\n");

function bash(all: Leaf[]): string {
  return `_cutover() {
    local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
${walk(all, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
${cases(all)}
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _cutover cutover`;
}

function zsh(all: Leaf[]): string {
  return `_cutover() {
    local previous="\${words[CURRENT-1]}"
    local -a before=("\${(@)words[2,CURRENT-1]}")
    local found=""
    () {
    local words=""
${walk(all, '"$before[@]"')}
${cases(all)}
    found="$words"
    }
    compadd -- \${=found}
    (( compstate[nmatches] > 0 )) || _files
}
compdef _cutover cutover`;
}

function fish(all: Leaf[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  return all
    .flatMap((leaf) => {
      const names = leaf.path === "" ? [] : leaf.path.split(" ");
      const children = leaf.commands.map((c) => c.name).join(" ");
      const seen = names.map((n) => `__fish_seen_subcommand_from ${n}`);
      const open = children === "" ? [] : [`not __fish_seen_subcommand_from ${children}`];
      const when = [...seen, ...open].join("; and ");
      const line = (rest: string): string => `complete -c cutover ${when === "" ? "" : `-n ${quoted(when)} `}${rest}`;
      return [
        ...leaf.commands.map((c) => line(`-f -a ${c.name} -d ${quoted(c.description)}`)),
        ...leaf.choices.map((c) => line(`-f -a ${c}`)),
        ...(leaf.takesStack ? [line(`-f -a ${quoted(`(${STACKS})`)}`)] : []),
        ...leaf.options.map((o) => {
          const choices = o.choices.length === 0 ? "" : ` -x -a ${quoted(o.choices.join(" "))}`;
          return line(`-l ${o.flag.replace(/^--/, "")}${choices} -d ${quoted(o.description)}`);
        }),
      ];
    })
    .join("\n");
}
