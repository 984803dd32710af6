import type { Reading } from "./reading.js";

export type TechnologyKind = "nodejs" | "python" | "static" | "java" | "go" | "dotnet" | "php" | "ruby" | "other";

export interface Technology {
  kind: TechnologyKind;
  /** Of the language's runtime, never of a framework or an operating system. */
  version?: string;
  text: string;
}

/** What a word in the cell is. Only a runtime's own number is its version. */
interface Word {
  is: RegExp;
  kind?: Exclude<TechnologyKind, "other">;
  role: "runtime" | "framework" | "front end" | "mobile" | "beside";
}

const word = (is: string, role: Word["role"], kind?: Word["kind"]): Word => ({
  is: new RegExp(`(?<![A-Za-z0-9])(?:${is})(?![A-Za-z])`, "gi"),
  role,
  ...(kind === undefined ? {} : { kind }),
});

/** In this order: what is longer stands before what is part of it. */
const WORDS: readonly Word[] = [
  word("react[ -]native|flutter|android|ios app", "mobile"),
  word("java script", "beside"),
  word("next(?:\\.?js)?|nuxt(?:\\.?js)?|remix|express(?:\\.?js)?|nest(?:\\.?js)|fastify|koa|sveltekit|strapi", "framework", "nodejs"),
  word(
    "react(?:\\.?js)?|vue(?:\\.?js)?|angular(?:js|\\.js)?|svelte|ember(?:\\.?js)?|static(?: site| files)?|html5?|css3?|gatsby|hugo|jekyll|spa|vite",
    "front end",
    "static",
  ),
  word("node(?:\\.?\\s?js)?", "runtime", "nodejs"),
  word("python", "runtime", "python"),
  word("django|flask|fast ?api|celery|airflow|gunicorn|uvicorn", "framework", "python"),
  word(
    "spring(?: ?boot)?|tomcat|jboss|wildfly|quarkus|micronaut|kotlin|scala|java ?ee|jakarta ee|web(?:logic|sphere)",
    "framework",
    "java",
  ),
  word("java|jdk|jre|openjdk", "runtime", "java"),
  word("golang|go", "runtime", "go"),
  word("\\.net framework|asp\\.net(?: core)?|dotnet(?: core)?|\\.net(?: core)?|c#", "runtime", "dotnet"),
  word("laravel|symfony|word ?press|drupal|magento|joomla", "framework", "php"),
  word("php", "runtime", "php"),
  word("rails|ruby on rails|ror|sidekiq|sinatra|puma", "framework", "ruby"),
  word("ruby", "runtime", "ruby"),
  word(
    "windows(?: server)?|ubuntu|debian|amazon linux|al2|rhel|red hat(?: enterprise linux)?|centos|linux|alpine|iis|nginx|apache(?: httpd)?|httpd|pm2|ec2|docker|x86|arm64|lambda|microsoft|oracle linux|suse|sles",
    "beside",
  ),
  word(
    "typescript|javascript|js|ts|ssr|ssg|lts|web|api|app|application|server|service|rest|graphql|on|with|and|the|in|a|core|backend|frontend|back|front|end|v|version|bit",
    "beside",
  ),
];

/** Largest number that is a release of it: a year or a port is none. */
const HIGHEST: Record<string, number> = { nodejs: 40, python: 3, java: 40, go: 1, dotnet: 20, php: 9, ruby: 4, static: 0 };

interface Hit extends Word {
  at: number;
  end: number;
  version?: string;
}

