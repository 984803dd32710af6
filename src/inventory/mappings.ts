import { UserError } from "../errors.js";

export const COLUMNS = ["Application", "Technology", "Dependencies", "Traffic", "Data Store", "Critical", "Owner"] as const;
export type Column = (typeof COLUMNS)[number];
/** Our column → the header of theirs. */
export type ColumnMap = Partial<Record<Column, string>>;

/** An export of another tool: headers that only it has, and which of them says what. The first header that is there counts. */
interface Format {
  name: string;
  /** All of these must be there. */
  signature: string[];
  columns: Partial<Record<Column, string[]>>;
}

/** Headers as the tools' public templates and exports show them. What none of them says is asked, not guessed. */
export const FORMATS: readonly Format[] = [
  {
    name: "Konveyor",
    signature: ["Record Type 1", "Application Name"],
    columns: {
      Application: ["Application Name"],
      Dependencies: ["Dependency"],
      Technology: ["Tag 1"],
      Owner: ["Owner", "Business Service"],
    },
  },
  {
    name: "AWS Migration Hub",
    signature: ["ExternalId", "HostName", "OS.Name"],
    columns: { Application: ["Applications", "VMware.VMName", "HostName"], Owner: ["Owner"] },
  },
  {
    name: "AWS Application Discovery Service",
    signature: ["serverId", "hostName", "osName"],
    columns: { Application: ["applicationName", "hostName"] },
  },
  {
    name: "Azure Migrate (import template)",
    signature: ["*Server name", "*OS name"],
    columns: { Application: ["*Server name"] },
  },
  {
    name: "Azure Migrate (assessment)",
    signature: ["Machine", "Azure VM readiness"],
    columns: { Application: ["Machine"] },
  },
  {
    name: "Azure Migrate (servers)",
    signature: ["Server Name", "Operating System"],
    columns: { Application: ["Application", "Server Name"], Dependencies: ["Dependencies"] },
  },
  {
    name: "RVTools",
    signature: ["VM", "Powerstate"],
    columns: { Application: ["VM"], Owner: ["Owner"] },
  },
  {
    name: "ServiceNow",
    signature: ["name", "business_criticality"],
    columns: {
      Application: ["name"],
      Technology: ["technology_stack", "u_technology", "platform"],
      Critical: ["business_criticality"],
      Owner: ["owned_by", "managed_by", "support_group", "it_application_owner"],
    },
  },
  {
    name: "ServiceNow",
    signature: ["Name", "Business criticality"],
    columns: {
      Application: ["Name"],
      Technology: ["Technology stack", "Platform"],
      Critical: ["Business criticality"],
      Owner: ["Owned by", "IT application owner", "Managed by", "Support group"],
    },
  },
  {
    name: "Device42",
    signature: ["name", "service_level"],
    columns: { Application: ["name"], Critical: ["criticality"], Owner: ["customer"] },
  },
  {
    name: "Device42",
    signature: ["Device Name", "Service Level"],
    columns: { Application: ["Device Name"], Owner: ["Customer", "Business Owner"] },
  },
];

export interface Places {
  /** Where each of our columns stands; one that nothing says is missing. */
  at: Partial<Record<Column, number>>;
  /** Columns that another header stands for. */
  mapped: Set<Column>;
  /** Further columns that name the application where its own is empty. */
  names: number[];
  /** Whose export it is. */
  format?: string;
}

/** `Data Store`, `data_store` and `DataStore` are one. */
const plain = (header: string): string => header.toLowerCase().replace(/[\s_-]+/g, "");
const same = (a: string, b: string): boolean => plain(a) === plain(b);

/** Whether these cells are a header: one of them names applications, or a known export has them. */
export function isHeader(cells: string[], given: ColumnMap): boolean {
  const has = (name: string): boolean => cells.some((cell) => same(cell, name));
  return cells.length > 1 && (has(given.Application ?? "Application") || FORMATS.some((f) => f.signature.every(has)));
}

/**
 * Where each column stands: by its own name, by what the user mapped, or by the export that the header belongs to.
 * @param where the file and the header's line
 * @throws UserError when a column is missing and neither a mapping nor a known export says why
 */
export function placesOf(header: string[], where: string, given: ColumnMap, note: string): Places {
  const find = (name: string): number => header.findIndex((h) => same(h, name));
  const twice = COLUMNS.filter((c) => header.filter((h) => same(h, given[c] ?? c)).length > 1);
  const unknown = Object.entries(given).filter(([, name]) => find(name) < 0);
  const shown = header
    .filter((h) => h !== "")
    .slice(0, 20)
    .join(", ");
  if (twice.length > 0 || unknown.length > 0)
    throw new UserError([
      ...twice.map((c) => ({ path: `${where}, column ${c}`, got: "the column twice", accepted: "each column once" })),
      ...unknown.map(([c, name]) => ({
        path: `--map ${c}`,
        got: JSON.stringify(name),
        accepted: `a column of ${where.replace(/ line \d+$/, "")}: ${shown}`,
      })),
    ]);
  const own = COLUMNS.filter((c) => given[c] === undefined && find(c) >= 0);
  const isPlain = own.length === COLUMNS.length;
  const format = isPlain ? undefined : FORMATS.find((f) => f.signature.every((s) => find(s) >= 0));
  const at: Places["at"] = {};
  const mapped = new Set<Column>();
  for (const column of COLUMNS) {
    const theirs = given[column] ?? format?.columns[column]?.find((name) => find(name) >= 0);
    const place = given[column] !== undefined || own.includes(column) === false ? (theirs === undefined ? -1 : find(theirs)) : find(column);
    if (place < 0) continue;
    at[column] = place;
    if (!same(header[place] ?? "", column)) mapped.add(column);
  }
  const missing = COLUMNS.filter((c) => at[c] === undefined);
  const unread = header.filter((name, place) => name !== "" && !Object.values(at).includes(place));
  const isMapped = format !== undefined || Object.keys(given).length > 0;
  if (missing.length > 0 && (!isMapped || missing.includes("Application")))
    throw new UserError(
      missing.map((c, i) => ({
        path: `${where}, column ${c}`,
        accepted: `a header with the columns ${COLUMNS.join(",")}; here stands ${shown}${note}. ${unread.length === 0 ? `Add the column ${c}` : `Say which of them it is: --map '${c}=${unread[i] ?? unread[0]}'`}`,
      })),
    );
  const names = (format?.columns.Application ?? []).map(find).filter((place) => place >= 0);
  return { at, mapped, names, ...(format === undefined ? {} : { format: format.name }) };
}

/** @throws UserError naming what is wrong with a `--map` */
export function parseColumnMap(given: readonly string[]): ColumnMap {
  const map: ColumnMap = {};
  for (const text of given) {
    const [left = "", ...rest] = text.split("=");
    const column = COLUMNS.find((c) => same(c, left));
    if (column === undefined || rest.length === 0 || rest.join("=").trim() === "")
      throw new UserError({
        path: "--map",
        got: JSON.stringify(text),
        accepted: `COLUMN=HEADER, with COLUMN one of ${COLUMNS.join(", ")}`,
      });
    map[column] = rest.join("=").trim();
  }
  return map;
}
