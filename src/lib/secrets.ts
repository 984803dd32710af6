import { rules } from "@secretlint/secretlint-rule-preset-recommend";

/**
 * What counts as a credential: one answer for stack configs, policies, the journal, logs, files and answers of the API.
 * Well-known token shapes come from secretlint's recommended rules; here stand names, URLs, and what those leave out.
 */

/** Where a credential stands in a text. */
export interface Span {
  from: number;
  to: number;
}

/** What may stand where a credential belongs without being one: a reference, a mask, nothing. */
const STANDS_FOR_ONE = /^(\$\([\w.-]+\)|\$\{[^}]*\}|\$\w+|\{\{.*\}\}|<[^>]*>|\*+|x{3,}|\[(secret|redacted)\]|%[sdv])$/i;
const isOne = (value: string): boolean => value !== "" && !STANDS_FOR_ONE.test(value);

/* ---------------------------------------------------------------- by name */

const CREDENTIAL =
  /(^|_)((pg|my|db|redis|mongo|smtp|ftp|ldap|admin|user|root)?(password|passwd|passphrase|pwd|pass)|secret|token|credentials?|api_?key|(private|secret|access|signing|encryption|master|account|shared|storage)_?key|authorization|cookie|set_cookie|jwt)s?(_|$)/;
/** The last word says what a thing is: a token's lifetime is no token, a password's file no password. */
const ABOUT_ONE =
  /_(ttl|url|uri|urls|endpoint|len|length|min|max|minimum|maximum|size|count|timeout|expiry|expires|expiration|expires_(in|at|after)|lifetime|duration|age|days|hours|minutes|seconds|secs|ms|enabled|disabled|required|allowed|name|names|file|path|dir|folder|policy|type|kind|issuer|audience|algorithm|alg|header|headers|host|port|arn|ref|prefix|suffix|rotation|interval|strategy|provider|limit|limits|rounds|cost|iterations|version|class|format|field|param|params|parameter|mount|store|manager|backend|region|location|scope|scopes|reset|validator|validators|encoder|hasher|pattern|regex|rule|rules|hint|label|usage|budget|bucket|key_id|access_key_id|public_key|samesite|secure|domain|httponly)$/;
const NOT_CREDENTIAL = /^((max|min|num|total)_.*|(aws_)?access_key_id|token_(type|bucket)|pwd_?dir|oldpwd|cookie_?(banner|consent))$/;
/** Words of a name, from camelCase, kebab-case and dots. */
const wordsOf = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase();

function namesCredential(name: string): boolean {
  const words = wordsOf(name);
  return CREDENTIAL.test(words) && !ABOUT_ONE.test(words) && !NOT_CREDENTIAL.test(words);
}

/** A switch is no credential, whatever it switches; the shell's PWD is a folder. */
const holdsCredential = (name: string, value: string): boolean =>
  namesCredential(name) &&
  isOne(value) &&
  !/^(true|false|yes|no|on|off|null|none|undefined)$/i.test(value) &&
  !(/^(old)?pwd$/i.test(name) && /^[/~]/.test(value));

/** Whether a plain value is, or holds, a credential that belongs in a secret. */
export function looksSecret(name: string, value: string): boolean {
  return holdsCredential(name, value) || secretSpans(value).length > 0;
}

/* ---------------------------------------------------------------- in a text */