/** The runtime that a cell names, its own version, and how sure that is. Pure. */
export function readTechnology(text: string): { technology: Technology; reading: Omit<Reading, "column"> } {
  const hits = hitsIn(text);
  const servers = [...new Set(hits.filter((h) => h.role === "runtime" || h.role === "framework").map((h) => h.kind))];
  const isFront = hits.some((h) => h.role === "front end");
  const isMobile = hits.some((h) => h.role === "mobile");
  const rest = leftOver(text, hits);
  const answer = (technology: Omit<Technology, "text">, confidence: Reading["confidence"], question?: string) => ({
    technology: { ...technology, text },
    reading: {
      text,
      as: `${technology.kind}${technology.version === undefined ? "" : ` ${technology.version}`}`,
      confidence,
      ...(question === undefined ? {} : { question }),
    },
  });
  if (text.trim() === "") return answer({ kind: "other" }, "unsure", "Which technology is it?");
  const [kind, ...others] = servers;
  if (kind === undefined) {
    if (!isFront || isMobile)
      return answer({ kind: "other" }, "unsure", `Which language and version is ${JSON.stringify(text)}? No runtime in it is known.`);
    if (SERVER_SIDE.test(text))
      return answer({ kind: "other" }, "unsure", `What runs on the server side of ${JSON.stringify(text)}, in which language and version?`);
    return rest === ""
      ? answer({ kind: "static" }, "sure")
      : answer({ kind: "static" }, "unsure", `Is it a static site? Not understood: ${rest}.`);
  }
  if (others.length > 0)
    return answer(
      { kind: "other" },
      "unsure",
      `Several runtimes (${servers.join(", ")}): is it one image or several, and what runs in each?`,
    );
  const versions = [...new Set(hits.filter((h) => h.kind === kind && h.role === "runtime").flatMap((h) => h.version ?? []))];
  const technology = { kind, ...(versions[0] === undefined ? {} : { version: versions[0] }) };
  if (isMobile) return answer(technology, "unsure", `Is the image the ${kind} process alone? What runs on people's devices needs none.`);
  if (isFront) return answer(technology, "unsure", `Does the ${kind} process serve the front end too, or are they two applications?`);
  if (kind === "dotnet" && needsWindows(text, versions))
    return answer(technology, "unsure", ".NET Framework runs on Windows only: is it moved to .NET first, or does it run in Windows nodes?");
  if (SERVERLESS.test(text)) return answer(technology, "unsure", "It runs as functions, without a server: is it moved at all?");
  const numbers = [...versions, ...numbersIn(rest)];
  if (numbers.length > 1) return answer(technology, "unsure", `Which of the versions ${numbers.join(", ")} runs in production?`);
  if (/(?<![A-Za-z])(next|nuxt|gatsby)/i.test(text) && !/ssr|server/i.test(text))
    return answer(technology, "unsure", "Is it rendered by a server, or exported as static files?");
  if (rest !== "") return answer(technology, "likely", `Not understood beside it: ${rest}.`);
  if (/\b(windows|iis)\b/i.test(text))
    return answer(technology, "likely", "Its image runs on Linux: does it use anything that only Windows has?");
  if (versions.length === 0) return answer(technology, "likely", `Which version of ${kind}?`);
  return answer(technology, "sure");
}

/** Words that a site of files alone has no use for. */
const SERVER_SIDE = /\bssr\b|server[- ]?side|\bback[- ]?end\b|\bapi\b|\brest\b|\bgraphql\b|\blambdas?\b|\bserver(?! 20\d\d)\b/i;
const SERVERLESS = /\blambdas?\b|\b(cloud|azure) functions?\b/i;

/** .NET Framework by its name, by what only it has, or by its numbers: 1.x to 4.x, where .NET Core says so and .NET begins with 5. */
const needsWindows = (text: string, versions: readonly string[]): boolean =>
  /\.net framework|web ?forms|\bwcf\b|classic asp|\bmvc ?[1-5]\b/i.test(text) ||
  (!/core/i.test(text) && versions.some((v) => Number.parseInt(v, 10) < 5 && !/^(2\.[12]|3\.1)$/.test(v)));

const numbersIn = (rest: string): string[] => rest.split(" ").filter((w) => /^\d/.test(w));

function hitsIn(text: string): Hit[] {
  const hits: Hit[] = [];
  for (const w of WORDS)
    for (const match of text.matchAll(w.is)) {
      const at = match.index;
      const end = at + match[0].length;
      if (hits.some((h) => at < h.end && end > h.at)) continue;
      const number = /^[\s:/-]*v?(\d+(?:\.\d+)*)(?:\.x)?/.exec(text.slice(end));
      const version = number?.[1];
      const plausible = version !== undefined && Number.parseInt(version, 10) <= (HIGHEST[w.kind ?? ""] ?? 0);
      hits.push({ ...w, at, end: end + (number?.[0].length ?? 0), ...(plausible && w.role === "runtime" ? { version } : {}) });
    }
  return hits.sort((a, b) => a.at - b.at);
}

function leftOver(text: string, hits: Hit[]): string {
  const kept = [...text].map((c, i) => (hits.some((h) => i >= h.at && i < h.end) ? " " : c)).join("");
  return (kept.match(/[A-Za-z][\w.#+-]*|(?<![\w.])\d+(?:\.\d+)*(?:\.x)?/g) ?? []).join(" ");
}
