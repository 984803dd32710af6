import { type InputIssue, printable, UserError } from "../errors.js";
import { decoded } from "./decode.js";
import { readDependencies } from "./dependencies.js";
import { COLUMNS, type Column, type ColumnMap, isHeader, type Places, placesOf } from "./mappings.js";
import { isDoubted, isNone, partsOf, type Reading } from "./reading.js";
import { readStores, type Store } from "./stores.js";
import { type Row, readTable } from "./table.js";
import { readTechnology, type Technology } from "./technology.js";
import { readTraffic, type Traffic } from "./traffic.js";

export { COLUMNS } from "./mappings.js";

export type Criticality = "high" | "medium" | "low";

/** One row of the inventory. */
export interface Application {
  name: string;
  technology: Technology;
  /** As written: services and other applications. */
  dependencies: string[];
  traffic: Traffic;
  /** Absent for `None`. */
  dataStore?: string;
  /** What the data store's cell names. */
  stores: Store[];
  criticality: Criticality;
  owner: string;
  /** Line in the file, from 1. */
  line: number;
  /** Columns beyond the known ones. */
  extra: Record<string, string>;
  /** How each cell was read. */
  readings: Reading[];
}

export interface Inventory {
  file: string;
  applications: Application[];
  /** What was assumed of the file as a whole, as sentences. */
  notes: string[];
  /** Our own columns, as commas and UTF-8: a copy of the file is an inventory itself. */
  isPlain: boolean;
}

/** A title, a date and the like may stand above the header. */
const TITLE_LINES = 10;
/** More would hide the first ones. */
const MOST_ISSUES = 20;
const NAME = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;

/**
 * Reads the inventory: the seed's columns in any order, or an export of another tool; quoted cells, other separators and
 * encodings as spreadsheets write them. Nothing is guessed in silence: `readings` says how each cell was read.
 * @param map which of the file's columns ours are, where their names do not say it
 * @throws UserError naming every wrong cell's line and column, what stood there and what is accepted
 */
export function parseInventory(content: string | Buffer, file: string, map: ColumnMap = {}): Inventory {
  requireText(content, file);
  const { text, encoding, assumed } = decoded(content);
  const table = readTable(text, file);
  const above = titlesOf(table.rows, map);
  const rows = table.rows.slice(above);
  const header = rows[0];
  if (header === undefined) throw new UserError({ path: file, got: "an empty file", accepted: `a header line: ${COLUMNS.join(",")}` });
  const read = assumed ? ` (it is not UTF-8 and was read as ${encoding})` : "";
  if (header.record.length === 1)
    throw new UserError({
      path: `${file} line ${header.line}`,
      got: `one column, ${JSON.stringify(printable(header.record[0] ?? "").slice(0, 60))}${read}`,
      accepted: "columns separated by commas, semicolons, tabs or bars, or a line `sep=X` above them that says by what",
    });
  const places = placesOf(header.record, `${file} line ${header.line}`, map, read);
  if (rows.length === 1)
    throw new UserError({ path: `${file} line ${header.line + 1}`, accepted: "at least one application below the header" });

  const issues: InputIssue[] = [];
  const isForeign = places.mapped.size > 0 || places.format !== undefined;
  const applications = new Map<string, Application>();
  const merged = new Map<string, number>();
  for (const { record, line } of rows.slice(1)) {
    const application = applicationOf({ record, line, header: header.record, places, isForeign, file, issues });
    const first = applications.get(application.name);
    if (first === undefined) applications.set(application.name, application);
    else if (isForeign) {
      first.dependencies = [...new Set([...first.dependencies, ...application.dependencies])];
      first.readings = first.readings.map((r) => agreed(r, application.readings));
      merged.set(application.name, (merged.get(application.name) ?? 1) + 1);
    } else
      issues.push({
        path: `${file} line ${line}, column Application`,
        got: `${application.name} again (first on line ${first.line})`,
        accepted: "each application once",
      });
  }
  if (issues.length > 0) throw tooMany(issues, file);
  const names = new Set(applications.keys());
  for (const application of applications.values()) nameDependencies(application, names);
  const notes = [
    ...(assumed ? [`${file} is not UTF-8; it was read as ${encoding}. Look whether its letters are right.`] : []),
    ...(above === 0 ? [] : [`The header is line ${header.line}; what stands above it was left out.`]),
    ...(places.format === undefined ? [] : [`Read as an export of ${places.format}.`]),
    ...[...merged].map(([name, count]) => `${count} rows of ${name} were taken together.`),
  ];
  const isPlain = !isForeign && above === 0 && table.delimiter === "," && encoding === "UTF-8" && !/^"?sep=/i.test(text);
  return { file, applications: [...applications.values()], notes, isPlain };
}

