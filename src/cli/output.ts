import { stripVTControlCharacters } from "node:util";
import { stringify } from "yaml";

/** How results are printed. */
export type Form = "table" | "json" | "yaml";
export const FORMS: Form[] = ["table", "json", "yaml"];

interface Out {
  isTTY?: boolean;
  write(text: string): unknown;
}

const COLOURS = { green: 32, red: 31, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof COLOURS;
export type Paint = (colour: Colour, text: string) => string;

/** For a terminal only, and only when nobody asked for none. */
export const isColoured = ({ isTTY }: Out, env: NodeJS.ProcessEnv = process.env): boolean =>
  isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";

export function paintFor(out: Out): Paint {
  const coloured = isColoured(out);
  return (colour, text) => (coloured ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text);
}

/** A result, on standard output and nothing else there. */
export function print(form: Form, data: unknown, table: () => string): void {
  const text = form === "json" ? JSON.stringify(data, undefined, 2) : form === "yaml" ? stringify(data) : table();
  process.stdout.write(`${text.trimEnd()}\n`);
}

/** What is under way, on standard error. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Columns as wide as their widest cell, two spaces apart; colours count for nothing. */
export function tableOf(header: string[], rows: (string | number)[][]): string {
  const cells = [header, ...rows.map((r) => r.map(String))];
  const widths = header.map((_, i) => Math.max(...cells.map((r) => widthOf(r[i] ?? ""))));
  return cells
    .map((r) =>
      r
        .map((c, i) => padded(c, widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `name   value` lines, indented. */
export function fields(pairs: [name: string, value: string | undefined][]): string {
  const shown = pairs.filter((p): p is [string, string] => p[1] !== undefined && p[1] !== "");
  const width = Math.max(...shown.map(([n]) => n.length));
  return shown.map(([n, v]) => `  ${n.padEnd(width)}  ${v.split("\n").join(`\n  ${" ".repeat(width)}  `)}`).join("\n");
}

const widthOf = (text: string): number => stripVTControlCharacters(text).length;
export const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));

/** `███░░░░░░░ 25 %` */
export const bar = (percent: number): string =>
  `${"█".repeat(Math.round(percent / 10))}${"░".repeat(10 - Math.round(percent / 10))} ${percent} %`;
