import { type CsvError, parse } from "csv-parse/sync";
import { type InputIssue, printable, UserError } from "../errors.js";

export type Criticality = "high" | "medium" | "low";

/** One row of the inventory. */
export interface Application {
  name: string;
  technology: { kind: "nodejs" | "python" | "static" | "other"; version?: string; text: string };
  /** As written: services and other applications. */
  dependencies: string[];
  traffic: { text: string; perDay?: number };
  /** Absent for `None`. */
  dataStore?: string;
  criticality: Criticality;
  owner: string;
  /** Line in the file, from 1. */
  line: number;
  /** Columns beyond the known ones. */
  extra: Record<string, string>;
}

export interface Inventory {
  file: string;
  applications: Application[];
}

export const COLUMNS = ["Application", "Technology", "Dependencies", "Traffic", "Data Store", "Critical", "Owner"] as const;
type Column = (typeof COLUMNS)[number];
/** More would hide the first ones. */
const MOST_ISSUES = 20;
const NAME = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;

/**
 * Reads the inventory: the seed's columns in any order, quoted cells, CRLF and a byte order mark as spreadsheets write them.
 * @throws UserError naming every wrong cell's line and column, what stood there and what is accepted
 */
export function parseInventory(content: string | Buffer, file: string): Inventory {
  const rows = readRows(decoded(content, file), file);
  const header = rows[0];
  if (header === undefined) throw new UserError({ path: file, got: "an empty file", accepted: `a header line: ${COLUMNS.join(",")}` });
  const places = placesOf(header.record, file);
  if (rows.length === 1) throw new UserError({ path: `${file} line 2`, accepted: "at least one application below the header" });

  const issues: InputIssue[] = [];
  const firstLines = new Map<string, number>();
  const applications = rows.slice(1).map(({ record, line }) => {
    const application = applicationOf(record, line, header.record, places, file, issues);
    const first = firstLines.get(application.name);
    if (first !== undefined)
      issues.push({
        path: `${file} line ${line}, column Application`,
        got: `${application.name} again (first on line ${first})`,
        accepted: "each application once",
      });
    else firstLines.set(application.name, line);
    return application;
  });
  if (issues.length > 0) throw tooMany(issues, file);
  return { file, applications };
}

function decoded(content: string | Buffer, file: string): string {
  if (typeof content === "string") return content;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (cause) {
    throw new UserError({ path: file, got: "bytes that are not UTF-8", accepted: "a CSV file in UTF-8" }, { cause });
  }
}

interface Row {
  record: string[];
  line: number;
}

function readRows(text: string, file: string): Row[] {
  try {
    const parsed = parse(text, { bom: true, info: true, relaxColumnCount: true, skipEmptyLines: true, trim: true }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    let before = 0;
    return parsed.map(({ record, info }) => {
      // The parser counts the line a record ends on; a quoted cell may span several.
      const line = before + 1;
      before = info.lines;
      return { record, line };
    });
  } catch (cause) {
    const { lines, message } = cause as CsvError & { lines?: number };
    throw new UserError(
      {
        path: `${file}${lines === undefined ? "" : ` line ${lines}`}`,
        got: message.split(",")[0] ?? message,
        accepted: "comma-separated values; a cell with a comma, quote or line break in double quotes",
      },
      { cause },
    );
  }
}

function placesOf(header: string[], file: string): Record<Column, number> {
  const lower = header.map((h) => h.toLowerCase());
  const missing = COLUMNS.filter((c) => !lower.includes(c.toLowerCase()));
  const twice = COLUMNS.filter((c) => lower.filter((h) => h === c.toLowerCase()).length > 1);
  if (missing.length > 0 || twice.length > 0) {
    throw new UserError([
      ...missing.map((c) => ({ path: `${file} line 1, column ${c}`, accepted: `a header with the columns ${COLUMNS.join(",")}` })),
      ...twice.map((c) => ({ path: `${file} line 1, column ${c}`, got: "the column twice", accepted: "each column once" })),
    ]);
  }
  return Object.fromEntries(COLUMNS.map((c) => [c, lower.indexOf(c.toLowerCase())])) as Record<Column, number>;
}

function applicationOf(
  record: string[],
  line: number,
  header: string[],
  places: Record<Column, number>,
  file: string,
  issues: InputIssue[],
): Application {
  if (record.length !== header.length) {
    issues.push({
      path: `${file} line ${line}`,
      got: `${record.length} cells`,
      accepted: `${header.length} cells, as in the header; a cell with a comma in double quotes`,
    });
  }
  const cell = (column: Column): string => record[places[column]] ?? "";
  const say = (column: Column, accepted: string): void => {
    const got = cell(column);
    issues.push({ path: `${file} line ${line}, column ${column}`, ...(got === "" ? {} : { got: printable(got) }), accepted });
  };
  if (!NAME.test(cell("Application"))) say("Application", "a lower-case DNS label of at most 40 characters, for example web-api");
  const criticality = cell("Critical").toLowerCase();
  if (!["high", "medium", "low"].includes(criticality)) say("Critical", "High, Medium or Low");
  for (const column of ["Technology", "Traffic", "Owner", "Data Store"] as const)
    if (cell(column) === "") say(column, column === "Data Store" ? "a data store, or None" : "a value");
  const known = new Set(Object.values(places));
  const perDay = requestsPerDay(cell("Traffic"));
  const dataStore = cell("Data Store");
  return {
    name: cell("Application"),
    technology: technologyOf(cell("Technology")),
    dependencies: cell("Dependencies")
      .split(/[/;]/)
      .map((d) => d.trim())
      .filter((d) => d !== "" && d.toLowerCase() !== "none"),
    traffic: { text: cell("Traffic"), ...(perDay === undefined ? {} : { perDay }) },
    ...(dataStore === "" || dataStore.toLowerCase() === "none" ? {} : { dataStore }),
    criticality: criticality as Criticality,
    owner: cell("Owner"),
    line,
    extra: Object.fromEntries(header.flatMap((h, i) => (known.has(i) ? [] : [[h, record[i] ?? ""]]))),
  };
}

const STATIC = /^(react|vue|angular|svelte|static|html|next\.js)/i;

export function technologyOf(text: string): Application["technology"] {
  const version = /(\d+(\.\d+)*)/.exec(text)?.[1];
  const kind = /node/i.test(text) ? "nodejs" : /python/i.test(text) ? "python" : STATIC.test(text) ? "static" : "other";
  return { kind, ...(version === undefined ? {} : { version }), text };
}

/** `10k req/day` is 10 000; absent when the text gives no such number. */
function requestsPerDay(text: string): number | undefined {
  const match = /^([\d.]+)\s*([km]?)\s*req(?:uests)?\s*\/\s*(day|hour|minute|second|s)$/i.exec(text);
  if (match === null) return undefined;
  const [, amount = "0", scale = "", unit = "day"] = match;
  const factor = { "": 1, k: 1_000, m: 1_000_000 }[scale.toLowerCase()] ?? 1;
  const perDay = { day: 1, hour: 24, minute: 1_440, second: 86_400, s: 86_400 }[unit.toLowerCase()] ?? 1;
  return Number(amount) * factor * perDay;
}

function tooMany(issues: InputIssue[], file: string): UserError {
  const rest = issues.length - MOST_ISSUES;
  const shown = issues.slice(0, MOST_ISSUES);
  if (rest > 0) shown.push({ path: file, got: `${rest} more wrong cells`, accepted: "the same as above" });
  return new UserError(shown, { summary: `${file} is not a valid inventory; nothing was imported.` });
}
