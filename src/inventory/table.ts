import { type CsvError, parse } from "csv-parse/sync";
import { UserError } from "../errors.js";

export interface Row {
  record: string[];
  /** Line in the file that it begins on, from 1. */
  line: number;
}

export interface Table {
  rows: Row[];
  delimiter: string;
}

const DELIMITERS = [",", ";", "\t", "|"] as const;

/**
 * Rows that say something: separators as the file's first lines show them or its `sep=` line says, rows of empty cells
 * left out.
 * @throws UserError naming the line
 */
export function readTable(text: string, file: string): Table {
  // Some write it in quotes, or fill its row up with separators as they do every other.
  const stated = /^"?sep=(\\t|.)"?[^\r\n\w]*(?:\r\n|\r|\n)/i.exec(text);
  const body = stated === null ? text : text.slice(stated[0].length);
  const before = stated === null ? 0 : 1;
  const delimiter = stated?.[1]?.replace("\\t", "\t") ?? delimiterOf(body);
  try {
    const parsed = parse(body, { bom: true, info: true, relaxColumnCount: true, trim: true, delimiter }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    let ended = before;
    const rows = parsed.map(({ record, info }) => {
      // The parser counts the line a record ends on; a quoted cell may span several.
      const line = ended + 1;
      ended = before + info.lines;
      return { record: record.map((cell) => cell.replace(/[\u00A0\u202F]/g, " ").trim()), line };
    });
    return { rows: rows.filter(({ record }) => record.some((cell) => cell !== "")), delimiter };
  } catch (cause) {
    const { lines, message } = cause as CsvError & { lines?: number };
    throw new UserError(
      {
        path: `${file}${lines === undefined ? "" : ` line ${lines + before}`}`,
        got: message.split(",")[0] ?? message,
        accepted: `comma-separated values (or semicolons, tabs, bars; here ${nameOf(delimiter)}); a cell with a separator, quote or line break in double quotes`,
      },
      { cause },
    );
  }
}

/** The one that the header has most of, outside quotes: the first line that has any; a title above it has none. */
function delimiterOf(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).filter((l) => !/^[,;|\t\s]*$/.test(l));
  const header = lines.map((l) => l.replace(/"[^"]*"/g, "")).find((l) => /[,;|\t]/.test(l)) ?? "";
  const counts = DELIMITERS.map((d) => header.split(d).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
}

const nameOf = (delimiter: string): string => ({ ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars" })[delimiter] ?? delimiter;
