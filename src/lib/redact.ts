import { looksSecret, secretSpans } from "./secrets.js";

export const HIDDEN = "[secret]";

/** A text without what looks like a credential, by the rules that keep those out of stack configs. */
export function redactText(text: string): string {
  const spans = secretSpans(text);
  if (spans.length === 0) return text;
  let shown = "";
  let at = 0;
  for (const { from, to } of spans) {
    shown += text.slice(at, from) + HIDDEN;
    at = to;
  }
  return shown + text.slice(at);
}

/** A JSON value without what looks like a credential. `as` a key of this name. */
export function redact<T>(value: T, as = "", keep: (key: string) => boolean = () => false): T {
  if (typeof value === "string") return (value !== "" && looksSecret(as, "anything") ? HIDDEN : redactText(value)) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((v) => redact(v, as, keep)) as T;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, keep(k) ? v : redact(v, k, keep)])) as T;
}
