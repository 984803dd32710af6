// docs/reference/stack-config.md: every value of a stack config. Types, defaults and what is accepted come from the zod
// schema itself; what a value means comes from the comments beside it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { row, table } from "./tables.mjs";

/** @returns path in the checkout → text; needs the build */
export async function renderConfig(root) {
  const { acceptedInWords, stackConfigSchema } = await import(pathToFileURL(join(root, "dist", "src", "config", "schema.js")).href);
  const sources = ["sections.ts", "processes.ts"].map((file) => readFile(join(root, "src", "config", file), "utf8"));
  const words = { comments: commentsIn((await Promise.all(sources)).join("\n")), inWords: acceptedInWords };
  const sections = Object.entries(stackConfigSchema.shape).map(([name, schema]) => {
    const { fallback, optional } = unwrapped(schema);
    const rows = valuesOf(name, schema, words).map(asRow);
    const needed = optional
      ? "Optional."
      : fallback === undefined && !prefaulted(schema)
        ? "Required."
        : "Optional: everything has a default.";
    const about = words.comments.get(name) ?? "";
    return [
      `## ${name}`,
      [about, needed].filter((t) => t !== "").join(" "),
      rows.length === 0 ? "" : table(["value", "accepted", "default", "what it is"], rows),
    ]
      .filter((t) => t !== "")
      .join("\n\n");
  });
  const text = [
    "<!-- Made by npm run docs from src/config/sections.ts. -->",
    "# Stack config: every value",
    'Each section is one key under `cutover:` in `stacks/Pulumi.STACK.yaml`; [the overview](../stack-config.md) says which are needed when. What reads "set by steps" is changed by the plan, everything else is yours.',
    ...sections,
  ].join("\n\n");
  return new Map([
    [join("docs", "reference", "stack-config.md"), `${text}\n`],
    [join("src", "config", "valueTexts.ts"), await renderTexts(root, stackConfigSchema, words)],
  ]);
}

/** What the values mean that people change while a migration runs: said beside them, where they are changed. */
async function renderTexts(root, schema, words) {
  const { TUNABLE } = await import(pathToFileURL(join(root, "dist", "src", "automation", "decide", "tuning.js")).href);
  const every = Object.entries(schema.shape).flatMap(([name, section]) => valuesOf(name, section, words));
  const texts = TUNABLE.map((path) => {
    const { about, accepted } = every.find((v) => v.path === path);
    return `  ${JSON.stringify(path)}: { about: ${JSON.stringify(about)}, accepted: ${JSON.stringify(accepted)} },`;
  });
  return `// Made by npm run docs from the schema of a stack config and the comments in src/config/sections.ts.

/** What a tunable value means and what is accepted for it, by its path. */
export const VALUE_TEXTS: Record<string, { about: string; accepted: string }> = {\n${texts.join("\n")}\n};\n`;
}

const WRAPPERS = ["optional", "default", "prefault", "nonoptional", "readonly"];
const prefaulted = (schema) => schema.def.type === "prefault";

/** The schema behind its wrappers, its default, and whether it may be absent. */
function unwrapped(schema) {
  let inner = schema;
  let fallback;
  let optional = false;
  while (WRAPPERS.includes(inner.def.type)) {
    if (inner.def.type === "default") fallback = inner.def.defaultValue;
    if (inner.def.type === "optional") optional = true;
    inner = inner.def.innerType;
  }
  return { inner, fallback, optional };
}

/** Every value of a section, of each of its variants. */
function valuesOf(name, section, words) {
  const { inner } = unwrapped(section);
  const variants = inner.def.type === "union" ? inner.def.options : [inner];
  return variants.flatMap((variant) => values(variant, [name], words));
}

function values(schema, path, words, prefix = []) {
  if (schema.def.type !== "object") return [valueAt(schema, path, words, prefix)];
  const kind = schema.shape.kind?.def.type === "literal" ? schema.shape.kind.def.values[0] : undefined;
  return Object.entries(schema.shape).flatMap(([key, value]) => {
    const { inner } = unwrapped(value);
    const at = [...path, key];
    const shown = kind === undefined ? prefix : [kind];
    if (inner.def.type === "object") return values(inner, at, words, shown);
    return [valueAt(value, at, words, shown)];
  });
}

function valueAt(schema, path, { comments, inWords }, [variant]) {
  const { inner, fallback, optional } = unwrapped(schema);
  const scoped = variant === undefined ? path : [variant, ...path.slice(1)];
  const about = comments.get(scoped.join(".")) ?? comments.get(path.join(".")) ?? "";
  return { path: path.join("."), variant, fallback, optional, accepted: accepted(inner, inWords), about };
}

function asRow({ path, variant, fallback, optional, accepted, about }) {
  const name = path.split(".").slice(1).join(".") || path;
  const shown = fallback === undefined ? (optional ? "none" : "required") : `\`${JSON.stringify(fallback)}\``;
  return row(variant === undefined ? `\`${name}\`` : `\`${name}\` (${variant})`, accepted, shown, about);
}

/** What a schema says when it refuses something; it says it to people in the same words. */
function accepted(schema, inWords) {
  if (schema.def.type === "array") return `a list: ${accepted(unwrapped(schema.def.element).inner, inWords)}`;
  if (schema.def.type === "record") return `a map: ${accepted(unwrapped(schema.def.valueType).inner, inWords)}`;
  if (schema.def.type === "object") return `a map with ${Object.keys(schema.shape).join(", ")}`;
  if (schema.def.type === "literal") return `\`${schema.def.values.join("`, `")}\``;
  if (schema.def.type === "enum")
    return Object.values(schema.def.entries)
      .map((v) => `\`${v}\``)
      .join(", ");
  if (schema.def.type === "boolean") return "`true`, `false`";
  // Nearest first: a value of the right type, so that the message is about what it should look like.
  for (const wrong of schema.def.type === "string" ? ["\u0000", ""] : [-1e15, 0.5, "x"]) {
    const message = schema.safeParse(wrong).error?.issues[0]?.message;
    if (message !== undefined) return inWords(message);
  }
  return schema.def.type === "string" ? "a text" : "a number";
}

/** Comment by path, from the nesting of the source as it is formatted. */
function commentsIn(source) {
  const found = new Map();
  const stack = [];
  let comment = [];
  let open = false;
  for (const line of source.split("\n")) {
    const text = line.trim();
    if (open || text.startsWith("/**")) {
      comment = text.startsWith("/**") ? [] : comment;
      comment.push(
        text
          .replace(/^\/\*\*\s?/, "")
          .replace(/\*\/$/, "")
          .replace(/^\*\s?/, "")
          .trim(),
      );
      open = !text.endsWith("*/");
      continue;
    }
    const key = /^(\s*)(?:export )?(?:const )?([A-Za-z]\w*)(?:(?::| =) |,$)/.exec(line);
    if (key !== null) {
      const [, indent, name] = key;
      while (stack.length > 0 && stack.at(-1).indent >= indent.length) stack.pop();
      stack.push({ indent: indent.length, name: RENAMED[name] ?? name });
      const words = comment
        .join(" ")
        .replace(/\s*@default.*$/, "")
        .trim();
      if (words !== "") found.set(stack.map((s) => s.name).join("."), words);
    }
    if (text !== "") comment = [];
  }
  return found;
}

/** Names of the source whose section or strategy is called otherwise. */
const RENAMED = { oldInfrastructure: "old", blueGreen: "blue-green" };
