import { parse } from "shell-quote";

/** What stands for characters that are only themselves outside a shell: private use, so in no file. */
const STAND_INS: [string, string][] = [
  ["$", "\uE000"],
  ["#", "\uE001"],
  ["*", "\uE002"],
  ["?", "\uE003"],
  ["[", "\uE004"],
  ["~", "\uE005"],
];

/** Whether every quote of a command line is closed. */
export function isClosed(line: string): boolean {
  let open = "";
  for (let i = 0; i < line.length; i += 1) {
    const c = line[i] as string;
    if (c === "\\" && open !== "'") i += 1;
    else if (open === "") open = c === '"' || c === "'" ? c : "";
    else if (c === open) open = "";
  }
  return open === "";
}

/**
 * The words of a command line that no shell reads, as Docker and systemd split it: quotes and backslashes count, operators,
 * patterns and variables do not.
 * @returns undefined where it has operators that only a shell knows, or a quote that is not closed
 */
export function plainWords(line: string): string[] | undefined {
  if (!isClosed(line)) return undefined;
  const hidden = STAND_INS.reduce((text, [c, standIn]) => text.replaceAll(c, standIn), line);
  const words = parse(hidden);
  if (!words.every((word) => typeof word === "string")) return undefined;
  return words.map((word) => STAND_INS.reduce((text, [c, standIn]) => text.replaceAll(standIn, c), word));
}

/**
 * A command line that a shell reads, as a Procfile's: its words where it needs none of a shell's means, otherwise the shell
 * with the line.
 */
export function shellWords(line: string): string[] {
  const words = /\$|^\w+=/.test(line) || !isClosed(line) ? [] : parse(line);
  const plain = words.filter((word) => typeof word === "string");
  return plain.length === words.length && plain.length > 0 ? plain : ["/bin/sh", "-c", line];
}
