import { basename, dirname } from "node:path";
import { UserError } from "../../../errors.js";
import { redactText } from "../../../lib/redact.js";
import type { GivenFile } from "../given.js";

export interface Setting {
  value: string;
  /** Where it stands, for messages. */
  at: string;
}

/** A unit with what its drop-ins say: section.key → its values in order, after resets. */
export interface Unit {
  /** `web@8001.service` */
  name: string;
  /** Its own file. */
  path: string;
  settings: Map<string, Setting[]>;
}

const SECTION = /^\[([A-Za-z][\w-]*)\]$/;

/**
 * Units of files and of their drop-ins (`NAME.service.d/*.conf`), as systemd reads them: lines that end with a backslash go on, an empty
 * value takes back what stood before. @throws UserError naming the line
 */
export function readUnits(files: GivenFile[]): Unit[] {
  const units = new Map<string, Unit>();
  const isDropIn = ({ path }: GivenFile): boolean => basename(dirname(path)).endsWith(".d");
  const unitOf = (file: GivenFile): string => (isDropIn(file) ? basename(dirname(file.path)).slice(0, -2) : basename(file.path));
  for (const file of [...files].sort((a, b) => Number(isDropIn(a)) - Number(isDropIn(b)))) {
    const name = unitOf(file);
    if (isDropIn(file) && !units.has(name))
      throw new UserError({ path: file.path, got: `a drop-in of ${name} alone`, accepted: `${name} as well` });
    if (!isDropIn(file) && units.has(name)) throw new UserError({ path: file.path, got: `${name} again`, accepted: "each unit once" });
    const unit = units.get(name) ?? { name, path: file.path, settings: new Map<string, Setting[]>() };
    units.set(name, unit);
    for (const { key, value, at } of settingsOf(file)) {
      const before = unit.settings.get(key) ?? [];
      unit.settings.set(key, value === "" ? [] : [...before, { value, at }]);
    }
  }
  return [...units.values()];
}

function* settingsOf({ path, text }: GivenFile): Generator<Setting & { key: string }> {
  let section = "";
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i += 1) {
    const at = `${path} line ${i + 1}`;
    let line = (lines[i] ?? "").trim();
    if (line === "" || /^[#;]/.test(line)) continue;
    while (line.endsWith("\\") && i + 1 < lines.length) {
      i += 1;
      const next = (lines[i] ?? "").trim();
      // A comment between the lines of one value is none of it.
      if (!/^[#;]/.test(next)) line = `${line.slice(0, -1).trimEnd()} ${next}`;
    }
    const found = SECTION.exec(line)?.[1];
    if (found !== undefined) {
      section = found;
      continue;
    }
    const [, key = "", value = ""] = /^([A-Za-z][\w-]*)\s*=\s*(.*)$/s.exec(line) ?? [];
    if (key === "" || section === "")
      throw new UserError({
        path: at,
        got: redactText(line).slice(0, 80),
        accepted: section === "" ? "a section first, for example [Service]" : "KEY=value",
      });
    yield { key: `${section}.${key}`, value, at };
  }
}

/** The one value of a setting: the last counts. */
export const one = (unit: Unit, key: string): Setting | undefined => unit.settings.get(key)?.at(-1);

/** `web@8001.service` is web, with the instance 8001; of `web@.service` nobody told one. */
export function partsOf(name: string): { prefix: string; instance?: string; isTemplate: boolean } {
  const [, prefix = name, at, instance = ""] = /^(.*?)(@(.*))?\.[a-z]+$/.exec(name) ?? [];
  return { prefix, isTemplate: at !== undefined, ...(instance === "" ? {} : { instance }) };
}
