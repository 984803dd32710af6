/** Compose's interpolation: `$X`, `${X}`, `${X:-default}`, `${X-default}`, `${X:?}`, `${X:+other}`, nested ones, and `$$` for a dollar. */

export interface Lookup {
  /** A variable's value; undefined where nothing sets it. */
  get(name: string): string | undefined;
  /** What stands for a value that nobody told. */
  unset(name: string, why?: string): string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;

/** @throws SyntaxError for what Compose refuses as well, naming it */
export function interpolated(text: string, lookup: Lookup): string {
  let result = "";
  for (let i = 0; i < text.length; ) {
    if (text[i] !== "$") {
      result += text[i];
      i += 1;
    } else if (text[i + 1] === "$") {
      result += "$";
      i += 2;
    } else if (text[i + 1] === "{") {
      const end = closing(text, i + 2);
      if (end === undefined) throw new SyntaxError("${ that is not closed");
      result += braced(text.slice(i + 2, end), lookup);
      i = end + 1;
    } else {
      const name = NAME.exec(text.slice(i + 1))?.[0];
      if (name === undefined) throw new SyntaxError(`a $ before ${JSON.stringify(text[i + 1] ?? "the end")}`);
      result += lookup.get(name) ?? lookup.unset(name);
      i += 1 + name.length;
    }
  }
  return result;
}

/** Where the brace that opened before `from` closes. */
function closing(text: string, from: number): number | undefined {
  let depth = 1;
  for (let i = from; i < text.length; i += 1) {
    if (text[i] === "$" && text[i + 1] === "{") {
      depth += 1;
      i += 1;
    } else if (text[i] === "}") {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  return undefined;
}

function braced(inner: string, lookup: Lookup): string {
  const name = NAME.exec(inner)?.[0];
  const [, operator = "", rest = ""] = /^(:?[-?+]|)(.*)$/s.exec(inner.slice(name?.length ?? 0)) ?? [];
  if (name === undefined || (operator === "" && rest !== "")) throw new SyntaxError(`\${${inner}}`);
  const value = lookup.get(name);
  const isSet = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
  switch (operator.at(-1)) {
    case "-":
      return isSet ? (value as string) : interpolated(rest, lookup);
    case "+":
      return isSet ? interpolated(rest, lookup) : "";
    case "?":
      return isSet ? (value as string) : lookup.unset(name, rest);
    default:
      return value ?? lookup.unset(name);
  }
}