/** Which of its dependencies are applications is known once all of them are. */
function nameDependencies(application: Application, names: ReadonlySet<string>): void {
  const { dependencies, reading } = readDependencies(application.dependencies, names, application.name);
  application.dependencies = dependencies;
  application.readings = application.readings.map((r) =>
    r.column !== "Dependencies" || r.confidence === "unsure" ? r : { ...r, ...reading },
  );
}

/** Rows of one name that say different things of it: somebody must say which is right, or whether it is one. */
function agreed(reading: Reading, others: Reading[]): Reading {
  const other = others.find((r) => r.column === reading.column)?.text ?? "";
  if (other === "" || other === reading.text || reading.column === "Dependencies") return reading;
  const question =
    reading.column === "Application"
      ? `Are ${reading.text} and ${other} one application?`
      : `Another row of it says ${JSON.stringify(other)}: which is right?`;
  return { ...reading, confidence: "unsure", question: [reading.question, question].join(" ").trim() };
}

/** How many rows stand above the header, each with few cells beside it. */
function titlesOf(rows: Row[], map: ColumnMap): number {
  const filled = ({ record }: Row): number => record.filter((text) => text !== "").length;
  const at = rows.slice(0, TITLE_LINES).findIndex(({ record }) => isHeader(record, map));
  return at > 0 && rows.slice(0, at).every((row) => filled(row) * 2 < filled(rows[at] as Row)) ? at : 0;
}

/** How files begin that are no text, though people take them for a table. */
const BINARY: readonly [string, string][] = [
  ["PK\x03\x04", "an Excel or OpenDocument workbook"],
  ["\xD0\xCF\x11\xE0", "an old Excel workbook"],
  ["%PDF", "a PDF"],
];

function requireText(content: string | Buffer, file: string): void {
  const start = typeof content === "string" ? content.slice(0, 4) : content.subarray(0, 4).toString("latin1");
  const what = BINARY.find(([mark]) => start === mark)?.[1];
  if (what !== undefined) throw new UserError({ path: file, got: what, accepted: "a CSV file: save the sheet as CSV UTF-8" });
}

interface Cells {
  record: string[];
  line: number;
  header: string[];
  places: Places;
  isForeign: boolean;
  file: string;
  issues: InputIssue[];
}

function applicationOf({ record, line, header, places, isForeign, file, issues }: Cells): Application {
  const isRagged = header.slice(record.length).some((name) => name !== "") || record.slice(header.length).some((text) => text !== "");
  if (isRagged) {
    issues.push({
      path: `${file} line ${line}`,
      got: `${record.length} cells`,
      accepted: `${header.length} cells, as in the header; a cell with a separator in double quotes`,
    });
  }
  const at = (place: number | undefined): string => (place === undefined ? "" : (record[place] ?? ""));
  const cell = (column: Column): string => at(places.at[column]);
  const say = (column: Column, accepted: string): void => {
    const got = cell(column);
    issues.push({ path: `${file} line ${line}, column ${column}`, ...(got === "" ? {} : { got: printable(got) }), accepted });
  };
  const readings: Reading[] = [];
  const told = [cell("Application"), ...places.names.map(at)].find((n) => n !== "") ?? "";
  const name = isForeign ? labelOf(told) : told;
  if (!NAME.test(name)) say("Application", `a lower-case DNS label of at most 40 characters, for example ${labelOf(told) || "web-api"}`);
  readings.push({ column: "Application", text: told, as: name, confidence: name === told ? "sure" : "likely" });
  const critical = criticalityOf(cell("Critical"));
  if (critical === undefined && !isForeign) say("Critical", "High, Medium or Low");
  for (const column of ["Technology", "Traffic", "Owner", "Data Store"] as const)
    if (cell(column) === "" && !isForeign) say(column, column === "Data Store" ? "a data store, or None" : "a value");

  const { technology, reading: asTechnology } = readTechnology(cell("Technology"));
  const dependencies = partsOf(cell("Dependencies"));
  const { traffic, reading: asTraffic } = readTraffic(cell("Traffic"));
  const { stores, reading: asStores } = readStores(cell("Data Store"), dependencies);
  readings.push(
    { column: "Technology", ...asTechnology },
    {
      column: "Dependencies",
      text: cell("Dependencies"),
      as: dependencies.join(", ") || "none",
      confidence: places.at.Dependencies === undefined ? "unsure" : "sure",
      ...(places.at.Dependencies === undefined ? { question: "What does it depend on?" } : {}),
    },
    { column: "Traffic", ...asTraffic },
    { column: "Data Store", ...asStores },
    critical === undefined
      ? {
          column: "Critical",
          text: cell("Critical"),
          as: "high",
          confidence: "unsure",
          question: "How critical is it: High, Medium or Low? High is the most careful.",
        }
      : { column: "Critical", text: cell("Critical"), as: critical.level, confidence: critical.exact ? "sure" : "likely" },
    cell("Owner") === "" || isDoubted(cell("Owner"))
      ? { column: "Owner", text: cell("Owner"), as: "unassigned", confidence: "unsure", question: "Who owns it?" }
      : { column: "Owner", text: cell("Owner"), as: cell("Owner"), confidence: "sure" },
  );
  const known = new Set(Object.values(places.at));
  const dataStore = cell("Data Store");
  return {
    name,
    technology,
    dependencies,
    traffic,
    ...(dataStore === "" || isNone(dataStore) ? {} : { dataStore }),
    stores,
    criticality: critical?.level ?? "high",
    owner: readings.find((r) => r.column === "Owner")?.as ?? "unassigned",
    line,
    extra: Object.fromEntries(header.flatMap((h, i) => (known.has(i) ? [] : [[h, record[i] ?? ""]]))),
    readings: readings.map(doubted),
  };
}

