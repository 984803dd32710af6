import { REPLACE } from "../../placeholders.js";
import { partsOf } from "./unit.js";

/** Folders of system services. */
const FOLDERS: Record<string, string> = { t: "/run", S: "/var/lib", C: "/var/cache", L: "/var/log", E: "/etc", T: "/tmp", V: "/var/tmp" };

/** A value with its specifiers (`%i`, `%n` …) in it. @param unknown is told of each that only the machine knows */
export function specified(text: string, unit: string, user: string | undefined, unknown: (specifier: string) => void): string {
  const { prefix, instance } = partsOf(unit);
  const known: Record<string, string | undefined> = {
    ...FOLDERS,
    "%": "%",
    n: unit,
    N: unit.replace(/\.[a-z]+$/, ""),
    p: prefix,
    P: unescaped(prefix),
    i: instance,
    I: instance === undefined ? undefined : unescaped(instance),
    j: prefix.split("-").at(-1),
    u: user ?? "root",
    h: user === undefined || user === "root" ? "/root" : undefined,
    U: user === undefined || user === "root" ? "0" : undefined,
  };
  return text.replace(/%(.)/g, (whole, specifier: string) => {
    const value = known[specifier];
    if (value !== undefined) return value;
    unknown(whole);
    return REPLACE;
  });
}

/** `\x2d` is a dash, and a dash a slash. */
const unescaped = (text: string): string =>
  text.replaceAll("-", "/").replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
