/** What the application's schemas hold, by name alone, as far as pg_catalog has nothing of that name. */
export interface Names {
  relations: ReadonlySet<string>;
  functions: ReadonlySet<string>;
  types: ReadonlySet<string>;
}

interface Token {
  kind: "name" | "sign" | "string";
  text: string;
}

const TOKEN =
  /--[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/|(\$[A-Za-z_]*\$)([\s\S]*?)\1|[eE]'((?:[^'\\]|\\[\s\S]|'')*)'|'((?:[^']|'')*)'|"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(::|[^\s\w])|\d+/g;

function tokensOf(body: string): Token[] {
  return [...body.matchAll(TOKEN)].flatMap(([, , dollar, escaped, string, quoted, name, sign]): Token[] => {
    if (quoted !== undefined) return [{ kind: "name", text: quoted.replaceAll('""', '"') }];
    if (name !== undefined) return [{ kind: "name", text: name.toLowerCase() }];
    if (sign !== undefined) return [{ kind: "sign", text: sign }];
    const text = dollar ?? escaped ?? string;
    return text === undefined ? [] : [{ kind: "string", text: text.replaceAll("''", "'") }];
  });
}

/** Words that a table's name follows; `INTO` only after `INSERT` or `MERGE`, for PL/pgSQL's own is about variables. */
const BEFORE_TABLES = new Set(["from", "join", "update", "only", "table"]);

/**
 * Names in a function's body that are found by the search path alone: of tables, functions and types of the application
 * that stand without their schema. It reads as little of the language as that takes. Strings are read where a body
 * executes strings.
 */
export function unqualifiedIn(body: string, names: Names): string[] {
  const tokens = tokensOf(body);
  const ofQueries = new Set(
    tokens.filter((t, i) => t.kind === "name" && isWord(tokens[i + 1], "as") && isSign(tokens[i + 2], "(")).map((t) => t.text),
  );
  const found = tokens.flatMap((token, i): string[] => {
    if (token.kind !== "name" || isSign(tokens[i - 1], ".")) return [];
    const [before, next] = [tokens[i - 1], tokens[i + 1]];
    if (isSign(next, ".")) return [];
    const intoTable = isWord(before, "into") && (isWord(tokens[i - 2], "insert") || isWord(tokens[i - 2], "merge"));
    const asTable = intoTable || (before?.kind === "name" && BEFORE_TABLES.has(before.text)) || isOfRows(tokens, i);
    if (asTable && !isSign(next, "(") && names.relations.has(token.text) && !ofQueries.has(token.text)) return [token.text];
    if (intoTable && names.relations.has(token.text)) return [token.text];
    if (isSign(next, "(") && names.functions.has(token.text)) return [`${token.text}()`];
    if (isSign(before, "::") && names.types.has(token.text)) return [token.text];
    return [];
  });
  const executed = tokens.some((t) => isWord(t, "execute")) ? tokens.filter((t) => t.kind === "string") : [];
  return [...new Set([...found, ...executed.flatMap((t) => unqualifiedIn(t.text, names))])];
}

const isWord = (token: Token | undefined, text: string): boolean => token?.kind === "name" && token.text === text;
const isSign = (token: Token | undefined, text: string): boolean => token?.kind === "sign" && token.text === text;
const isOfRows = (tokens: Token[], i: number): boolean => isSign(tokens[i + 1], "%") && isWord(tokens[i + 2], "rowtype");

/** Functions that a body calls by schema and name: `schema.name`. What they use is used too. */
export function calledIn(body: string): string[] {
  const tokens = tokensOf(body);
  return tokens.flatMap((token, i) => {
    const [schema, dot, name] = [token, tokens[i + 1], tokens[i + 2]];
    return schema.kind === "name" && isSign(dot, ".") && name?.kind === "name" && isSign(tokens[i + 3], "(")
      ? [`${schema.text}.${name.text}`]
      : [];
  });
}