/** What the writer was not sure of, nobody is. */
const doubted = (reading: Reading): Reading =>
  reading.confidence === "unsure" || reading.column === "Dependencies" || !isDoubted(reading.text)
    ? reading
    : {
        ...reading,
        confidence: "unsure",
        question: [`Is it ${reading.as}? The cell says that it may not be.`, reading.question].join(" ").trim(),
      };

const LEVELS: [RegExp, Criticality][] = [
  [/^(1 - most critical|2 - somewhat critical|critical|very high|(mission|business)[- ]critical|highest|tier[- ]?[01]|p[01])$/, "high"],
  [/^(3 - less critical|moderate|normal|tier[- ]?2|p2)$/, "medium"],
  [/^(4 - not critical|not critical|non[- ]critical|minor|lowest|tier[- ]?[34]|p[34])$/, "low"],
];

/** The level that a word means; `exact` when it is one of ours. */
function criticalityOf(text: string): { level: Criticality; exact: boolean } | undefined {
  const lower = text.trim().toLowerCase();
  if (lower === "high" || lower === "medium" || lower === "low") return { level: lower, exact: true };
  const level = LEVELS.find(([is]) => is.test(lower))?.[1];
  return level === undefined ? undefined : { level, exact: false };
}

/** `WEB01.corp.local` is web01: a server's or a person's name for something, as a DNS label. */
function labelOf(text: string): string {
  const bare = /^[\w-]+(\.[\w-]+)+$/.test(text) ? (text.split(".")[0] ?? "") : text;
  const label = bare
    .toLowerCase()
    .replaceAll("ß", "ss")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .replace(/^(?=\d)/, "app-");
  return label.slice(0, 40).replace(/-+$/, "");
}

/** An inventory in our own columns, whatever it was read from; what is not known says so. */
export function inventoryCsv({ applications }: Inventory): string {
  const quoted = (cell: string): string => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const rows = applications.map((a) => {
    const text = (column: Column): string => a.readings.find((r) => r.column === column)?.text || "unknown";
    const level = `${a.criticality[0]?.toUpperCase()}${a.criticality.slice(1)}`;
    const isOpen = (column: Column): boolean => a.readings.some((r) => r.column === column && r.confidence === "unsure");
    // A question mark keeps open what is not known.
    const dependencies = [...a.dependencies, ...(isOpen("Dependencies") ? ["?"] : [])].join(";") || "None";
    return [a.name, text("Technology"), dependencies, text("Traffic"), text("Data Store"), level, isOpen("Owner") ? "unknown" : a.owner];
  });
  return [[...COLUMNS], ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function tooMany(issues: InputIssue[], file: string): UserError {
  const rest = issues.length - MOST_ISSUES;
  const shown = issues.slice(0, MOST_ISSUES);
  if (rest > 0) shown.push({ path: file, got: `${rest} more wrong cells`, accepted: "the same as above" });
  return new UserError(shown, { summary: `${file} is not a valid inventory; nothing was imported.` });
}
