import { isDoubted, type Reading } from "./reading.js";
import { serviceNamed } from "./services.js";

/** Words around a name that say how it is used, not what it is. */
const AROUND =
  /^(?:(?:calls?|uses?|needs?|reads?|requires?|depends on|talks to|consumes?|via|from|to|the)\b:?\s*)+|\s*\([^()]*\)\s*$|:\d+$/gi;
/** Hosts that only a private network has: a public one is whose its domain says. */
const INTERNAL =
  /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([\w-]+)(?:\.[\w.-]*\b(?:local|internal|corp|lan|intra|intranet|svc))?(?::\d+)?(?:[/?#]|$)/i;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/**
 * What the parts of a cell of dependencies name. An application that it names in another form (`Orders API`, `calls orders-api`,
 * `orders-api (REST)`, `https://orders-api.corp.local/v1`) is that application, and is said to be; one whose name stands in
 * something that is not understood is asked for. Pure.
 * @param names of the inventory's applications
 * @param own the application whose cell it is
 */
export function readDependencies(
  parts: readonly string[],
  names: ReadonlySet<string>,
  own: string,
): { dependencies: string[]; reading: Omit<Reading, "column" | "text"> } {
  const dependencies: string[] = [];
  const questions: string[] = [];
  let confidence: Reading["confidence"] = "sure";
  const taken: string[] = [];
  for (const part of parts) {
    const meant = names.has(part) ? part : applicationMeant(part, names);
    if (isDoubted(part)) {
      questions.push(`Does it depend on anything, and on what? ${JSON.stringify(part)} does not say it for certain.`);
      if (meant !== undefined || serviceNamed(part) !== undefined) dependencies.push(meant ?? part);
    } else if (meant !== undefined) {
      dependencies.push(meant);
      if (meant !== part) taken.push(`${JSON.stringify(part)} was taken for the application ${meant}.`);
    } else {
      dependencies.push(part);
      const mentioned = mentionedIn(part, names).filter((name) => name !== own && (serviceNamed(part) === undefined || name.includes("-")));
      if (mentioned.length > 0) questions.push(`Does ${JSON.stringify(part)} mean the application ${mentioned.join(" or ")}?`);
    }
  }
  if (taken.length > 0) confidence = "likely";
  if (questions.length > 0) confidence = "unsure";
  const question = [...questions, ...taken].join(" ");
  const all = [...new Set(dependencies)];
  const none = questions.length > 0 ? "unknown" : "none";
  return { dependencies: all, reading: { as: all.join(", ") || none, confidence, ...(question === "" ? {} : { question }) } };
}

function applicationMeant(part: string, names: ReadonlySet<string>): string | undefined {
  const label = wordsOf(part.replace(AROUND, "").replace(AROUND, "")).join("-");
  if (names.has(label)) return label;
  const host = INTERNAL.exec(part)?.[1]?.toLowerCase();
  return host !== undefined && names.has(host) ? host : undefined;
}

/** Names that stand in it as whole words, the longest at each place. */
function mentionedIn(part: string, names: ReadonlySet<string>): string[] {
  const words = wordsOf(part);
  const found: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    for (let end = words.length; end > at; end -= 1) {
      const name = words.slice(at, end).join("-");
      if (!names.has(name)) continue;
      found.push(name);
      at = end - 1;
      break;
    }
  }
  return [...new Set(found)];
}