/** `scheme://user:password@host`: the password may hold anything but white space and quotes; the last @ ends it. */
const URL_WITH_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/([^\s:@/?#"'`<>]*):([^\s"'`<>]+)@(?=[\w[.%-])/gi;
/** `://host:8080/a@b` has a port there, and no password. */
const IS_PORT = /^\d{1,5}([/?#]|$)/;
const ASSIGNED =
  /(?<![\w.])(["']?)([A-Za-z_][\w.-]*)\1(\s*(?:=>|[=:])\s*)("(?:[^"\\]|\\.)*"|'[^']*'|(?:Bearer|Basic)\s+[^\s,;"'<>]+|[^\s,;&"'<>]+)/g;
/** An option of a command line whose value is the next word. */
const OPTION = /(?<![\w.-])--?([A-Za-z][\w-]*)\s+("[^"]*"|'[^']*'|[^\s"'-]\S*)/g;
const SHAPES = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(AKIA|ASIA)[0-9A-Z]{16}\b/g,
  // JSON Web Token: three parts, of which the first two are JSON.
  /\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*/g,
  /(?<=\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}/gi,
];

/** Every place in a text where a credential stands, sorted, without overlaps. */
export function secretSpans(text: string): Span[] {
  if (text.length < 5) return [];
  return merged([...inUrls(text), ...assigned(text), ...inOptions(text), ...shaped(text), ...known(text)]);
}

function* inUrls(text: string): Generator<Span> {
  for (const { 0: whole, 1: user = "", 2: password = "", index } of text.matchAll(URL_WITH_PASSWORD)) {
    if (IS_PORT.test(password) || !isOne(password)) continue;
    const to = index + whole.length - 1;
    yield { from: to - password.length - 1 - user.length, to };
  }
}

function* assigned(text: string): Generator<Span> {
  ASSIGNED.lastIndex = 0;
  for (let match = ASSIGNED.exec(text); match !== null; match = ASSIGNED.exec(text)) {
    const [whole, , name = "", between = "", value = ""] = match;
    // A part of an ARN or of a path in colons, such as `secretsmanager:us-east-2:1:secret:name`, is no assignment.
    const isPart = between === ":" && text[match.index - 1] === ":";
    if (!isPart && holdsCredential(name, value.replace(/^["']|["']$/g, "")))
      yield { from: match.index + whole.length - value.length, to: match.index + whole.length };
    // What stands behind `https:` or `DSN=` may be an assignment itself.
    else ASSIGNED.lastIndex = match.index + whole.length - value.length;
  }
}

function* inOptions(text: string): Generator<Span> {
  for (const { 0: whole, 1: name = "", 2: value = "", index } of text.matchAll(OPTION)) {
    const to = index + whole.length;
    if (holdsCredential(name, value)) yield { from: to - value.length, to };
  }
}

function* shaped(text: string): Generator<Span> {
  for (const shape of SHAPES) for (const match of text.matchAll(shape)) yield { from: match.index, to: match.index + match[0].length };
  yield* byRules(text);
}

/** secretlint's rules, asked directly: its own entrance is asynchronous, and a line of a log cannot wait. */
const byRules = (() => {
  let found: Span[] = [];
  const context = {
    createTranslator: () => (id: string) => ({ message: id, messageId: id }),
    report: ({ range: [from, to] }: { range: readonly [number, number] }) => void found.push({ from, to }),
    ignore: () => {},
    sharedOptions: {},
  };
  // Connection strings and URLs are read above, with what people's passwords really hold; comments switch nothing off.
  const left = /filter-comments|basicauth|database-connection-string/;
  const scanners = rules.filter((rule) => !left.test(rule.meta.id)).map((rule) => rule.create(context as never, {} as never));
  return (content: string): Span[] => {
    found = [];
    for (const scanner of scanners)
      void scanner.file?.({ filePath: "text", ext: "", contentType: "text", content, hasBOM: false } as never, {} as never);
    return found;
  };
})();

/* ---------------------------------------------------------------- known values */

const SHORTEST_KNOWN = 6;
const values = new Set<string>();

/** From here on this very value is a credential wherever it stands, in this process. Shorter ones than six characters would hide words. */
export function rememberSecret(value: string): void {
  if (value.length >= SHORTEST_KNOWN)
    for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) values.add(form);
}

function* known(text: string): Generator<Span> {
  for (const value of values)
    for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + value.length)) yield { from: at, to: at + value.length };
}

function merged(spans: Span[]): Span[] {
  const all: Span[] = [];
  for (const span of spans.sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = all.at(-1);
    if (last !== undefined && span.from < last.to) last.to = Math.max(last.to, span.to);
    else all.push({ ...span });
  }
  return all;
}
