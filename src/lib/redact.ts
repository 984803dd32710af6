import { looksSecret } from "../config/secrets.js";

const HIDDEN = "[secret]";

/** `name=value`, `name: value` and `"name": "value"` in running text. */
const ASSIGNMENT = /(["']?)([A-Za-z_][\w.-]*)\1(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)/g;
const CREDENTIALS_IN_URL = /(:\/\/)[^/\s:@]+:[^/\s@]+@/g;
const BLOCKS = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)|\bAKIA[0-9A-Z]{16}\b/g;
const BEARER = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi;

/** Headers that carry a credential under a name of their own. */
const HEADERS = /^(authorization|cookie|set-cookie)$/i;
const isSecret = (key: string, value: string) => looksSecret(key.replaceAll("-", "_"), value) || (HEADERS.test(key) && value !== "");

/** A text without what looks like a credential, by the rules that keep those out of stack configs. */
export function redactText(text: string): string {
  return text
    .replace(BLOCKS, HIDDEN)
    .replace(CREDENTIALS_IN_URL, `$1${HIDDEN}@`)
    .replace(BEARER, `$1 ${HIDDEN}`)
    .replace(ASSIGNMENT, (whole, quote: string, name: string, between: string, value: string) =>
      isSecret(name, value) ? `${quote}${name}${quote}${between}${HIDDEN}` : whole,
    );
}

/** A JSON value without what looks like a credential. */
export function redact(value: unknown, key = ""): unknown {
  if (typeof value === "string") return value !== "" && isSecret(key, "any") ? HIDDEN : redactText(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((v) => redact(v, key));
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, redact(v, k)]));
}
